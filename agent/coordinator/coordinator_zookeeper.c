/* The coordinator zookeeper: a thread for each seat, with a session of its own whose timeout is the
 * lease of the group, because the library blocks in name look-ups and has one timeout a session.
 * The loop and the thread share a struct under a lock and wake each other by eventfd. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "coordinator/coordinator_files.h"
#include "coordinator/seat.h"
#include "coordinator/zookeeper_keeper.h"

enum {
        STACK_SIZE = 1024 * 1024,
        BEATS_PER_LEASE = 16, /* four in the quarter that a write takes to be proven */
        RECORD_MAX = 128,
        RETRY_MS = 1000, /* of a session that could not be begun */
};

#define RETRY_INTERVAL (2 * USEC_PER_SEC) /* of what a person has to mend */
#define CLOSE_PATIENCE (1 * USEC_PER_SEC) /* for the last words to the ensemble */

/* Freed by whoever of loop and thread lets go last. */
struct share {
        pthread_mutex_t lock; /* for all down to the blank line */
        pthread_cond_t ended_changed;
        unsigned references;
        bool ended;
        struct seat_wish wish;
        unsigned wish_number, released_number; /* the wish to give back that was done */
        struct lease_view view;
        bool known; /* the view was found out; otherwise only its session and why */
        bool forget; /* what was known before is not true any more */

        atomic_bool closing;
        int to_thread, to_loop; /* eventfd */
        struct zk_settings settings; /* constant, as is the rest; the login is the thread's */
        uint32_t places;
        char base[ZK_PATH_MAX], group[COORDINATION_GROUP_MAX], member[COORDINATION_MEMBER_MAX];
        char folder[PATH_MAX], record[PATH_MAX]; /* record: file with the session */
        char user[ZK_USER_MAX], password_file[PATH_MAX];

        struct share *next_left; /* of the loop: in the list of those whose seat was left */
};

struct zookeeper {
        struct coordinator common;
        const struct zookeeper_library *library;
        struct share *left; /* whose threads may still be saying good-bye */
};

struct zookeeper_seat {
        struct seat common;
        struct share *share;
        struct loop_watch watch;
        unsigned wish_number;
};

static void lock(struct share *share) {
        int r = pthread_mutex_lock(&share->lock);
        assert(r == 0);
}

static void unlock(struct share *share) {
        int r = pthread_mutex_unlock(&share->lock);
        assert(r == 0);
}

/* With the lock held, which it gives back. */
static void unlock_and_unref(struct share *share) {
        bool last = --share->references == 0;
        unlock(share);
        if (last) {
                close(share->to_thread);
                close(share->to_loop);
                (void) pthread_cond_destroy(&share->ended_changed);
                (void) pthread_mutex_destroy(&share->lock);
                explicit_bzero(&share->settings, sizeof(share->settings));
                free(share);
        }
}

/* ---- in the thread: the session of a former life ---- */

/* "GUID SESSION PASSWORD" in hexadecimal. An agent that was started anew goes on with the session
 * that it finds there, and so with its lease. */
static bool load_record(struct zk_keeper *keeper, const char *path, clientid_t *ret) {
        static const char digits[] = "0123456789abcdef";
        char text[RECORD_MAX] = "", *rest;
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ||
                strspn(text, digits) != ZK_GUID_MAX - 1) {
                return false;
        }
        ret->client_id = (int64_t) strtoull(text + ZK_GUID_MAX, &rest, 16);
        if (*rest++ != ' ' || strspn(rest, digits) < 2 * sizeof(ret->passwd)) {
                return false;
        }
        for (size_t i = 0; i < sizeof(ret->passwd); i++, rest += 2) {
                const char byte[] = {rest[0], rest[1], '\0'};
                ret->passwd[i] = (char) strtoul(byte, NULL, 16);
        }
        text[ZK_GUID_MAX - 1] = '\0';
        (void) str_copy(keeper->guid, sizeof(keeper->guid), text);
        return true;
}

/* Without it only a new agent has to wait until the lease of the former one has run out. */
static void save_record(const struct zk_keeper *keeper, const char *path) {
        const struct zk_session *session = &keeper->session;
        const clientid_t *id = session->settings->library->client_id(session->handle);
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
                return;
        }
        dprintf(fd, "%s %" PRIx64 " ", keeper->guid, (uint64_t) id->client_id);
        for (size_t i = 0; i < sizeof(id->passwd); i++) {
                dprintf(fd, "%02x", (unsigned char) id->passwd[i]);
        }
}

/* ---- in the thread: telling the loop ---- */

static void tell(struct share *share, const struct lease_view *view, bool known, bool forget) {
        lock(share);
        share->view = *view;
        share->known = known;
        share->forget = forget || (share->forget && !known);
        unlock(share);
        (void) eventfd_write(share->to_loop, 1);
}

static void tell_trouble(
        struct share *share, enum coordinator_session session, const char *why, bool forget) {
        struct lease_view view = {.session = session};
        (void) str_copy(view.why, sizeof(view.why), why);
        tell(share, &view, false, forget);
}

/* ---- in the thread: a session ---- */

static void settle(struct zk_keeper *keeper, struct share *share, usec_t *ret_retry) {
        struct error err = {0};
        bool released = false;
        lock(share);
        struct seat_wish wish = share->wish;
        unsigned number = share->wish_number;
        unlock(share);
        keeper->session.watched = false;
        int code = zk_keeper_settle(keeper, &wish, &released, &err);
        *ret_retry = USEC_INFINITY;
        if (code == ZOK) {
                lock(share);
                share->released_number = released ? number : share->released_number;
                unlock(share);
                tell(share, &keeper->view, true, false);
        } else if (err.code != 0) {
                *ret_retry = usec_add(clock_now().mono, RETRY_INTERVAL);
                tell_trouble(share, SESSION_REFUSED, err.text, false);
        } else {
                *ret_retry = usec_add(clock_now().mono, RETRY_INTERVAL / 10);
                tell_trouble(share, SESSION_LOST, "an answer of the ensemble did not come", false);
        }
}

static void beat(struct zk_keeper *keeper, struct share *share, usec_t *retry) {
        int code = zk_keeper_beat(keeper);
        if (code == ZOK) {
                tell(share, &keeper->view, true, false);
        } else {
                *retry = 0; /* look at everything */
        }
}

static unsigned wish_number(struct share *share) {
        lock(share);
        unsigned number = share->wish_number;
        unlock(share);
        return number;
}

static usec_t earliest(usec_t a, usec_t b) {
        return a < b ? a : b;
}

static void on_connected(struct zk_keeper *keeper, const struct share *share) {
        keeper->prepared = keeper->seated = false;
        save_record(keeper, share->record);
}

/* Until it is over, or the seat is left. */
static void keep_session(struct zk_keeper *keeper, struct share *share) {
        struct zk_session *session = &keeper->session;
        usec_t retry = 0, next_beat = 0;
        bool before = false, met = false;
        unsigned seen = 0;
        eventfd_t count;
        while (!atomic_load(&share->closing)) {
                usec_t now = clock_now().mono, until = USEC_INFINITY;
                if (session->connected) {
                        if (!before) {
                                on_connected(keeper, share);
                                retry = 0;
                                met = true;
                        }
                        unsigned number = wish_number(share);
                        bool look = session->watched || number != seen ||
                                    earliest(retry, keeper->due) <= now;
                        seen = number;
                        if (look) {
                                settle(keeper, share, &retry);
                                next_beat = now + zk_session_timeout(session) / BEATS_PER_LEASE;
                        } else if (retry == USEC_INFINITY && next_beat <= now) {
                                beat(keeper, share, &retry);
                                next_beat = now + zk_session_timeout(session) / BEATS_PER_LEASE;
                        }
                        until = earliest(earliest(retry, keeper->due), next_beat);
                } else {
                        session->watched = false; /* everything is looked at after it */
                        tell_trouble(share, met ? SESSION_LOST : SESSION_CONNECTING,
                                *session->why ? session->why
                                              : "no server of the ensemble has answered",
                                false);
                        until = usec_add(now, RETRY_INTERVAL);
                }
                before = session->connected;
                if (!zk_session_wait(session, until)) {
                        tell_trouble(share, SESSION_LOST,
                                session->nonsense ? session->why
                                                  : "the session with the ensemble is over",
                                true);
                        return;
                }
                (void) eventfd_read(share->to_thread, &count);
        }
}

/* A seat that is left gives nothing away: a lease that is ours stays to its end. */
static void end_session(struct zk_keeper *keeper) {
        if (keeper->holding || *keeper->node) {
                zk_session_abandon(&keeper->session);
        } else {
                zk_session_end(&keeper->session);
        }
}

static void wait_awhile(const struct share *share) {
        struct pollfd wake = {.fd = share->to_thread, .events = POLLIN};
        (void) poll(&wake, 1, RETRY_MS);
}

/* Again and again, until a person has mended it. */
static void read_login(struct share *share) {
        const struct coordinator_spec spec = {.password_file = share->password_file};
        while (!atomic_load(&share->closing)) {
                struct coordinator_files files;
                struct error err = {0};
                eventfd_t count;
                if (coordinator_files_read(&files, &spec, &err) == 0) {
                        (void) snprintf(share->settings.login, sizeof(share->settings.login),
                                "%.100s:%.128s", share->user, files.password);
                        coordinator_files_done(&files);
                        return;
                }
                tell_trouble(share, SESSION_REFUSED, err.text, false);
                wait_awhile(share);
                (void) eventfd_read(share->to_thread, &count);
        }
}

static void keep(struct share *share, struct zk_keeper *keeper) {
        clientid_t former = {0};
        (void) mkdir(share->folder, 0700); /* what is missing there shows when it is written */
        read_login(share);
        bool known = load_record(keeper, share->record, &former);
        while (!atomic_load(&share->closing)) {
                if (!known) {
                        zk_keeper_draw_guid(keeper);
                }
                int code =
                        zk_session_open(&keeper->session, &share->settings, known ? &former : NULL);
                keeper->resumed = known;
                known = false;
                keeper->due = USEC_INFINITY;
                keeper->holding = false;
                keeper->node[0] = keeper->next[0] = '\0';
                if (code == ZOK) {
                        keep_session(keeper, share);
                } else {
                        tell_trouble(share, SESSION_CONNECTING,
                                *keeper->session.why ? keeper->session.why
                                                     : "a session could not be begun",
                                true);
                        wait_awhile(share);
                }
                end_session(keeper);
                if (keeper->session.nonsense) {
                        wait_awhile(share);
                }
        }
}

static void *thread_main(void *argument) {
        struct share *share = argument;
        struct zk_keeper *keeper = calloc(1, sizeof(*keeper));
        if (keeper) {
                (void) str_copy(keeper->base, sizeof(keeper->base), share->base);
                (void) str_copy(keeper->group, sizeof(keeper->group), share->group);
                (void) str_copy(keeper->member, sizeof(keeper->member), share->member);
                keeper->lease = share->settings.timeout;
                keeper->places = share->places;
                keep(share, keeper);
                free(keeper);
        }
        lock(share);
        share->ended = true;
        (void) pthread_cond_broadcast(&share->ended_changed);
        unlock_and_unref(share);
        return NULL;
}

/* ---- in the loop ---- */

static void on_news(void *cookie, uint32_t events) {
        struct zookeeper_seat *seat = cookie;
        struct share *share = seat->share;
        eventfd_t count;
        (void) events;
        (void) eventfd_read(share->to_loop, &count);
        lock(share);
        struct lease_view view = share->view;
        bool known = share->known, forget = share->forget;
        bool released = share->released_number == seat->wish_number;
        share->forget = false;
        unlock(share);
        if (seat->common.wish.release && released && known) {
                seat_released(&seat->common);
        }
        if (forget) {
                struct lease_view nothing = {.session = view.session};
                seat_update(&seat->common, &nothing);
        }
        if (known) {
                seat_update(&seat->common, &view);
        } else {
                seat_update_session(&seat->common, view.session, view.why);
        }
}

static int init_locks(struct share *share) {
        pthread_condattr_t attributes;
        int r = -pthread_mutex_init(&share->lock, NULL);
        if (r < 0) {
                return r;
        }
        (void) pthread_condattr_init(&attributes);
        (void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        r = -pthread_cond_init(&share->ended_changed, &attributes);
        (void) pthread_condattr_destroy(&attributes);
        if (r < 0) {
                (void) pthread_mutex_destroy(&share->lock);
        }
        return r;
}

static int new_share(struct share **ret) {
        struct share *share = calloc(1, sizeof(*share));
        if (!share) {
                return -ENOMEM;
        }
        share->to_thread = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        share->to_loop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        int r = share->to_thread < 0 || share->to_loop < 0 ? -EMFILE : init_locks(share);
        if (r < 0) {
                cleanup_close(&share->to_thread);
                cleanup_close(&share->to_loop);
                free(share);
                return r;
        }
        share->references = 1;
        *ret = share;
        return 0;
}

static void fill_share(struct share *share, const struct seat *seat) {
        const struct zookeeper *zookeeper = (const struct zookeeper *) seat->coordinator;
        const struct coordinator *common = seat->coordinator;
        char name[COORDINATION_MEMBER_MAX];
        size_t length = 0;
        share->settings.library = zookeeper->library;
        share->settings.timeout = seat->lease;
        share->places = seat->places;
        share->settings.closing = &share->closing;
        share->settings.wake_fd = share->to_thread;
        share->settings.give_up = USEC_INFINITY;
        for (size_t i = 0; i < common->n_servers && length < ZK_SERVERS_MAX; i++) {
                length += (size_t) snprintf(share->settings.servers + length,
                        ZK_SERVERS_MAX - length, "%s%s", i > 0 ? "," : "", common->servers[i]);
        }
        (void) snprintf(share->base, sizeof(share->base), "%.250s/%s", common->root, seat->group);
        (void) str_copy(share->group, sizeof(share->group), seat->group);
        (void) str_copy(share->member, sizeof(share->member), seat->member);
        member_path_name(seat->member, name);
        (void) snprintf(share->folder, sizeof(share->folder), "%s/coordination", common->runtime);
        (void) snprintf(share->record, sizeof(share->record), "%s/coordination/%s.%s.session",
                common->runtime, seat->group, name);
        (void) str_copy(share->user, sizeof(share->user), common->user);
        (void) str_copy(share->password_file, sizeof(share->password_file), common->password_file);
}

static int start_thread(struct share *share) {
        pthread_attr_t attributes;
        pthread_t thread;
        sigset_t all, before;
        int r = -pthread_attr_init(&attributes);
        if (r < 0) {
                return r;
        }
        (void) pthread_attr_setstacksize(&attributes, STACK_SIZE);
        (void) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        share->references++;
        r = -pthread_create(&thread, &attributes, thread_main, share);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attributes);
        if (r < 0) {
                share->references--;
        } else {
                (void) pthread_setname_np(thread, "zookeeper");
        }
        return r;
}

static int zookeeper_join(struct seat *common, struct error *err) {
        struct zookeeper_seat *seat = (struct zookeeper_seat *) common;
        int r = new_share(&seat->share);
        if (r < 0) {
                return error_set_errno(err, -r, "group %s", common->group);
        }
        fill_share(seat->share, common);
        r = loop_watch_add(&seat->watch, common->coordinator->loop, seat->share->to_loop, EPOLLIN,
                on_news, seat);
        if (r == 0) {
                r = start_thread(seat->share);
        }
        if (r < 0) {
                loop_watch_remove(&seat->watch);
                lock(seat->share);
                unlock_and_unref(seat->share);
                return error_set_errno(err, -r, "group %s: starting a thread", common->group);
        }
        return 0;
}

static void drop_ended(struct zookeeper *zookeeper) {
        for (struct share **link = &zookeeper->left; *link;) {
                struct share *share = *link;
                lock(share);
                if (share->ended) {
                        *link = share->next_left;
                        unlock_and_unref(share);
                } else {
                        unlock(share);
                        link = &share->next_left;
                }
        }
}

/* The thread says good-bye in its own time. */
static void zookeeper_leave(struct seat *common) {
        struct zookeeper *zookeeper = (struct zookeeper *) common->coordinator;
        struct zookeeper_seat *seat = (struct zookeeper_seat *) common;
        loop_watch_remove(&seat->watch);
        atomic_store(&seat->share->closing, true);
        (void) eventfd_write(seat->share->to_thread, 1);
        seat->share->next_left = zookeeper->left;
        zookeeper->left = seat->share;
        drop_ended(zookeeper);
}

static void zookeeper_wish(struct seat *common) {
        struct zookeeper_seat *seat = (struct zookeeper_seat *) common;
        lock(seat->share);
        seat->share->wish = common->wish;
        seat->wish_number = ++seat->share->wish_number;
        unlock(seat->share);
        (void) eventfd_write(seat->share->to_thread, 1);
}

/* ---- the coordinator ---- */

static int check_settings(const struct coordinator *common, struct error *err) {
        if (common->n_servers == 0) {
                return error_set(err, EINVAL, "coordinator: zookeeper needs servers: [HOST:PORT]");
        }
        size_t length = 0;
        for (size_t i = 0; i < common->n_servers; i++) {
                if (!strchr(common->servers[i], ':') || strchr(common->servers[i], '/')) {
                        return error_set(err, EINVAL,
                                "coordinator: a server of zookeeper is HOST:PORT, not %s",
                                common->servers[i]);
                }
                length += strlen(common->servers[i]) + 1;
        }
        if (length >= ZK_SERVERS_MAX) {
                return error_set(err, EINVAL, "coordinator: the servers of zookeeper are too many");
        }
        if (str_empty(common->root) || common->root[0] != '/' || !common->root[1]) {
                return error_set(err, EINVAL, "coordinator: zookeeper needs a root as /recoverd");
        }
        if (str_empty(common->user) || strlen(common->user) >= ZK_USER_MAX ||
                str_empty(common->password_file) || strchr(common->user, ':')) {
                return error_set(err, EINVAL,
                        "coordinator: zookeeper needs a user and its password_file: what it keeps "
                        "there must not be open to everybody");
        }
        return 0;
}

static int zookeeper_open(struct coordinator *common, struct error *err) {
        struct zookeeper *zookeeper = (struct zookeeper *) common;
        int r = check_settings(common, err);
        return r < 0 ? r : zookeeper_library_load(&zookeeper->library, err);
}

/* Waits a moment, so that a member that has no lease says good-bye instead of being missed. */
static void zookeeper_close_all(struct coordinator *common) {
        struct zookeeper *zookeeper = (struct zookeeper *) common;
        struct timespec until;
        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += CLOSE_PATIENCE / USEC_PER_SEC;
        while (zookeeper->left) {
                struct share *share = zookeeper->left;
                zookeeper->left = share->next_left;
                lock(share);
                while (!share->ended &&
                        pthread_cond_timedwait(&share->ended_changed, &share->lock, &until) == 0) {
                }
                unlock_and_unref(share);
        }
}

const struct coordinator_operations coordinator_zookeeper = {
        .coordinator_size = sizeof(struct zookeeper),
        .seat_size = sizeof(struct zookeeper_seat),
        .open = zookeeper_open,
        .close = zookeeper_close_all,
        .join = zookeeper_join,
        .leave = zookeeper_leave,
        .wish = zookeeper_wish,
};

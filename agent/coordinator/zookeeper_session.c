#include "coordinator/zookeeper_session.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"

/* As the library has them, in variables; numbers of the protocol. */
enum {
        STATE_CONNECTED = 3,
        STATE_EXPIRED = -112,
        STATE_AUTH_FAILED = -113,
        EVENT_SESSION = -1,
        INTEREST_WRITE = 1,
        INTEREST_READ = 2,
        PERMISSIONS_ALL = 31,
        PERMISSION_READ = 1,
        POLL_MAX_MS = 100, /* between two looks at `closing` */
        TIMEOUT_MAX_MS = 24 * 3600 * 1000, /* of a session; a lease is shorter */
};

/* Routine look-ups of names are not needed while a connection stands. */
enum { NO_ROUTINE_LOOK_UP = -1 };

/* Of a call that is under way: freed by whoever comes last, the caller or the library, which may
 * answer as late as when the handle is closed. */
struct call {
        bool done, abandoned;
        int code;
        char data[ZK_DATA_MAX];
        struct Stat stat;
        struct strbuf names;
        bool open_to_all;
};

static _Thread_local struct zk_session
        *current; /* for the log of the library, which has no cookie */

/* ---- the library ---- */

/* "time:pid(thread):ZOO_ERROR@function@123: text" */
static void on_log(const char *message) {
        const char *at = strrchr(message, '@');
        const char *text = at ? strstr(at, ": ") : NULL;
        bool problem = strstr(message, "ZOO_ERROR") || strstr(message, "ZOO_WARN");
        if (current && problem && !strstr(message, "Exceeded deadline")) {
                (void) str_copy(current->why, sizeof(current->why), text ? text + 2 : message);
                str_make_printable(current->why);
        }
}

/* Every watch is told of events of the session, too; those show in zoo_state(). */
static void on_watch(zhandle_t *handle, int type, int state, const char *path, void *cookie) {
        struct zk_session *session = cookie;
        (void) handle;
        (void) state;
        (void) path;
        session->watched = session->watched || type != EVENT_SESSION;
}

int zk_session_open(
        struct zk_session *session, const struct zk_settings *settings, const clientid_t *former) {
        const struct zookeeper_library *library = settings->library;
        *session = (struct zk_session){.settings = settings, .fd = -1};
        current = session;
        session->handle = library->init(settings->servers, on_watch,
                (int) (settings->timeout / USEC_PER_MSEC), former, session, 0, on_log);
        if (!session->handle) {
                return ZSYSTEMERROR;
        }
        (void) library->set_resolution_delay(session->handle, NO_ROUTINE_LOOK_UP);
        return library->add_auth(session->handle, "digest", settings->login,
                (int) strlen(settings->login), NULL, NULL);
}

void zk_session_end(struct zk_session *session) {
        if (session->handle) {
                (void) session->settings->library->close(session->handle);
                session->handle = NULL;
                session->connected = false;
        }
}

/* zookeeper_close() says good-bye to the server where it can, which would set free what is held. */
void zk_session_abandon(struct zk_session *session) {
        if (session->handle && session->connected) {
                (void) shutdown(session->fd, SHUT_RDWR);
        }
        zk_session_end(session);
}

usec_t zk_session_timeout(const struct zk_session *session) {
        return (usec_t) session->settings->library->timeout(session->handle) * USEC_PER_MSEC;
}

/* ---- turns ---- */

/* The library believes any handshake. With a timeout that is negative, or whose double is, it takes
 * every later connection for one that is too slow, also to the real ensemble, and for ever. The
 * connection with the handshake may be gone by now. */
static bool is_nonsense(struct zk_session *session) {
        int timeout = session->settings->library->timeout(session->handle);
        if (timeout <= 0 || timeout > TIMEOUT_MAX_MS) {
                session->nonsense = true;
                (void) snprintf(session->why, sizeof(session->why),
                        "what answers is no ensemble: it grants a session of %d ms", timeout);
        }
        return session->nonsense;
}

static bool is_over(struct zk_session *session) {
        int state = session->settings->library->state(session->handle);
        return state == STATE_EXPIRED || state == STATE_AUTH_FAILED || is_nonsense(session);
}

/* A handshake goes through the leader, which extends the session; but whether that was still the
 * leader shows only by a write over the same connection. What was written over another one was
 * reported to the leader by another server, or not at all. */
static void note_state(struct zk_session *session) {
        bool connected = session->settings->library->state(session->handle) == STATE_CONNECTED;
        if (connected && !session->connected) {
                session->handshake = session->attempt;
                session->n_writes = 0;
        }
        session->connected = connected;
}

static int milliseconds(usec_t from, usec_t to) {
        usec_t left = (usec_sub(to, from) + USEC_PER_MSEC - 1) / USEC_PER_MSEC;
        return left < POLL_MAX_MS ? (int) left : POLL_MAX_MS;
}

/* One turn of the library. After a failure it is tried again a moment later, not at once. */
static bool turn(struct zk_session *session, usec_t until, bool *ret_woken) {
        const struct zookeeper_library *library = session->settings->library;
        struct timeval wait = {0};
        int fd = -1, interest = 0;
        usec_t now = clock_now().mono;
        current = session;
        int code = library->interest(session->handle, &fd, &interest, &wait);
        if (fd != session->fd) { /* another with the same number counts from the older one */
                session->attempt = now;
                session->fd = fd;
        }
        usec_t next = usec_add(now, (usec_t) wait.tv_sec * USEC_PER_SEC + (usec_t) wait.tv_usec);
        next = code != ZOK || fd < 0 ? until : next;
        struct pollfd fds[] = {
                {.fd = ret_woken ? session->settings->wake_fd : -1, .events = POLLIN},
                {.fd = fd,
                        .events = (short) ((interest & INTEREST_READ ? POLLIN : 0) |
                                           (interest & INTEREST_WRITE ? POLLOUT : 0))},
        };
        int n = poll(fds, ELEMENTSOF(fds), milliseconds(now, next < until ? next : until));
        int events = 0;
        if (n > 0 && fds[1].revents) {
                events = (fds[1].revents & (POLLIN | POLLERR | POLLHUP) ? INTEREST_READ : 0) |
                         (fds[1].revents & POLLOUT ? INTEREST_WRITE : 0);
        }
        (void) library->process(session->handle, events);
        note_state(session);
        if (ret_woken) {
                *ret_woken = n > 0 && fds[0].revents != 0;
        }
        return !is_over(session);
}

bool zk_session_wait(struct zk_session *session, usec_t until) {
        bool before = session->connected, woken = false;
        until = until < session->settings->give_up ? until : session->settings->give_up;
        while (!atomic_load(session->settings->closing) && !session->watched && !woken &&
                session->connected == before && clock_now().mono < until) {
                if (!turn(session, until, &woken)) {
                        return false;
                }
        }
        return true;
}

/* ---- how long it lasts ---- */

/* A write that is completed went through the leader, which had the session alive. But the leader
 * extends a session only when the server that the client is connected to reports that it has heard
 * of it: twice a tick, behind its other words to the leader. A tick is at most half of a session's
 * timeout. So a later write that was sent a quarter of the timeout after an earlier one, and is
 * completed, proves that the leader knows of the earlier one. */
static void note_write(struct zk_session *session, usec_t sent) {
        usec_t lag = zk_session_timeout(session) / 4, newest = 0;
        session->heard = session->handshake > session->heard ? session->handshake : session->heard;
        for (unsigned i = 0; i < session->n_writes && i < ZK_WRITES; i++) {
                usec_t earlier = session->writes[i];
                if (earlier + lag <= sent && earlier > session->heard) {
                        session->heard = earlier;
                }
                newest = earlier > newest ? earlier : newest;
        }
        /* Many writes in a row must not push out those that are old enough to be proven. */
        if (newest + lag / (ZK_WRITES - 2) <= sent) {
                session->writes[session->n_writes++ % ZK_WRITES] = sent;
        }
}

usec_t zk_session_usable_until(const struct zk_session *session) {
        return session->heard == 0 ? 0 : usec_add(session->heard, zk_session_timeout(session));
}

/* ---- calls ---- */

static void free_call(struct call *call) {
        strbuf_done(&call->names);
        free(call);
}

static void finish(struct call *call, int code) {
        call->code = code;
        call->done = true;
        if (call->abandoned) {
                free_call(call);
        }
}

static void on_void(int code, const void *cookie) {
        finish((struct call *) cookie, code);
}

static void on_text(int code, const char *value, const void *cookie) {
        (void) value;
        finish((struct call *) cookie, code);
}

static void on_stat(int code, const struct Stat *stat, const void *cookie) {
        (void) stat;
        finish((struct call *) cookie, code);
}

static void on_data(
        int code, const char *value, int length, const struct Stat *stat, const void *cookie) {
        struct call *call = (struct call *) cookie;
        if (code == ZOK && length > 0) {
                size_t n = (size_t) length < ZK_DATA_MAX ? (size_t) length : ZK_DATA_MAX - 1;
                memcpy(call->data, value, n);
        }
        if (code == ZOK) {
                call->stat = *stat;
        }
        finish(call, code);
}

static void on_names(int code, const struct String_vector *names, const void *cookie) {
        struct call *call = (struct call *) cookie;
        for (int i = 0; code == ZOK && i < names->count; i++) {
                strbuf_addf(&call->names, "%s\n", names->data[i]);
        }
        finish(call, call->names.failed ? ZSYSTEMERROR : code);
}

static void on_acl(int code, struct ACL_vector *acl, struct Stat *stat, const void *cookie) {
        struct call *call = (struct call *) cookie;
        (void) stat;
        for (int i = 0; code == ZOK && i < acl->count; i++) {
                const struct ACL *entry = &acl->data[i];
                call->open_to_all = call->open_to_all || (str_eq(entry->id.scheme, "world") &&
                                                                 entry->perms & ~PERMISSION_READ);
        }
        finish(call, code);
}

static struct call *new_call(const struct zk_session *session) {
        return session->handle && session->connected ? calloc(1, sizeof(struct call)) : NULL;
}

/* Waits for the end of a call that was begun with `code`. The answer is the caller's to free, NULL
 * unless ZOK. */
static int await(struct zk_session *session, int code, struct call *call, struct call **ret) {
        usec_t deadline = usec_add(clock_now().mono, zk_session_timeout(session));
        usec_t give_up = session->settings->give_up;
        deadline = deadline < give_up ? deadline : give_up;
        *ret = NULL;
        if (code != ZOK) {
                free_call(call);
                return code;
        }
        while (!call->done && clock_now().mono < deadline &&
                !atomic_load(session->settings->closing) && turn(session, deadline, NULL)) {
        }
        if (!call->done) {
                call->abandoned = true;
                return ZCONNECTIONLOSS;
        }
        code = call->code;
        if (code != ZOK) {
                free_call(call);
        } else {
                *ret = call;
        }
        return code;
}

static int await_write(struct zk_session *session, int code, struct call *call, usec_t sent) {
        struct call *answer;
        code = await(session, code, call, &answer);
        if (answer) {
                free_call(answer);
                note_write(session, sent);
        }
        return code;
}

int zk_create(struct zk_session *session, const char *path, const char *data, int flags) {
        static struct ACL ours = {PERMISSIONS_ALL, {(char *) "auth", (char *) ""}};
        static const struct ACL_vector acl = {1, &ours};
        struct call *call = new_call(session);
        usec_t now = clock_now().mono;
        if (!call) {
                return ZCONNECTIONLOSS;
        }
        int code = session->settings->library->create(
                session->handle, path, data, (int) strlen(data), &acl, flags, on_text, call);
        return await_write(session, code, call, now);
}

int zk_delete(struct zk_session *session, const char *path) {
        struct call *call = new_call(session);
        usec_t now = clock_now().mono;
        if (!call) {
                return ZCONNECTIONLOSS;
        }
        int code = session->settings->library->remove(session->handle, path, -1, on_void, call);
        return await_write(session, code, call, now);
}

int zk_set(struct zk_session *session, const char *path, const char *data, int version) {
        struct call *call = new_call(session);
        usec_t now = clock_now().mono;
        if (!call) {
                return ZCONNECTIONLOSS;
        }
        int code = session->settings->library->set(
                session->handle, path, data, (int) strlen(data), version, on_stat, call);
        return await_write(session, code, call, now);
}

int zk_get(struct zk_session *session, const char *path, bool watch, char *ret_data,
        struct Stat *ret_stat) {
        struct call *call = new_call(session), *answer;
        if (!call) {
                return ZCONNECTIONLOSS;
        }
        int code = session->settings->library->get(
                session->handle, path, watch ? on_watch : NULL, session, on_data, call);
        code = await(session, code, call, &answer);
        if (answer) {
                memcpy(ret_data, answer->data, ZK_DATA_MAX);
                if (ret_stat) {
                        *ret_stat = answer->stat;
                }
                free_call(answer);
        }
        return code;
}

int zk_children(struct zk_session *session, const char *path, struct strbuf *ret) {
        struct call *call = new_call(session), *answer;
        if (!call) {
                return ZCONNECTIONLOSS;
        }
        int code = session->settings->library->children(
                session->handle, path, on_watch, session, on_names, call);
        code = await(session, code, call, &answer);
        if (answer) {
                strbuf_reset(ret);
                strbuf_add(ret, strbuf_text(&answer->names));
                free_call(answer);
        }
        return code;
}

int zk_is_open(struct zk_session *session, const char *path, bool *ret) {
        struct call *call = new_call(session), *answer;
        if (!call) {
                return ZCONNECTIONLOSS;
        }
        int code = session->settings->library->get_acl(session->handle, path, on_acl, call);
        code = await(session, code, call, &answer);
        if (answer) {
                *ret = answer->open_to_all;
                free_call(answer);
        }
        return code;
}

/* ---- of several calls ---- */

static int ensure(struct zk_session *session, const char *path, char ret_failed[ZK_PATH_MAX]) {
        int code = zk_create(session, path, "", 0);
        if (code == ZOK || code == ZNODEEXISTS) {
                return ZOK;
        }
        (void) str_copy(ret_failed, ZK_PATH_MAX, path);
        return code;
}

int zk_make_path(struct zk_session *session, const char *path, char ret_failed[ZK_PATH_MAX]) {
        char part[ZK_PATH_MAX], data[ZK_DATA_MAX];
        (void) str_copy(part, sizeof(part), path);
        for (char *slash = part; (slash = strchr(slash + 1, '/'));) {
                *slash = '\0';
                int code = zk_get(session, part, false, data, NULL);
                if (code == ZNONODE) {
                        code = ensure(session, part, ret_failed);
                }
                if (code != ZOK && code != ZNOAUTH) { /* one that may not be read may be passed */
                        (void) str_copy(ret_failed, ZK_PATH_MAX, part);
                        return code;
                }
                *slash = '/';
        }
        return ensure(session, path, ret_failed);
}

int zk_explain(const struct zk_session *session, int code, const char *path, struct error *err) {
        if (code == ZNOAUTH) {
                (void) error_set(err, EACCES,
                        "%s: not allowed: it belongs to another user, or user and password are "
                        "wrong",
                        path);
        } else if (code != ZOK && code != ZCONNECTIONLOSS && code != ZOPERATIONTIMEOUT) {
                (void) error_set(
                        err, EIO, "%s: %s", path, session->settings->library->error_text(code));
        }
        return code;
}

#include "io/journal_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/str.h"

enum { MESSAGE_MAX = 16 * 1024, NICE = 10, STACK_SIZE = 256 * 1024 };

struct journal_subscription {
        atomic_uint references; /* of its owner, and of the thread while it looks at it */
        struct list node; /* of the follower, under its lock */
        struct follower *follower;
        char unit[JOURNAL_READER_NAME_MAX + 1], identifier[JOURNAL_READER_NAME_MAX + 1];
        struct journal_filter filter; /* its texts are the caller's, and not used */
        wall_usec_t since;
        atomic_bool cancelled;
        atomic_ullong matches;
        pthread_mutex_t lock; /* of `last` */
        char last[JOURNAL_READER_LAST_MAX];
};

/* One directory and its thread. Counted: held by the reader and by the thread. */
struct follower {
        atomic_uint references;
        struct follower *next; /* of the reader */
        char *directory; /* NULL: this host's */
        int wake; /* eventfd */
        atomic_bool ended;
        atomic_int state, error;
        atomic_ullong busy_since, skips;
        pthread_mutex_t lock; /* of what follows */
        struct list subscriptions;
        uint32_t n_subscriptions;
        uint64_t generation; /* of the list */
};

struct journal_reader {
        struct follower *followers;
        uint32_t n_followers;
};

/* What the thread works with. */
struct following {
        struct follower *follower;
        sd_journal *journal; /* NULL: not open */
        uint64_t generation; /* of the list that `wanted` is a copy of */
        struct journal_subscription **wanted;
        uint32_t n_wanted;
        char message[MESSAGE_MAX + 1];
};

/* ---- lives ---- */

static void subscription_unref(struct journal_subscription *subscription) {
        if (atomic_fetch_sub(&subscription->references, 1) == 1) {
                if (subscription->filter.release) {
                        subscription->filter.release(subscription->filter.cookie);
                }
                pthread_mutex_destroy(&subscription->lock);
                free(subscription);
        }
}

static void follower_unref(struct follower *follower) {
        if (atomic_fetch_sub(&follower->references, 1) == 1) {
                pthread_mutex_destroy(&follower->lock);
                close(follower->wake);
                free(follower->directory);
                free(follower);
        }
}

static void wake_up(const struct follower *follower) {
        uint64_t one = 1;
        ssize_t n = write(follower->wake, &one, sizeof(one)); /* a full counter wakes as well */
        (void) n;
}

/* ---- in the thread: who wants what ---- */

static void drop_wanted(struct following *f) {
        for (uint32_t i = 0; i < f->n_wanted; i++) {
                subscription_unref(f->wanted[i]);
        }
        free(TAKE_PTR(f->wanted));
        f->n_wanted = 0;
}

/* Takes a copy of the list, so that matching goes on without a lock. 1: it has changed. */
static int refresh_wanted(struct following *f) {
        struct follower *follower = f->follower;
        int changed = 0;
        pthread_mutex_lock(&follower->lock);
        if (f->generation != follower->generation) {
                struct journal_subscription **copy = calloc(
                        follower->n_subscriptions + 1, sizeof(struct journal_subscription *));
                if (copy) {
                        drop_wanted(f);
                        LIST_FOREACH (node, &follower->subscriptions) {
                                struct journal_subscription *s =
                                        LIST_ENTRY(node, struct journal_subscription, node);
                                atomic_fetch_add(&s->references, 1);
                                copy[f->n_wanted++] = s;
                        }
                        f->wanted = copy;
                        f->generation = follower->generation;
                        changed = 1;
                }
        }
        pthread_mutex_unlock(&follower->lock);
        return changed;
}

static int add_match(sd_journal *journal, const char *field, const char *value) {
        char match[JOURNAL_READER_NAME_MAX + 32];
        int length = snprintf(match, sizeof(match), "%s=%s", field, value);
        return sd_journal_add_match(journal, match, (size_t) length);
}

/* One way to satisfy a subscription: the fields of a group are joined by "and", values of the same
 * field and the groups by "or". */
static int add_group(
        sd_journal *journal, const struct journal_subscription *s, const char *unit_field) {
        char priority[2] = "";
        int r = *s->unit ? add_match(journal, unit_field, s->unit) : 0;
        if (r >= 0 && *s->identifier) {
                r = add_match(journal, "SYSLOG_IDENTIFIER", s->identifier);
        }
        for (int p = 0; r >= 0 && s->filter.max_priority < 7 && p <= s->filter.max_priority; p++) {
                priority[0] = (char) ('0' + p);
                r = add_match(journal, "PRIORITY", priority);
        }
        return r < 0 ? r : sd_journal_add_disjunction(journal);
}

static bool wants_everything(const struct journal_subscription *s) {
        return !*s->unit && !*s->identifier && s->filter.max_priority >= 7;
}

/* The library finds what matches by the index of the files, so that a flood of others costs
 * nothing. What it lets through is looked at again, so that no match at all is fine too. */
static int apply_matches(struct following *f) {
        int r = 0;
        sd_journal_flush_matches(f->journal);
        bool filtered = f->n_wanted <= JOURNAL_READER_MATCHED_MAX;
        for (uint32_t i = 0; i < f->n_wanted; i++) {
                filtered = filtered && !wants_everything(f->wanted[i]);
        }
        for (uint32_t i = 0; filtered && r >= 0 && i < f->n_wanted; i++) {
                r = add_group(f->journal, f->wanted[i], "_SYSTEMD_UNIT");
                if (r >= 0 && *f->wanted[i]->unit) {
                        r = add_group(f->journal, f->wanted[i], "UNIT"); /* of the manager */
                }
        }
        return r;
}

/* ---- in the thread: entries ---- */

static const char *field_of(
        sd_journal *journal, const char *field, char *to, size_t size, size_t *ret_length) {
        const void *data;
        size_t length, prefix = strlen(field) + 1;
        *ret_length = 0;
        to[0] = '\0';
        if (sd_journal_get_data(journal, field, &data, &length) < 0 || length < prefix) {
                return to;
        }
        length -= prefix;
        *ret_length = length < size - 1 ? length : size - 1;
        memcpy(to, (const char *) data + prefix, *ret_length);
        to[*ret_length] = '\0';
        return to;
}

/* As far as it decides; each read when it is asked for. */
static bool field_is(sd_journal *journal, const char *field, const char *wanted) {
        char found[JOURNAL_READER_NAME_MAX + 2];
        size_t length;
        return str_eq(field_of(journal, field, found, sizeof(found), &length), wanted);
}

static int priority_of(sd_journal *journal) {
        char text[4];
        size_t length;
        field_of(journal, "PRIORITY", text, sizeof(text), &length);
        return length == 1 && *text >= '0' && *text <= '7' ? *text - '0' : 6; /* as journald */
}

/* What this program logs about a message would be counted again, for ever. */
static bool is_own(sd_journal *journal) {
        char text[16];
        size_t length;
        return str_starts(
                field_of(journal, "SYSLOG_IDENTIFIER", text, sizeof(text), &length), "recoverd");
}

static bool is_wanted(
        sd_journal *journal, const struct journal_subscription *s, wall_usec_t at, int priority) {
        if (atomic_load(&s->cancelled) || at < s->since || priority > s->filter.max_priority) {
                return false;
        }
        if (*s->identifier && !field_is(journal, "SYSLOG_IDENTIFIER", s->identifier)) {
                return false;
        }
        if (*s->unit) {
                return field_is(journal, "_SYSTEMD_UNIT", s->unit) ||
                       field_is(journal, "UNIT", s->unit);
        }
        return *s->identifier || !is_own(journal);
}

static void count(struct journal_subscription *s, const char *message, size_t length) {
        if (s->filter.counts && !s->filter.counts(s->filter.cookie, message, length)) {
                return;
        }
        pthread_mutex_lock(&s->lock);
        (void) str_copy(s->last, sizeof(s->last), message);
        str_make_printable(s->last);
        pthread_mutex_unlock(&s->lock);
        atomic_fetch_add(&s->matches, 1);
}

static void take_entry(struct following *f) {
        uint64_t at = 0;
        size_t length = 0;
        bool read = false;
        int priority = priority_of(f->journal);
        (void) sd_journal_get_realtime_usec(f->journal, &at);
        for (uint32_t i = 0; i < f->n_wanted; i++) {
                if (!is_wanted(f->journal, f->wanted[i], at, priority)) {
                        continue;
                }
                if (!read) {
                        field_of(f->journal, "MESSAGE", f->message, sizeof(f->message), &length);
                        read = true;
                }
                count(f->wanted[i], f->message, length);
        }
}

/* ---- in the thread: the journal ---- */

static void set_state(struct follower *follower, enum journal_state state, int error) {
        atomic_store(&follower->error, error);
        atomic_store(&follower->state, (int) state);
}

/* The library passes over files that it may not open, so they are looked for here. */
static bool is_forbidden(void) {
        static const char *const roots[] = {"/run/log/journal", "/var/log/journal"};
        sd_id128_t machine;
        char id[SD_ID128_STRING_MAX], path[128];
        bool found = false;
        if (sd_id128_get_machine(&machine) < 0) {
                return false;
        }
        for (size_t i = 0; i < ELEMENTSOF(roots); i++) {
                snprintf(path, sizeof(path), "%s/%s/system.journal", roots[i],
                        sd_id128_to_string(machine, id));
                if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0) {
                        return false;
                }
                found |= errno == EACCES;
        }
        return found;
}

/* An empty journal has no end to go to: all that comes is new then. */
static int go_to_end(sd_journal *journal) {
        int r = sd_journal_seek_tail(journal);
        if (r >= 0) {
                r = sd_journal_previous(journal);
        }
        return r == 0 ? sd_journal_seek_head(journal) : r;
}

static int open_journal(const char *directory, sd_journal **ret) {
        return directory ? sd_journal_open_directory(ret, directory, 0)
                         : sd_journal_open(ret, SD_JOURNAL_LOCAL_ONLY);
}

/* Of a directory of one's own only the size tells: a wrong path must not pass for a quiet journal.
 */
static bool has_files(struct following *f) {
        uint64_t bytes = 0;
        if (f->follower->directory) {
                return sd_journal_get_usage(f->journal, &bytes) >= 0 && bytes > 0;
        }
        return sd_journal_has_runtime_files(f->journal) > 0 ||
               sd_journal_has_persistent_files(f->journal) > 0;
}

static void close_journal(struct following *f, enum journal_state state, int error) {
        sd_journal_close(TAKE_PTR(f->journal));
        set_state(f->follower, state, error);
}

static void begin(struct following *f) {
        (void) refresh_wanted(f);
        int r = open_journal(f->follower->directory, &f->journal);
        if (r >= 0 && !f->follower->directory && is_forbidden()) {
                close_journal(f, JOURNAL_FORBIDDEN, 0);
                return;
        }
        if (r >= 0 && !has_files(f)) {
                close_journal(f, JOURNAL_ABSENT, 0);
                return;
        }
        if (r >= 0) {
                r = sd_journal_get_fd(f->journal); /* from here on it hears of new files */
        }
        if (r >= 0) {
                r = apply_matches(f);
        }
        if (r >= 0) {
                r = go_to_end(f->journal);
        }
        if (r < 0) {
                close_journal(f, r == -ENOENT ? JOURNAL_ABSENT : JOURNAL_FAILED, -r);
        } else {
                set_state(f->follower, JOURNAL_FOLLOWING, 0);
        }
}

/* Too far behind, as when somebody floods the journal: old news help nobody. */
static int catch_up(struct following *f) {
        uint64_t at;
        int r = sd_journal_get_realtime_usec(f->journal, &at);
        if (r < 0 || usec_add(at, JOURNAL_READER_LAG_MAX) >= clock_now().wall) {
                return 0;
        }
        atomic_fetch_add(&f->follower->skips, 1);
        return go_to_end(f->journal);
}

/* 1: there is more; 0: it waits for more. */
static int read_batch(struct following *f) {
        int r = refresh_wanted(f) ? apply_matches(f) : 0;
        for (int i = 0; r >= 0 && i < JOURNAL_READER_BATCH; i++) {
                if ((r = sd_journal_next(f->journal)) <= 0) {
                        return r;
                }
                take_entry(f);
        }
        return r < 0 ? r : (r = catch_up(f)) < 0 ? r : 1;
}

static void mark_busy(struct follower *follower, bool busy) {
        atomic_store(&follower->busy_since, busy ? clock_now().mono : 0);
}

static void drain(const struct follower *follower) {
        uint64_t count;
        ssize_t n = read(follower->wake, &count, sizeof(count));
        (void) n;
}

/* Until something is written, `most` has passed, or the list has changed. */
static void wait_for_more(struct following *f, usec_t most) {
        struct pollfd fds[] = {
                {.fd = f->follower->wake, .events = POLLIN},
                {.fd = -1, .events = POLLIN},
        };
        uint64_t until = UINT64_MAX;
        if (f->journal && most == USEC_INFINITY) {
                fds[1].fd = sd_journal_get_fd(f->journal);
                int events = sd_journal_get_events(f->journal);
                fds[1].events = (short) (events > 0 ? events : POLLIN);
                /* Where there are no notices of changes it asks to be called now and then. */
                most = sd_journal_get_timeout(f->journal, &until) > 0 && until != UINT64_MAX
                               ? USEC_PER_SEC
                               : USEC_INFINITY;
        }
        (void) poll(
                fds, ELEMENTSOF(fds), most == USEC_INFINITY ? -1 : (int) (most / USEC_PER_MSEC));
        drain(f->follower);
}

static void turn(struct following *f) {
        struct follower *follower = f->follower;
        int r = 0;
        mark_busy(follower, true);
        if (f->journal) {
                r = sd_journal_process(f->journal);
        } else {
                begin(f);
        }
        if (f->journal && r >= 0) {
                r = read_batch(f);
        }
        if (r < 0) {
                close_journal(f, JOURNAL_FAILED, -r);
        }
        mark_busy(follower, false);
        wait_for_more(f, !f->journal ? JOURNAL_READER_RETRY
                         : r > 0     ? JOURNAL_READER_PAUSE
                                     : USEC_INFINITY);
}

/* It yields to the loop: a flood in the journal is no reason to be late. */
static void *run_follower(void *data) {
        struct follower *follower = data;
        struct following *f = calloc(1, sizeof(*f));
        (void) pthread_setname_np(pthread_self(), "journal");
        (void) setpriority(PRIO_PROCESS, (id_t) gettid(), NICE);
        if (!f) {
                set_state(follower, JOURNAL_FAILED, ENOMEM);
        } else {
                f->follower = follower;
                while (!atomic_load(&follower->ended)) {
                        turn(f);
                }
                sd_journal_close(f->journal);
                drop_wanted(f);
                free(f);
        }
        follower_unref(follower);
        return NULL;
}

/* ---- in the loop ---- */

int journal_reader_new(struct journal_reader **ret, struct error *err) {
        struct journal_reader *reader = calloc(1, sizeof(*reader));
        if (!reader) {
                return error_set(err, ENOMEM, "out of memory");
        }
        *ret = reader;
        return 0;
}

void journal_reader_free(struct journal_reader *reader) {
        while (reader && reader->followers) {
                struct follower *follower = reader->followers;
                reader->followers = follower->next;
                atomic_store(&follower->ended, true);
                wake_up(follower);
                follower_unref(follower);
        }
        free(reader);
}

static int start_thread(struct follower *follower) {
        pthread_attr_t attributes;
        pthread_t thread;
        int code = pthread_attr_init(&attributes);
        if (code == 0) {
                (void) pthread_attr_setstacksize(&attributes, STACK_SIZE);
                (void) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
                code = pthread_create(&thread, &attributes, run_follower, follower);
                pthread_attr_destroy(&attributes);
        }
        return -code;
}

static struct follower *follower_new(const char *directory) {
        struct follower *follower = calloc(1, sizeof(*follower));
        if (!follower) {
                return NULL;
        }
        follower->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        follower->directory = directory ? strdup(directory) : NULL;
        if (follower->wake < 0 || (directory && !follower->directory)) {
                cleanup_close(&follower->wake);
                free(follower->directory);
                free(follower);
                return NULL;
        }
        atomic_init(&follower->references, 2);
        pthread_mutex_init(&follower->lock, NULL);
        list_init(&follower->subscriptions);
        return follower;
}

static int follow(struct journal_reader *reader, const char *directory, struct follower **ret,
        struct error *err) {
        for (struct follower *f = reader->followers; f; f = f->next) {
                if (str_eq(f->directory, directory)) {
                        *ret = f;
                        return 0;
                }
        }
        if (reader->n_followers == JOURNAL_READER_DIRECTORIES_MAX) {
                return error_set(err, ENOBUFS, "too many directories of journals");
        }
        struct follower *follower = follower_new(directory);
        if (!follower) {
                return error_set(err, ENOMEM, "no memory or descriptor for the journal");
        }
        int r = start_thread(follower);
        if (r < 0) {
                atomic_store(&follower->references, 1);
                follower_unref(follower);
                return error_set_errno(err, -r, "no thread for the journal");
        }
        follower->next = reader->followers;
        reader->followers = follower;
        reader->n_followers++;
        *ret = follower;
        return 0;
}

static void change_list(struct follower *follower, struct journal_subscription *s, bool add) {
        pthread_mutex_lock(&follower->lock);
        if (add) {
                list_append(&follower->subscriptions, &s->node);
        } else {
                list_remove(&s->node);
        }
        follower->n_subscriptions += add ? 1 : -1U;
        follower->generation++;
        pthread_mutex_unlock(&follower->lock);
        wake_up(follower);
}

int journal_subscribe(struct journal_subscription **ret, struct journal_reader *reader,
        const struct journal_filter *filter, struct error *err) {
        struct follower *follower = NULL;
        int r = follow(reader, filter->directory, &follower, err);
        if (!follower) {
                return r;
        }
        if (follower->n_subscriptions == JOURNAL_READER_SUBSCRIPTIONS_MAX) {
                return error_set(err, ENOBUFS, "too many probes of the journal");
        }
        struct journal_subscription *s = calloc(1, sizeof(*s));
        if (!s) {
                return error_set(err, ENOMEM, "out of memory");
        }
        atomic_init(&s->references, 1);
        pthread_mutex_init(&s->lock, NULL);
        s->filter = *filter;
        (void) str_copy(s->unit, sizeof(s->unit), filter->unit ? filter->unit : "");
        (void) str_copy(
                s->identifier, sizeof(s->identifier), filter->identifier ? filter->identifier : "");
        s->since = clock_now().wall;
        s->follower = follower;
        atomic_fetch_add(&follower->references, 1);
        change_list(follower, s, true);
        *ret = s;
        return 0;
}

void journal_unsubscribe(struct journal_subscription *s) {
        if (s) {
                struct follower *follower = s->follower;
                atomic_store(&s->cancelled, true);
                change_list(follower, s, false);
                subscription_unref(s);
                follower_unref(follower);
        }
}

void journal_subscription_read(struct journal_subscription *s, struct journal_reading *ret) {
        const struct follower *follower = s->follower;
        ret->state = (enum journal_state) atomic_load(&follower->state);
        ret->error = atomic_load(&follower->error);
        ret->busy_since = atomic_load(&follower->busy_since);
        ret->skips = atomic_load(&follower->skips);
        ret->matches = atomic_load(&s->matches);
        pthread_mutex_lock(&s->lock);
        memcpy(ret->last, s->last, sizeof(ret->last));
        pthread_mutex_unlock(&s->lock);
}

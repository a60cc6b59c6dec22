/* The coordinator of one host: its members are services of this host. A file in the runtime folder
 * holds the lease of a group; three in the state folder, which outlive a boot, the token, who was
 * active last, and when the lease went to another member. Whoever visits them holds a lock on
 * another. A visit is a job for a worker thread, because disks hang.
 *
 * The lease is in the file and not the lock itself: a lock would be free the moment the agent dies,
 * while the executor still lets the active member run until its lease is over. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "coordinator/lease_record.h"
#include "coordinator/seat.h"
#include "io/own_file.h"
#include "io/worker.h"

enum {
        VISITS_PER_LEASE = 10,
        MAX_THREADS = 2,
        MAX_QUEUE = 256,
        MAX_STUCK = 4,
        TOKEN_BYTES_MAX = 32,
        LINE_NAME_MAX = COORDINATION_GROUP_MAX + 16,
};

#define VISIT_INTERVAL_MAX (1 * USEC_PER_SEC) /* so soon a member sees what another process did */
#define LOCK_PAUSE (5 * USEC_PER_MSEC) /* between two tries to get the lock */

struct local {
        struct coordinator common;
        struct worker_pool *pool;
        char boot[BOOT_ID_MAX];
};

struct local_seat {
        struct seat common;
        struct worker_task *task; /* NULL: none under way */
        bool again; /* something was wished meanwhile */
        struct loop_timer timer;
};

/* One visit, in a thread. */
struct visit_job {
        char state[PATH_MAX], runtime[PATH_MAX]; /* folders */
        char group[COORDINATION_GROUP_MAX], member[COORDINATION_MEMBER_MAX];
        char boot[BOOT_ID_MAX];
        usec_t deadline;
        struct lease_visit visit;
        struct lease_view view; /* what it found */
        bool moved; /* another holder, active or other member: peers in this process want to know */
        struct error error;
};

/* ---- in the thread: files ---- */

static int open_folder(const char *path, struct error *err) {
        if (mkdir(path, 0700) < 0 && errno != EEXIST) {
                return error_set_errno(err, errno, "%s", path);
        }
        int fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
        return fd < 0 ? error_set_errno(err, errno, "%s", path) : fd;
}

/* The file stays, so that the lock is the same for all. */
static int take_lock(int folder, const struct visit_job *job, struct error *err) {
        char name[COORDINATION_GROUP_MAX + 8];
        (void) snprintf(name, sizeof(name), "%s.lock", job->group);
        AUTO_CLOSE int fd = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
                return error_set_errno(err, errno, "%s/%s", job->runtime, name);
        }
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        while (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
                if ((errno != EAGAIN && errno != EACCES && errno != EINTR) ||
                        clock_now().mono >= job->deadline) {
                        return error_set_errno(err, errno, "locking %s/%s", job->runtime, name);
                }
                /* style: allow usleep: in a thread of its own */
                (void) usleep(LOCK_PAUSE);
        }
        return TAKE_FD(fd);
}

/* "" when there is no such file. The caller frees it. */
static int read_text(int folder, const char *name, size_t max_bytes, char **ret) {
        int r = own_file_read(folder, name, max_bytes, ret);
        if (r != -ENOENT) {
                return r;
        }
        *ret = strdup("");
        return *ret ? 0 : -ENOMEM;
}

static int replace_text(int folder, const char *name, const char *text, bool durable) {
        char aside[COORDINATION_GROUP_MAX + 16];
        (void) snprintf(aside, sizeof(aside), "%s.new", name);
        return own_file_replace(folder, aside, name, text, durable);
}

/* ---- in the thread: the token ---- */

static int read_token(int folder, const struct visit_job *job, const char *name, uint64_t *ret,
        struct error *err) {
        AUTO_FREE char *text = NULL;
        int r = read_text(folder, name, TOKEN_BYTES_MAX - 1, &text);
        if (r < 0) {
                return error_set_errno(err, -r, "%s/%s", job->state, name);
        }
        char *end = text;
        errno = 0;
        *ret = strtoull(text, &end, 10);
        if (*text && (errno != 0 || !str_eq(end, "\n"))) {
                return error_set(err, EBADMSG,
                        "%s/%s is damaged: it should hold the last fencing token; write a number "
                        "above all that were used",
                        job->state, name);
        }
        return 0;
}

static int write_token(int folder, const struct visit_job *job, const char *name, uint64_t token,
        struct error *err) {
        char text[TOKEN_BYTES_MAX];
        (void) snprintf(text, sizeof(text), "%" PRIu64 "\n", token);
        int r = replace_text(folder, name, text, true);
        return r < 0 ? error_set_errno(err, -r, "writing %s/%s", job->state, name) : 0;
}

/* ---- in the thread: what the record has from files of their own ---- */

static const struct {
        const char *suffix;
        size_t offset, size; /* in struct lease_record */
} lines[] = {
        {".last", offsetof(struct lease_record, last), SEAT_LAST_MAX},
        {".changes", offsetof(struct lease_record, changes), LEASE_CHANGES_TEXT_MAX},
};

static void line_name(const struct visit_job *job, size_t i, char name[LINE_NAME_MAX]) {
        (void) snprintf(name, LINE_NAME_MAX, "%s%s", job->group, lines[i].suffix);
}

static int read_lines(
        int folder, const struct visit_job *job, struct lease_record *record, struct error *err) {
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                AUTO_FREE char *text = NULL;
                char name[LINE_NAME_MAX];
                line_name(job, i, name);
                int r = read_text(folder, name, lines[i].size, &text);
                if (r < 0) {
                        return error_set_errno(err, -r, "%s/%s", job->state, name);
                }
                text[strcspn(text, "\n")] = '\0';
                (void) str_copy((char *) record + lines[i].offset, lines[i].size, text);
        }
        return 0;
}

static int write_lines(int folder, const struct visit_job *job, const struct lease_record *before,
        const struct lease_record *record, struct error *err) {
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                const char *line = (const char *) record + lines[i].offset;
                char name[LINE_NAME_MAX], text[LEASE_CHANGES_TEXT_MAX + 1];
                if (str_eq(line, (const char *) before + lines[i].offset)) {
                        continue;
                }
                line_name(job, i, name);
                (void) snprintf(text, sizeof(text), "%s\n", line);
                int r = replace_text(folder, name, text, true);
                if (r < 0) {
                        return error_set_errno(err, -r, "writing %s/%s", job->state, name);
                }
        }
        return 0;
}

/* ---- in the thread: the visit ---- */

static int load(int folder, const struct visit_job *job, const char *name,
        struct lease_record *record, struct error *err) {
        AUTO_FREE char *text = NULL;
        int r = read_text(folder, name, LEASE_RECORD_BYTES_MAX - 1, &text);
        if (r < 0) {
                return error_set_errno(err, -r, "%s/%s", job->runtime, name);
        }
        r = lease_record_parse(text, record, err);
        return r < 0 ? error_wrap(err, "%s/%s", job->runtime, name) : 0;
}

static int save(int folder, const struct visit_job *job, const char *name,
        const struct lease_record *record, struct error *err) {
        AUTO_FREE char *text = NULL;
        int r = lease_record_format(record, &text);
        if (r == 0) {
                r = replace_text(folder, name, text, false);
        }
        return r < 0 ? error_set_errno(err, -r, "writing %s/%s", job->runtime, name) : 0;
}

static bool members_moved(const struct lease_record *before, const struct lease_record *after) {
        bool moved = before->n_holders != after->n_holders || before->n_guests != after->n_guests ||
                     !str_eq(before->last, after->last);
        for (size_t i = 0; !moved && i < after->n_holders; i++) {
                moved = !str_eq(before->holders[i].member, after->holders[i].member);
        }
        return moved;
}

/* With the lock held. A new token is on disk before the lease that has it. */
static int change_record(int state, int runtime, struct visit_job *job, struct error *err) {
        char lease_name[COORDINATION_GROUP_MAX + 8], token_name[COORDINATION_GROUP_MAX + 8];
        struct lease_record record = {0}, before;
        uint64_t token = 0;
        (void) snprintf(lease_name, sizeof(lease_name), "%s.lease", job->group);
        (void) snprintf(token_name, sizeof(token_name), "%s.token", job->group);
        int r = load(runtime, job, lease_name, &record, err);
        if (r == 0) {
                r = read_token(state, job, token_name, &token, err);
        }
        if (r == 0) {
                r = read_lines(state, job, &record, err);
        }
        if (r < 0) {
                return r;
        }
        record.token = record.token > token ? record.token : token;
        before = record;
        r = lease_record_visit(&record, &job->visit, clock_now().mono, err);
        if (r == 0 && record.token > token) {
                r = write_token(state, job, token_name, record.token, err);
        }
        if (r == 0) {
                r = write_lines(state, job, &before, &record, err);
        }
        if (r == 0) {
                r = save(runtime, job, lease_name, &record, err);
        }
        if (r == 0) {
                job->moved = members_moved(&before, &record);
                lease_record_view(&record, &job->visit, &job->view);
        }
        return r;
}

static int run_visit(void *data) {
        struct visit_job *job = data;
        AUTO_CLOSE int state = open_folder(job->state, &job->error);
        if (state < 0) {
                return state;
        }
        AUTO_CLOSE int runtime = open_folder(job->runtime, &job->error);
        if (runtime < 0) {
                return runtime;
        }
        AUTO_CLOSE int lock = take_lock(runtime, job, &job->error);
        return lock < 0 ? lock : change_record(state, runtime, job, &job->error);
}

/* ---- in the loop ---- */

static void start_visit(struct local_seat *seat, bool leaving);

static usec_t visit_interval(const struct local_seat *seat) {
        usec_t part = seat->common.lease / VISITS_PER_LEASE;
        return part < VISIT_INTERVAL_MAX ? part : VISIT_INTERVAL_MAX;
}

/* Members of the same group in this process need not wait for their own next visit. */
static void call_peers(struct local_seat *seat) {
        LIST_FOREACH (node, &seat->common.coordinator->seats) {
                struct seat *other = LIST_ENTRY(node, struct seat, node);
                if (other != &seat->common && str_eq(other->group, seat->common.group)) {
                        start_visit((struct local_seat *) other, false);
                }
        }
}

static void take_result(struct local_seat *seat, int result, const struct visit_job *job) {
        if (!job) {
                seat_update_session(&seat->common, SESSION_LOST,
                        "the disk with the files of the lease does not answer");
        } else if (result < 0) {
                seat_update_session(&seat->common, SESSION_REFUSED, job->error.text);
        } else {
                if (job->visit.wish.release && job->view.standing != LEASE_OURS &&
                        seat->common.wish.release) {
                        seat_released(&seat->common);
                }
                seat_update(&seat->common, &job->view);
        }
}

static void on_visited(void *cookie, int result, void *data) {
        struct local_seat *seat = cookie;
        const struct visit_job *job = data;
        bool moved = result >= 0 && job && job->moved;
        seat->task = NULL;
        take_result(seat, result, job);
        loop_timer_set_after(&seat->timer, visit_interval(seat));
        if (seat->again) {
                start_visit(seat, false);
        }
        if (moved) {
                call_peers(seat);
        }
}

static void on_left(void *cookie, int result, void *data) {
        (void) cookie;
        (void) result;
        (void) data;
}

static int make_job(const struct local_seat *seat, bool leaving, struct visit_job **ret) {
        const struct local *local = (const struct local *) seat->common.coordinator;
        struct visit_job *job = calloc(1, sizeof(*job));
        if (!job) {
                return -ENOMEM;
        }
        (void) snprintf(job->state, sizeof(job->state), "%s/coordination", local->common.state);
        (void) snprintf(
                job->runtime, sizeof(job->runtime), "%s/coordination", local->common.runtime);
        (void) str_copy(job->group, sizeof(job->group), seat->common.group);
        (void) str_copy(job->member, sizeof(job->member), seat->common.member);
        (void) str_copy(job->boot, sizeof(job->boot), local->boot);
        job->deadline = usec_add(loop_now(local->common.loop).mono, seat->common.lease);
        job->visit = (struct lease_visit){
                .boot = job->boot,
                .member = job->member,
                .lease = seat->common.lease,
                .places = seat->common.places,
                .wall = loop_now(local->common.loop).wall,
                .wish = seat->common.wish,
                .leaving = leaving,
        };
        *ret = job;
        return 0;
}

static void start_visit(struct local_seat *seat, bool leaving) {
        struct local *local = (struct local *) seat->common.coordinator;
        struct visit_job *data = NULL;
        struct error err = {0};
        seat->again = seat->task != NULL;
        if (seat->task) {
                return;
        }
        int r = make_job(seat, leaving, &data);
        if (r == 0) {
                struct worker_job job = {
                        .run = run_visit,
                        .release = free,
                        .done = leaving ? on_left : on_visited,
                        .data = data,
                        .cookie = seat,
                        .deadline = data->deadline,
                };
                r = worker_submit(local->pool, &job, leaving ? NULL : &seat->task, &err);
        }
        if (r < 0) {
                free(data);
                seat_update_session(&seat->common, SESSION_LOST, err.text);
                loop_timer_set_after(&seat->timer, visit_interval(seat));
        }
}

static void on_timer(void *cookie) {
        start_visit(cookie, false);
}

/* ---- operations ---- */

static int local_open(struct coordinator *coordinator, struct error *err) {
        struct local *local = (struct local *) coordinator;
        static const struct worker_limits limits = {.name = "coordination",
                .max_threads = MAX_THREADS,
                .max_queue = MAX_QUEUE,
                .max_stuck = MAX_STUCK};
        if (str_empty(coordinator->state) || str_empty(coordinator->runtime)) {
                return error_set(err, EINVAL, "the coordinator local needs folders for its files");
        }
        int r = clock_boot_id(local->boot);
        if (r < 0) {
                return error_set_errno(err, -r, "reading the boot id");
        }
        return worker_pool_new(&local->pool, coordinator->loop, &limits, err);
}

static void local_close(struct coordinator *coordinator) {
        worker_pool_free(((struct local *) coordinator)->pool);
}

static int local_join(struct seat *common, struct error *err) {
        struct local_seat *seat = (struct local_seat *) common;
        int r = loop_timer_init(&seat->timer, common->coordinator->loop, on_timer, seat);
        if (r < 0) {
                return error_set_errno(err, -r, "group %s", common->group);
        }
        start_visit(seat, false);
        return 0;
}

static void local_leave(struct seat *common) {
        struct local_seat *seat = (struct local_seat *) common;
        if (seat->task) {
                worker_cancel(seat->task);
                seat->task = NULL;
        }
        start_visit(seat, true);
        loop_timer_done(&seat->timer);
}

static void local_wish(struct seat *common) {
        start_visit((struct local_seat *) common, false);
}

const struct coordinator_operations coordinator_local = {
        .coordinator_size = sizeof(struct local),
        .seat_size = sizeof(struct local_seat),
        .open = local_open,
        .close = local_close,
        .join = local_join,
        .leave = local_leave,
        .wish = local_wish,
};

/* What the file probe looks at, in a thread. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/file_open.h"
#include "probes/file_probe.h"

enum { READ_BYTES = 64 * 1024, NAMES_BYTES = 16 * 1024 };

/* A pattern that is slow on hostile lines gets this much time a run; the other lines are let go. */
#define MATCHING (1 * USEC_PER_SEC)

/* A file that changed within the tick of its time stamp looks unchanged, as git's "racy" ones. */
#define SETTLED (2 * USEC_PER_SEC)

/* ---- its job ---- */

static bool copy_text(struct arena *arena, const char **text) {
        *text = *text ? arena_strdup(arena, *text) : NULL;
        return *text != NULL;
}

static bool copy_texts(struct arena *arena, struct file_params *params) {
        const char **const texts[] = {&params->path, &params->owner, &params->group,
                &params->lines.contains, &params->lines.matches, &params->lines.ignore};
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                if (*texts[i] && !copy_text(arena, texts[i])) {
                        return false;
                }
        }
        return true;
}

DEFINE_CLEANUP(cleanup_arena, struct arena, arena_free)

struct file_job *file_job_new(const struct file_params *params, const struct file_state *state) {
        AUTO(cleanup_arena) struct arena *arena = arena_new();
        struct file_job *job = arena ? arena_alloc(arena, sizeof(*job)) : NULL;
        if (!job) {
                return NULL;
        }
        job->params = *params;
        job->checksum = state->checksum;
        job->position = state->position;
        if (!copy_texts(arena, &job->params)) {
                return NULL;
        }
        job->arena = TAKE_PTR(arena);
        return job;
}

void file_job_free(void *job) {
        arena_free(((struct file_job *) job)->arena);
}

/* ---- names ---- */

static bool parse_id(const char *text, unsigned *ret) {
        char *end;
        errno = 0;
        unsigned long id = strtoul(text, &end, 10);
        *ret = (unsigned) id;
        return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && id < UINT32_MAX;
}

static int find_owner(struct file_job *job, char *room) {
        struct passwd entry, *found = NULL;
        if (parse_id(job->params.owner, &job->owner)) {
                job->owner_known = true;
                return 0;
        }
        int code = getpwnam_r(job->params.owner, &entry, room, NAMES_BYTES, &found);
        job->owner_known = found != NULL;
        job->owner = found ? entry.pw_uid : 0;
        return -code;
}

static int find_group(struct file_job *job, char *room) {
        struct group entry, *found = NULL;
        if (parse_id(job->params.group, &job->group)) {
                job->group_known = true;
                return 0;
        }
        int code = getgrnam_r(job->params.group, &entry, room, NAMES_BYTES, &found);
        job->group_known = found != NULL;
        job->group = found ? entry.gr_gid : 0;
        return -code;
}

static int look_up_names(struct file_job *job) {
        char room[NAMES_BYTES];
        int r = job->params.owner ? find_owner(job, room) : 0;
        return r < 0 || !job->params.group ? r : find_group(job, room);
}

/* ---- checksum ---- */

static bool is_same_file(const struct stat *a, const struct stat *b) {
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
               a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool is_settled(const struct stat *st) {
        usec_t changed = (usec_t) st->st_ctim.tv_sec * USEC_PER_SEC;
        return usec_add(changed, SETTLED) < clock_now().wall;
}

static int hash_bytes(EVP_MD_CTX *context, int fd) {
        char bytes[READ_BYTES];
        size_t done = 0;
        for (ssize_t n; (n = read(fd, bytes, sizeof(bytes))) != 0;) {
                if (n < 0 && errno != EINTR) {
                        return -errno;
                }
                if (n > 0 && EVP_DigestUpdate(context, bytes, (size_t) n) != 1) {
                        return -ENOMEM;
                }
                done += n > 0 ? (size_t) n : 0;
                if (done > FILE_HASHED_MAX) {
                        return -EFBIG;
                }
        }
        return 0;
}

static int hash_file(int fd, uint8_t ret[FILE_DIGEST_SIZE]) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        int r = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1
                        ? hash_bytes(context, fd)
                        : -ENOMEM;
        if (r >= 0 && EVP_DigestFinal_ex(context, ret, NULL) != 1) {
                r = -ENOMEM;
        }
        EVP_MD_CTX_free(context);
        OPENSSL_thread_stop(); /* what it keeps for this thread, which ends when it is idle */
        return r;
}

static int compute_checksum(struct file_job *job) {
        struct file_checksum *checksum = &job->checksum;
        struct stat st;
        if (checksum->settled && is_same_file(&checksum->st, &job->st)) {
                return 0;
        }
        checksum->settled = false;
        AUTO_CLOSE int fd = file_open(job->params.path, &st);
        if (fd < 0) {
                return fd;
        }
        int r = hash_file(fd, checksum->bytes);
        job->too_large = r == -EFBIG;
        checksum->settled = r >= 0 && is_settled(&st);
        checksum->st = st;
        return job->too_large ? 0 : r;
}

/* ---- lines ---- */

struct counting {
        struct file_job *job;
        const struct line_match *match;
        usec_t give_up;
};

static void count_line(void *cookie, const char *line, size_t length) {
        const struct counting *counting = cookie;
        struct file_job *job = counting->job;
        if (clock_now().mono > counting->give_up) {
                job->unmatched++;
        } else if (line_match_test(counting->match, line, length)) {
                job->matches++;
                (void) str_copy(job->last_line, sizeof(job->last_line), line);
                str_make_printable(job->last_line);
        }
}

static int follow_lines(struct file_job *job) {
        struct line_match *match = line_match_new(&job->params.lines);
        if (!match) {
                return -ENOMEM;
        }
        struct counting counting = {job, match, usec_add(clock_now().mono, MATCHING)};
        int r = file_follow(
                job->params.path, &job->position, count_line, &counting, &job->followed);
        line_match_free(match);
        /* Whether there has to be a file, and which kind of it, is judged by the look at its entry.
         */
        return r == -ENOENT || r == -EISDIR || r == -EINVAL ? 0 : r;
}

/* ---- all together ---- */

static int look_at_entry(struct file_job *job) {
        const struct file_params *params = &job->params;
        if (params->newest) {
                int r = file_newest_find(params->path, &job->newest);
                job->st = job->newest.st;
                return r;
        }
        int flags = params->type == FILE_TYPE_SYMLINK ? AT_SYMLINK_NOFOLLOW : 0;
        return fstatat(AT_FDCWD, params->path, &job->st, flags) < 0 ? -errno : 0;
}

static int look_up_when_asked(struct file_job *job) {
        return job->params.owner || job->params.group ? look_up_names(job) : 0;
}

static int hash_when_asked(struct file_job *job) {
        return job->params.sha256.given && S_ISREG(job->st.st_mode) ? compute_checksum(job) : 0;
}

/* Also when there is no file: what is made later is all new. */
static int follow_when_asked(struct file_job *job) {
        return file_follows_lines(&job->params) ? follow_lines(job) : 0;
}

void file_measure(struct offload *call, void *data) {
        static const struct {
                const char *name;
                int (*take)(struct file_job *job);
        } steps[] = {
                {"reading its lines", follow_when_asked},
                {"stat", look_at_entry},
                {"looking up its owner", look_up_when_asked},
                {"computing its checksum", hash_when_asked},
        };
        struct file_job *job = data;
        for (size_t i = 0; i < ELEMENTSOF(steps) && job->error == 0; i++) {
                offload_step(call, job->step = steps[i].name);
                job->error = -steps[i].take(job);
        }
}

#pragma once
/* The file probe, shared by its files: file.c has the options and both ends of a run,
 * file_measure.c what is looked at in a thread, file_judge.c what that means. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/units.h"
#include "probes/file_follow.h"
#include "probes/file_newest.h"
#include "probes/line_match.h"
#include "probes/offload_run.h"
#include "probes/probe.h"
#include "probes/same_process.h"
#include "probes/window_count.h"

enum {
        FILE_DIGEST_SIZE = 32, /* bytes of a SHA-256 */
        FILE_HASHED_MAX = 256 * 1024 * 1024, /* bytes of a file whose checksum is computed */
        FILE_LINE_SHOWN = 96, /* bytes of a matching line */
};

enum file_type {
        FILE_TYPE_ANY = 0,
        FILE_TYPE_FILE,
        FILE_TYPE_DIRECTORY,
        FILE_TYPE_SYMLINK,
        FILE_TYPE_SOCKET,
        FILE_TYPE_FIFO,
        FILE_TYPE_BLOCK,
        FILE_TYPE_CHARACTER,
};

struct file_mode {
        bool given;
        mode_t bits; /* without the type */
};

struct file_digest {
        bool given;
        uint8_t bytes[FILE_DIGEST_SIZE];
};

struct file_params {
        const char *path;
        bool newest, exists, optional;
        int type; /* enum file_type */
        usec_t max_age; /* 0: no limit */
        struct amount min_size, max_size;
        const char *owner, *group;
        struct file_mode mode;
        struct file_digest sha256;
        struct line_match_params lines;
        usec_t window;
        uint32_t max_matches;
};

/* A checksum, and the file as it was then. */
struct file_checksum {
        bool settled; /* computed long enough after the last change to hold until the next */
        struct stat st;
        uint8_t bytes[FILE_DIGEST_SIZE];
};

/* One look; lives as long as its thread, which may be longer than the policy. */
struct file_job {
        struct arena *arena; /* holds the texts of `params` and the job itself */
        struct file_params params;
        int error; /* positive errno of `step` */
        const char *step;
        struct stat st;
        struct file_newest newest;
        bool owner_known, group_known; /* of the names asked for */
        uid_t owner;
        gid_t group;
        bool too_large; /* to be hashed */
        struct file_checksum checksum;
        struct file_position position;
        struct file_follow_result followed;
        uint64_t matches; /* lines of this look that count */
        uint64_t unmatched; /* lines there was no time for */
        char last_line[FILE_LINE_SHOWN];
};

struct file_state {
        struct offload_run work;
        struct file_checksum checksum;
        struct file_position position;
        struct window_count matches;
        struct same_process process;
        bool forgive; /* the run under way is the first of a new process */
        char last_line[FILE_LINE_SHOWN];
};

static inline bool file_follows_lines(const struct file_params *params) {
        return params->lines.contains || params->lines.matches;
}

extern const struct enum_text file_type_texts[];

/* With the follower's place and checksum that the job begins with. NULL: out of memory. */
struct file_job *file_job_new(const struct file_params *params, const struct file_state *state);
void file_job_free(void *job);
void file_measure(struct offload *call, void *data);

/* The state takes over what the job found; the result says what that means at the run's start. */
void file_judge(struct probe_run *run, void *data, struct probe_result *result);

#pragma once
/* A recording: what a core began with, and every input that it was fed, with its moment and with
 * what was decided, so that the same can be run again. Text, in frames `KIND LENGTH` and LENGTH
 * bytes, each ended by a newline. The agent writes it (runtime/recorder.c), `recoverctl simulate
 * --replay` reads it.
 *
 * A new kind of input is a case in recording.c, which does not compile without it, and the rows of
 * its members there. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "model/policy.h"
#include "recovery/recovery.h"

enum {
        RECORDING_FORMAT = 1,
        RECORDING_BYTES_MAX = 256 << 20, /* of a file that is read */
        RECORDING_ROWS_MAX = 8 * RECOVERY_TRAIL_MAX,
};

enum frame_kind {
        FRAME_BEGIN = 1, /* struct recording_begin */
        FRAME_CONFIG, /* a policy file: its name, a newline, its text; this one is recoverd.yaml */
        FRAME_POLICY, /* the others, in order */
        FRAME_IMAGE, /* core_image_write */
        FRAME_INPUT, /* struct recorded */
        FRAME_END, /* why it ends */
        FRAME_RELOAD, /* struct recording_begin: the policy files before it are in force from then
                       */
};
DECLARE_ENUM_TEXT(frame_kind)

struct recording_begin {
        uint32_t format;
        char version[32]; /* of the agent */
        char digest[POLICY_DIGEST_MAX]; /* of its policies */
        struct instant at;
};

/* One input, flat, and what was decided. Members that differ from zero are written. */
struct recorded {
        int kind; /* enum input_kind */
        uint64_t number; /* 1-based */
        struct instant now;
        char service[POLICY_NAME_MAX + 1]; /* "": of the host */
        char probe[POLICY_NAME_MAX + 1];
        int outcome, cause, command; /* enum of the same names */
        bool certain, has_value, running, expected, by_person, busy, ok, refused, retry, lost, up;
        double value;
        struct instant at; /* of an observation, where it is not `now` */
        usec_t duration, age;
        pid_t pid;
        uint64_t token;
        int source; /* enum hold_source */
        bool on, people_too;
        usec_t since, until; /* of a hold */
        struct host_signs host;
        int files; /* enum files_state */
        int permit; /* enum permit; until: it is good for */
        uint64_t change; /* of the files */
        int status; /* exit status or signal */
        char text[OBSERVATION_DETAIL_MAX];
        char by[64], reason[128];
        char rows[RECORDING_ROWS_MAX]; /* numbers of the rows that fired */
        uint64_t effects; /* a hash of what was decided, texts apart; 0: nothing */
};

/* ---- Writing ---- */

void recording_frame(struct strbuf *out, enum frame_kind kind, const char *bytes, size_t length);
void recording_write_begin(struct strbuf *out, const struct recording_begin *begin);
void recording_write_reload(struct strbuf *out, const struct recording_begin *begin);

/* What was decided upon an input: the trail and the effects of the step that has just ended. */
struct decided {
        const struct recovery *recovery;
        const struct effects *effects;
};
void recording_write_input(struct strbuf *out, uint64_t number, const struct policy *policy,
        const struct input *input, struct instant now, const struct decided *decided);

/* A policy file, which a reader hands to policy_load_texts. The text is scrubbed. */
void recording_write_file(struct strbuf *out, bool config, const char *name, const char *text);

/* Values of keys that look like secrets, and passwords in URLs, become "scrubbed": names of files
 * and structure stay. In place. */
void recording_scrub(char *text);

/* ---- Reading ---- */

struct frame {
        enum frame_kind kind;
        char *bytes; /* NUL-terminated, in the text that was given */
        size_t length;
};

struct recording_reader {
        char *text; /* NUL-terminated; changed on the way */
        size_t length, at;
};

/* The next frame: 1, or 0 at the end, or -EBADMSG with the reason. */
int recording_next(struct recording_reader *reader, struct frame *ret, struct error *err);
int recording_read_begin(struct frame *frame, struct recording_begin *ret, struct error *err);
/* The name ends where the text begins; both are in the frame. */
void recording_read_file(struct frame *frame, const char **ret_name, const char **ret_text);
int recording_read_input(struct frame *frame, struct recorded *ret, struct error *err);

/* The input as the core takes it, under these policies. `observation` is memory that it may point
 * to. -ENOENT: they have no such service or probe. */
int recording_input(const struct recorded *recorded, const struct policy *policy, struct input *ret,
        struct observation *observation);

/* What is decided, in the form of a recording, to be compared. */
void recording_decided(
        const struct decided *decided, char rows[RECORDING_ROWS_MAX], uint64_t *ret_effects);

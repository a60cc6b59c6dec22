#include "sim/rerun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "recording/core_image.h"

enum { FILES_MAX = 20000 };

struct player {
        const struct rerun_options *options;
        struct recording_reader reader;
        struct recording_begin begin;
        struct policy_text *files;
        size_t n_files;
        struct policy *own; /* the recording's */
        const struct policy *policy; /* in force */
        struct recovery *recovery;
        struct effects *effects;
        struct rerun *report;
        struct problems *problems;
        struct error *err;
};

static void player_done(struct player *player) {
        recovery_free(player->recovery);
        policy_free(player->own);
        free(player->files);
        free(player->effects);
}

/* ---- How it began ---- */

static int add_file(struct player *player, struct frame *frame) {
        if (player->n_files == FILES_MAX) {
                return error_set(player->err, EBADMSG, "more than %d policy files", FILES_MAX);
        }
        struct policy_text *file = &player->files[player->n_files++];
        recording_read_file(frame, &file->name, &file->text);
        file->config = frame->kind == FRAME_CONFIG;
        return 0;
}

static int other_policy(struct player *player) {
        struct recovery *next = NULL;
        if (!player->options->policy) {
                return 0;
        }
        int r = recovery_reload(
                &next, player->recovery, player->options->policy, player->begin.at, player->err);
        if (r == 0) {
                recovery_free(player->recovery);
                player->recovery = next;
                player->policy = player->options->policy;
        }
        return r;
}

/* Of the files that were read last. */
static int load_policy(struct player *player, struct policy **ret) {
        int r = policy_load_texts(
                player->files, player->n_files, player->options->probes, ret, player->problems);
        player->n_files = 0;
        return r < 0 ? error_set(player->err, -r, "the policies of the recording do not load") : 0;
}

static int make_core(struct player *player, const struct frame *image) {
        struct recovery_settings settings = {0};
        int r = load_policy(player, &player->own);
        if (r < 0) {
                return r;
        }
        player->policy = player->own;
        r = recovery_new(&player->recovery, player->own, &settings, player->begin.at, player->err);
        r = r < 0 ? r : core_image_read(player->recovery, image->bytes, player->err);
        return r < 0 ? r : other_policy(player);
}

/* Up to the image of the core. */
static int read_beginning(struct player *player) {
        struct frame frame;
        int r = recording_next(&player->reader, &frame, player->err);
        if (r == 0 || (r > 0 && frame.kind != FRAME_BEGIN)) {
                return error_set(player->err, EBADMSG, "it is not a recording");
        }
        r = r < 0 ? r : recording_read_begin(&frame, &player->begin, player->err);
        while (r >= 0 && (r = recording_next(&player->reader, &frame, player->err)) > 0) {
                if (frame.kind == FRAME_IMAGE) {
                        return make_core(player, &frame);
                }
                if (frame.kind != FRAME_CONFIG && frame.kind != FRAME_POLICY) {
                        return error_set(player->err, EBADMSG, "it has no image of the core");
                }
                r = add_file(player, &frame);
        }
        return r < 0 ? r : error_set(player->err, EBADMSG, "it has no image of the core");
}

/* ---- What came then ---- */

/* Whether what is decided now is what was decided then. */
static bool decides_alike(struct player *player, const struct input *input) {
        struct rerun *report = player->report;
        struct decided decided = {player->recovery, player->effects};
        uint64_t effects;
        recovery_step(player->recovery, input, report->recorded.now, player->effects);
        recording_decided(&decided, report->rows, &effects);
        report->same_rows = str_eq(report->rows, report->recorded.rows);
        report->inputs++;
        report->ended = report->recorded.now.wall;
        return report->same_rows && effects == report->recorded.effects;
}

static int run_input(struct player *player, struct frame *frame) {
        struct rerun *report = player->report;
        struct observation observation;
        struct input input;
        int r = recording_read_input(frame, &report->recorded, player->err);
        if (r < 0) {
                return r;
        }
        if (recording_input(&report->recorded, player->policy, &input, &observation) < 0) {
                report->skipped++;
                return 0;
        }
        report->differs = !decides_alike(player, &input);
        return 0;
}

/* What the agent did with its core when it loaded other policies. */
static int run_reload(struct player *player, struct frame *frame) {
        struct recording_begin begin;
        struct policy *policy = NULL;
        struct recovery *next = NULL;
        int r = recording_read_begin(frame, &begin, player->err);
        if (r < 0 || player->options->policy) { /* another policy stays in force */
                player->n_files = 0;
                return r;
        }
        r = load_policy(player, &policy);
        r = r < 0 ? r : recovery_reload(&next, player->recovery, policy, begin.at, player->err);
        if (r < 0) {
                policy_free(policy);
                return r;
        }
        recovery_free(player->recovery);
        policy_free(player->own);
        player->recovery = next;
        player->policy = player->own = policy;
        player->report->reloads++;
        return 0;
}

static int run_frame(struct player *player, struct frame *frame) {
        switch (frame->kind) {
        case FRAME_CONFIG:
        case FRAME_POLICY:
                return add_file(player, frame);
        case FRAME_RELOAD:
                return run_reload(player, frame);
        case FRAME_INPUT:
                return run_input(player, frame);
        case FRAME_BEGIN:
        case FRAME_IMAGE:
        case FRAME_END:
                return 0;
        }
        return 0;
}

static int run_frames(struct player *player) {
        struct frame frame;
        int r = 0;
        while (r >= 0 && !player->report->differs) {
                struct error cut = {0};
                if (recording_next(&player->reader, &frame, &cut) <= 0) {
                        return 0; /* the agent was killed while it wrote */
                }
                if (frame.kind == FRAME_END) {
                        str_copy(player->report->end, sizeof(player->report->end), frame.bytes);
                        return 0;
                }
                r = run_frame(player, &frame);
        }
        return r;
}

int rerun_recording(char *text, size_t length, const struct rerun_options *options,
        struct rerun *ret, struct problems *problems, struct error *err) {
        *ret = (struct rerun){0};
        AUTO(player_done)
        struct player player = {
                .options = options,
                .reader = {.text = text, .length = length},
                .files = calloc(FILES_MAX, sizeof(*player.files)),
                .effects = calloc(1, sizeof(*player.effects)),
                .report = ret,
                .problems = problems,
                .err = err,
        };
        if (!player.files || !player.effects) {
                return error_set(err, ENOMEM, "out of memory");
        }
        int r = read_beginning(&player);
        if (r < 0) {
                return r;
        }
        str_copy(ret->version, sizeof(ret->version), player.begin.version);
        ret->began = player.begin.at.wall;
        return run_frames(&player);
}

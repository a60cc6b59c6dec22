#pragma once
/* What an apply has to remember to be all or nothing, whatever happens to it:
 * services/NAME/journal, and what the last one did, for undo. */

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "executor/checkpoint/catalog.h"
#include "executor/checkpoint/checkpoint_record.h"
#include "executor/checkpoint/manifest.h"

enum { JOURNAL_ASIDE_MAX = 256 };

enum journal_phase {
        JOURNAL_BUILDING, /* nothing was exchanged: what lies aside is rubbish */
        JOURNAL_EXCHANGING, /* the new trees are whole and on the disk */
        JOURNAL_DONE, /* what lies aside are the old trees */
};

enum path_change {
        CHANGE_NONE, /* the path is what it should be */
        CHANGE_EXCHANGED,
        CHANGE_CREATED, /* it was not there */
        CHANGE_REMOVED, /* it shall not be there */
};
DECLARE_ENUM_TEXT(path_change)

struct journal_path {
        char path[MANIFEST_PATH_BYTES];
        enum path_change change;
        char aside[JOURNAL_ASIDE_MAX]; /* the folder beside it */
        uint64_t inode; /* of the new tree; it has this inode before and after the exchange */
};

struct journal {
        enum journal_phase phase;
        bool prepared; /* what was built is whole, and waits for a person who says yes */
        char before[CHECKPOINT_ID_MAX], target[CHECKPOINT_ID_MAX];
        struct journal_path paths[MANIFEST_PATHS_MAX];
        size_t n_paths;
};

/* All to and from services/NAME. Durable. */
int journal_save(int service_fd, const struct journal *journal, struct error *err);
/* -ENOENT: there is none, without a text; -EBADMSG. */
int journal_load(int service_fd, struct journal *journal, struct error *err);
int journal_remove(int service_fd, struct error *err);
/* Whether there is one, of an apply that is over but for what it has put aside, or was only
 * prepared. */
bool journal_may_go(int service_fd);
/* -EINPROGRESS: a crash has left one. */
int journal_check_none(const struct catalog *catalog, struct error *err);

/* The last apply of a service. */
struct applied {
        char before[CHECKPOINT_ID_MAX], target[CHECKPOINT_ID_MAX];
        wall_usec_t at;
};

int applied_save(int service_fd, const struct applied *applied, struct error *err);
/* -ENOENT: there was none; -EBADMSG. */
int applied_load(int service_fd, struct applied *ret, struct error *err);

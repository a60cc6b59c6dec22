#pragma once
/* Puts new trees in the place of old ones, as a journal says, and takes that back. Each step may be
 * repeated: what was done already is seen by the inodes. */

#include "base/error.h"
#include "executor/checkpoint/apply_journal.h"
#include "executor/checkpoint/catalog.h"

/* The new trees are in place, durably, and the journal is JOURNAL_EXCHANGING. When one cannot be,
 * those that were exchanged are taken back and what lies aside is removed: then the error is that
 * of the step, and there is no journal any more. -EINPROGRESS: that did not work either. */
int exchange_all(struct journal *journal, int service_fd, struct error *err);

/* Writes down what was applied. The old trees stay aside until exchange_recover removes them, which
 * nobody has to wait for. -EINPROGRESS: the paths are new, but that could not be written down. */
int exchange_finish(struct journal *journal, const struct catalog *catalog, struct error *err);

/* Removes what was built, of which nothing was exchanged. */
int exchange_discard(const struct journal *journal, int service_fd, struct error *err);

/* Finishes or takes back what a crash left, and removes what lies aside: *ret is "finished", "taken
 * back" or "cleaned", or NULL where there is nothing. */
int exchange_recover(const struct depot *depot, const struct catalog *catalog, const char **ret,
        struct error *err);

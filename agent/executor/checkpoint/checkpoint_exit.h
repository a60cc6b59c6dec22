#pragma once
/* How recoverd-checkpoint ends, for itself and for whoever runs it. docs/checkpoints.md says it for
 * people. */

enum checkpoint_exit {
        CHECKPOINT_DONE = 0,
        CHECKPOINT_FAILED = 1, /* nothing was changed */
        CHECKPOINT_USAGE = 2,
        CHECKPOINT_REFUSED = 3, /* by a rule */
        CHECKPOINT_NOT_FOUND = 4,
        CHECKPOINT_DAMAGED = 5, /* what is stored is not what it was */
        CHECKPOINT_BUSY = 6,
        CHECKPOINT_UNFINISHED = 7, /* `recover` is needed */
};

/* The functions of this folder return negative errno. These say more than that a call failed:
 * ECANCELED refused, ESRCH not found, EBADMSG damaged, EWOULDBLOCK busy, EINPROGRESS unfinished. */
enum checkpoint_exit checkpoint_exit_of(int negative_errno);

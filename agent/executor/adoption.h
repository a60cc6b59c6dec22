#pragma once
/* Finds the processes of the executor before this one again, from its state files. */

#include "base/list.h"

struct executor;

struct adoption {
        struct executor *executor; /* NULL: not started, done() is a no-op */
        struct list searches; /* for processes whose pid was not written down in time */
        void (*ended)(void *cookie);
        void *cookie;
};

/* Reads the files and adopts what runs. `ended` is called once, when the last process was found or
 * given up (within about a second); never from within. Returns 1 when that was not needed, and
 * `ended` is not called; else 0, or negative errno when the files cannot be read. */
int adoption_start(struct adoption *adoption, struct executor *executor,
        void (*ended)(void *cookie), void *cookie);
void adoption_done(struct adoption *adoption);

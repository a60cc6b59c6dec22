#pragma once
/* What a program writes to a pipe, kept up to a limit; what goes beyond it is read and dropped, so
 * that the program never waits for a reader. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "io/loop.h"

struct capture {
        int fd; /* end to read from; -1: at its end, or not there */
        struct loop_watch watch;
        struct strbuf text;
        size_t max;
        uint64_t dropped_bytes;
        void (*ended)(void *cookie);
        void *cookie;
};

/* `ended` is called when the last writer has closed the pipe; it may free the capture. */
void capture_init(struct capture *capture, size_t max, void (*ended)(void *cookie), void *cookie);

/* Makes the pipe. Returns the end to write to, which the caller closes. */
int capture_open(struct capture *capture, struct error *err);

/* Reads from now on; does nothing without a pipe. */
int capture_watch(struct capture *capture, struct loop *loop);

/* Reads at once what is there, as much as a pipe holds; `ended` is not called. */
void capture_drain(struct capture *capture);

/* Ends the reading; the text stays. */
void capture_close(struct capture *capture);
void capture_done(struct capture *capture);

/* Terminated, may hold any bytes; "" for none. */
const char *capture_text(const struct capture *capture, size_t *ret_length);

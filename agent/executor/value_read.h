#pragma once
/* Reads a value that a policy names: the first line of a file, by a worker thread, or of the output
 * of a program. */

#include "base/clock.h"
#include "base/error.h"
#include "model/policy.h"

struct executor;
struct value_read; /* heap; gone when `done` was called or it was cancelled */

enum { VALUE_MAX = 512 };

#define VALUE_LIMIT (10 * USEC_PER_SEC) /* of the program */

/* result: 0, and `text` is the value; or negative errno, and it says why there is none. */
typedef void (*value_done)(void *cookie, int result, const char *text);

/* Never from within; the source outlives it. */
int value_read_start(struct value_read **ret, struct executor *executor,
        const struct value_source *source, value_done done, void *cookie, struct error *err);

/* Accepts NULL. */
void value_read_cancel(struct value_read *read);

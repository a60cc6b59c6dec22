#pragma once
/* The highest fencing token of each group that the executor has seen: an agent that was away for
 * long, or was taken over, gets no member promoted under an older one. Kept in
 * STATE_DIR/executor/tokens. */

#include <stdint.h>

#include "base/list.h"
#include "executor/kept_file.h"

struct executor;

struct fencing_tokens {
        struct list groups; /* struct fencing_token */
        struct kept_file file;
};

/* -ENAMETOOLONG, -ENOMEM. */
int fencing_tokens_init(struct fencing_tokens *tokens, struct executor *executor);
void fencing_tokens_done(struct fencing_tokens *tokens);

/* 0: none was seen. */
uint64_t fencing_tokens_highest(const struct fencing_tokens *tokens, const char *group);

/* A lower one than before changes nothing. */
void fencing_tokens_note(struct fencing_tokens *tokens, const char *group, uint64_t token);

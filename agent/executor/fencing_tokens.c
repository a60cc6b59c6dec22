#include "executor/fencing_tokens.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/executor.h"

enum { LINE_MAX_LENGTH = POLICY_NAME_MAX + 24, TEXT_MAX = POLICY_GROUPS_MAX * LINE_MAX_LENGTH };

struct fencing_token {
        struct list node;
        char group[POLICY_NAME_MAX + 1];
        uint64_t highest;
};

static struct fencing_token *find(const struct fencing_tokens *tokens, const char *group) {
        LIST_FOREACH (node, &tokens->groups) {
                struct fencing_token *token = LIST_ENTRY(node, struct fencing_token, node);
                if (str_eq(token->group, group)) {
                        return token;
                }
        }
        return NULL;
}

static struct fencing_token *add(struct fencing_tokens *tokens, const char *group) {
        struct fencing_token *token = calloc(1, sizeof(*token));
        if (token) {
                str_copy(token->group, sizeof(token->group), group);
                list_append(&tokens->groups, &token->node);
        }
        return token;
}

uint64_t fencing_tokens_highest(const struct fencing_tokens *tokens, const char *group) {
        const struct fencing_token *token = find(tokens, group);
        return token ? token->highest : 0;
}

/* Returns whether it is a new one. */
static bool raise_to(struct fencing_tokens *tokens, const char *group, uint64_t highest) {
        struct fencing_token *token = find(tokens, group);
        token = token ? token : add(tokens, group);
        if (!token || token->highest >= highest) {
                return false;
        }
        token->highest = highest;
        return true;
}

void fencing_tokens_note(struct fencing_tokens *tokens, const char *group, uint64_t token) {
        if (raise_to(tokens, group, token)) {
                kept_file_changed(&tokens->file);
        }
}

/* ---- Its file: a line a group, name and token ---- */

static char *format(void *data) {
        const struct fencing_tokens *tokens = data;
        AUTO_STRBUF struct strbuf text = {0};
        LIST_FOREACH (node, &tokens->groups) {
                const struct fencing_token *token = LIST_ENTRY(node, struct fencing_token, node);
                strbuf_addf(&text, "%s %" PRIu64 "\n", token->group, token->highest);
        }
        return text.failed || !text.data ? strdup("") : TAKE_PTR(text.data);
}

static int parse(void *data, const char *text, struct error *err) {
        struct fencing_tokens *tokens = data;
        char group[POLICY_NAME_MAX + 1];
        while (*text) {
                size_t length = strcspn(text, " \n");
                char *end = NULL;
                errno = 0;
                uint64_t highest = strtoull(text + length, &end, 10);
                if (length == 0 || length > POLICY_NAME_MAX || text[length] != ' ' ||
                        *end != '\n' || errno != 0) {
                        return error_set(err, EBADMSG, "not lines of group and token");
                }
                snprintf(group, sizeof(group), "%.*s", (int) length, text);
                (void) raise_to(tokens, group, highest);
                text = end + 1;
        }
        return 0;
}

static const struct kept_kind kind = {
        .name = "tokens",
        .max_bytes = TEXT_MAX,
        .format = format,
        .parse = parse,
};

int fencing_tokens_init(struct fencing_tokens *tokens, struct executor *executor) {
        list_init(&tokens->groups);
        return kept_file_init(&tokens->file, executor->loop, executor->disk,
                executor->options.state_dir, &kind, tokens);
}

void fencing_tokens_done(struct fencing_tokens *tokens) {
        if (!tokens->file.loop) {
                return;
        }
        kept_file_done(&tokens->file);
        LIST_FOREACH (node, &tokens->groups) {
                list_remove(node);
                free(LIST_ENTRY(node, struct fencing_token, node));
        }
}

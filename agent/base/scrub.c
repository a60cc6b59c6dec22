#include "base/scrub.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

#define REMOVED "[removed]"
#define KEY_BEGIN "-----BEGIN "
#define KEY_END "-----END "

/* Matched anywhere, in any case: a part of a longer word is enough. */
static const char *const secret_words[] = {"password", "passwd", "passphrase", "pwd", "secret",
        "token", "authorization", "cookie", "credential", "api_key", "api-key", "apikey",
        "access_key", "access-key", "private_key", "private-key", "session", "bearer ",
        "key=", "requirepass ", "masterauth "}; /* these two are of redis.conf */

/* These have values of several words. */
static const char *const whole_line_words[] = {"authorization", "cookie", "bearer "};

static size_t word_at(const char *at, const char *end, const char *const *words, size_t n) {
        for (size_t i = 0; i < n; i++) {
                size_t length = strlen(words[i]);
                if ((size_t) (end - at) >= length && strncasecmp(at, words[i], length) == 0) {
                        return length;
                }
        }
        return 0;
}

/* Behind the rest of the word, its quote, spaces, and one sign of = : that says that a value
 * follows; NULL: none does. A program's option may have a space in its place. */
static const char *value_after(const char *at, const char *end, bool has_sign, bool option) {
        bool sign = has_sign, space = false;
        while (at < end && (isalnum((unsigned char) *at) || *at == '_' || *at == '-') && !sign) {
                at++;
        }
        for (; at < end; at++) {
                if (*at == ' ' || *at == '\t') {
                        space = true;
                } else if ((*at == '=' || *at == ':') && !sign) {
                        sign = true;
                } else if (*at != '"' && *at != '\'' && *at != '\\') {
                        break;
                }
        }
        return at < end && (sign || (option && space)) ? at : NULL;
}

static bool ends_value(char c) {
        return isspace((unsigned char) c) || strchr("&,;\"'|<>)}]", c);
}

static const char *skip_value(const char *at, const char *end) {
        while (at < end && !ends_value(*at)) {
                at++;
        }
        return at;
}

/* "--password VALUE" */
static bool is_option(const char *line, const char *word) {
        while (word > line && (isalnum((unsigned char) word[-1]) || word[-1] == '_')) {
                word--;
        }
        return word > line && word[-1] == '-';
}

/* The end of what is secret behind a word at `at`, and in `ret_value` its beginning. */
static const char *secret_at(
        const char *line, const char *at, const char *end, const char **ret_value) {
        size_t length = word_at(at, end, secret_words, ELEMENTSOF(secret_words));
        if (length == 0) {
                return NULL;
        }
        char last = at[length - 1];
        bool has_sign = last == '=' || last == ' ';
        *ret_value = value_after(at + length, end, has_sign, is_option(line, at));
        if (!*ret_value) {
                return NULL;
        }
        bool whole = word_at(at, end, whole_line_words, ELEMENTSOF(whole_line_words)) > 0;
        return whole ? end : skip_value(*ret_value, end);
}

/* "://user:password@host": the end of the user information, when there is any. */
static const char *userinfo_at(const char *at, const char *end) {
        if (end - at < 3 || memcmp(at, "://", 3) != 0) {
                return NULL;
        }
        const char *found = NULL;
        for (const char *p = at + 3; p < end && !isspace((unsigned char) *p) && !strchr("/?#", *p);
                p++) {
                found = *p == '@' ? p : found;
        }
        return found;
}

static void scrub_line(struct strbuf *out, const char *line, const char *end) {
        const char *kept = line;
        for (const char *at = line; at < end;) {
                const char *value = NULL;
                const char *after = secret_at(line, at, end, &value);
                if (!after && (after = userinfo_at(at, end))) {
                        value = at + 3;
                }
                if (!after) {
                        at++;
                        continue;
                }
                strbuf_add_bytes(out, kept, (size_t) (value - kept));
                strbuf_add(out, REMOVED);
                at = kept = after;
        }
        strbuf_add_bytes(out, kept, (size_t) (end - kept));
}

void scrub(struct strbuf *out, const char *text) {
        bool in_key = false;
        while (*text) {
                const char *end = text + strcspn(text, "\n");
                size_t length = (size_t) (end - text);
                bool begins = memmem(text, length, KEY_BEGIN, strlen(KEY_BEGIN)) &&
                              memmem(text, length, "PRIVATE KEY", strlen("PRIVATE KEY"));
                if (begins) {
                        strbuf_add(out, REMOVED "\n");
                }
                if (!in_key && !begins) {
                        scrub_line(out, text, end);
                        strbuf_add(out, *end ? "\n" : "");
                }
                in_key = (in_key || begins) && !memmem(text, length, KEY_END, strlen(KEY_END));
                text = *end ? end + 1 : end;
        }
}

/* Secrets do not belong into a recording: values of keys that look like secrets, and what stands
 * before the @ of a URL. Names of files that hold secrets stay, they are no secrets. Unlike
 * base/scrub.h it keeps structure and length, so that a policy still loads. */

#include <ctype.h>
#include <strings.h>

#include "base/cleanup.h"
#include "recording/recording.h"

static const char *const secret_words[] = {"authorization", "cookie", "password", "passwd",
        "secret", "token", "api_key", "api-key", "apikey", "credential"};

static bool is_word_char(char c) {
        return isalnum((unsigned char) c) || c == '_' || c == '-';
}

/* The word ends with one of the secret ones; `password_file` does not. */
static bool is_secret(const char *word, size_t length) {
        for (size_t i = 0; i < ELEMENTSOF(secret_words); i++) {
                size_t n = strlen(secret_words[i]);
                if (length >= n && strncasecmp(word + length - n, secret_words[i], n) == 0) {
                        return true;
                }
        }
        return false;
}

/* Letters and digits become x: quotes, brackets and commas are structure, and the length is kept.
 */
static char *blot(char *at, const char *end) {
        for (; at < end; at++) {
                if (isalnum((unsigned char) *at)) {
                        *at = 'x';
                }
        }
        return at;
}

static char *end_of_value(char *at) {
        if (*at == '"' || *at == '\'') {
                char *quote = strchr(at + 1, *at);
                return quote ? quote : at + strcspn(at, "\n");
        }
        return at + strcspn(at, ",}]\n");
}

/* What stands between // and @ within one word. */
static char *scrub_url(char *at) {
        char *end = at + 2 + strcspn(at + 2, "/ \t\n\"'@,");
        return *end == '@' ? blot(at + 2, end) : at + 2;
}

void recording_scrub(char *text) {
        for (char *at = text; *at;) {
                if (at[0] == '/' && at[1] == '/') {
                        at = scrub_url(at);
                        continue;
                }
                char *word = at;
                while (is_word_char(*at)) {
                        at++;
                }
                size_t length = (size_t) (at - word);
                if (length == 0) {
                        at++;
                        continue;
                }
                char *value = at + strspn(at, "\"'");
                if (is_secret(word, length) && (*value == ':' || *value == '=')) {
                        value += 1 + strspn(value + 1, " \t");
                        bool nested = *value == '{' || *value == '[';
                        at = nested ? value : blot(value, end_of_value(value));
                }
        }
}

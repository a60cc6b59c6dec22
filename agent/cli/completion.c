#include "cli/completion.h"

#include <ctype.h>

#include "base/cleanup.h"

/* ---- What stands where ---- */

/* The first row whose text the name contains. */
static const struct {
        const char *contains;
        enum completion_kind kind;
        const char *words;
} kinds[] = {
        {"SERVICE[/PROBE]", COMPLETION_PROBES, ""},
        {"SERVICE", COMPLETION_SERVICES, ""},
        {"POLICY", COMPLETION_FILES, ""},
        {"PATH", COMPLETION_FILES, ""},
        {"FILE", COMPLETION_FILES, ""},
        {"DIR", COMPLETION_DIRECTORIES, ""},
        {"DURATION", COMPLETION_WORDS, "15m 30m 1h 2h 4h"},
        {"ID", COMPLETION_INCIDENTS, ""},
};

static bool is_choice(const char *name) {
        bool lower = true;
        for (const char *c = name; *c; c++) {
                lower = lower && !isupper((unsigned char) *c);
        }
        return lower && strchr(name, '|');
}

void completion_of(const char *name, struct completion *ret) {
        *ret = (struct completion){0};
        if (is_choice(name)) {
                ret->kind = COMPLETION_WORDS;
                str_copy(ret->words, sizeof(ret->words), name);
                for (char *c = ret->words; *c; c++) {
                        *c = *c == '|' ? ' ' : *c;
                }
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                if (strstr(name, kinds[i].contains)) {
                        ret->kind = kinds[i].kind;
                        str_copy(ret->words, sizeof(ret->words), kinds[i].words);
                        return;
                }
        }
}

void completion_argument(
        const struct command *command, size_t position, char ret[ARGUMENT_NAME_MAX]) {
        const char *at = command->arguments;
        ret[0] = 0;
        while (*at) {
                size_t length = strcspn(at, " ");
                bool repeated = length > 3 && memmem(at, length, "...", 3);
                if (position == 0 || repeated) {
                        char name[ARGUMENT_NAME_MAX] = "";
                        memcpy(name, at, length < sizeof(name) ? length : sizeof(name) - 1);
                        str_copy(ret, ARGUMENT_NAME_MAX, name);
                        return;
                }
                position--;
                at += length;
                at += strspn(at, " ");
        }
}

#include "model/unit_name.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

#define CHARACTERS                                                                                 \
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.\\-@" /* VALID_CHARS */

static bool has_suffix(const char *text) {
        static const char *const suffixes[] = {"service", "socket", "target", "timer", "path",
                "mount", "automount", "swap", "slice", "scope", "device"};
        const char *dot = strrchr(text, '.');
        for (size_t i = 0; dot && dot > text && i < ELEMENTSOF(suffixes); i++) {
                if (str_eq(dot + 1, suffixes[i])) {
                        return true;
                }
        }
        return false;
}

static bool is_template(const char *text) {
        const char *at = strchr(text, '@');
        return at && at + 1 == strrchr(text, '.');
}

int unit_name_check(const char *text, const char **ret_expected) {
        size_t length = strlen(text);
        if (length == 0 || length > UNIT_NAME_MAX || text[strspn(text, CHARACTERS)] != '\0' ||
                text[0] == '@') {
                *ret_expected = "the name of a unit such as nginx.service";
                return -EINVAL;
        }
        if (!has_suffix(text)) {
                *ret_expected = "the name of a unit with its suffix, such as nginx.service";
                return -EINVAL;
        }
        if (is_template(text)) {
                *ret_expected = "an instance of the template, such as worker@main.service";
                return -EINVAL;
        }
        return 0;
}

const char *unit_name_hint(const char *text, char *hint, size_t size) {
        const char *expected;
        char whole[UNIT_NAME_MAX + 1];
        if (strchr(text, '.') ||
                snprintf(whole, sizeof(whole), "%s.service", text) >= (int) sizeof(whole) ||
                unit_name_check(whole, &expected) < 0) {
                return NULL;
        }
        snprintf(hint, size, "did you mean '%.180s'?", whole);
        return hint;
}

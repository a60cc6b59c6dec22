#include "io/mount_table.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { OPTIONS_MAX = 512, PIECE_BYTES = 16 * 1024 };

int mount_table_read(char **ret_text) {
        AUTO_FCLOSE FILE *file = fopen("/proc/self/mountinfo", "re");
        AUTO_STRBUF struct strbuf text = {0};
        char piece[PIECE_BYTES];
        size_t n;
        if (!file) {
                return -errno;
        }
        while ((n = fread(piece, 1, sizeof(piece), file)) > 0 && text.length < MOUNT_TABLE_MAX) {
                strbuf_add_bytes(&text, piece, n);
        }
        strbuf_add(&text, "");
        char *whole = ferror(file) ? NULL : strbuf_take(&text);
        if (!whole) {
                return ferror(file) ? -EIO : -ENOMEM;
        }
        *ret_text = whole;
        return 0;
}

static bool is_octal(const char *digits) {
        return strspn(digits, "01234567") >= 3;
}

/* Octal escapes, in place: \040 is a space. */
static void unescape(char *text) {
        char *to = text;
        for (const char *from = text; *from; from++) {
                if (*from == '\\' && is_octal(from + 1)) {
                        *to++ = (char) ((from[1] - '0') << 6 | (from[2] - '0') << 3 |
                                        (from[3] - '0'));
                        from += 3;
                } else {
                        *to++ = *from;
                }
        }
        *to = '\0';
}

/* Copies the word that begins at *text, and moves behind it and its space. */
static bool take_word(const char **text, const char *end, char *to, size_t size) {
        size_t length = strcspn(*text, " \n");
        if (length == 0 || length >= size || *text + length > end) {
                return false;
        }
        memcpy(to, *text, length);
        to[length] = '\0';
        *text += length;
        *text += **text == ' ';
        return true;
}

static bool has_option(const char *options, const char *wanted) {
        size_t length = strlen(wanted);
        for (const char *at = options; *at; at += strcspn(at, ","), at += *at == ',') {
                if (strcspn(at, ",") == length && memcmp(at, wanted, length) == 0) {
                        return true;
                }
        }
        return false;
}

/* The number that ends with `end`. */
static bool parse_number(const char *text, char end, unsigned *ret, const char **ret_rest) {
        char *rest;
        unsigned long value = strtoul(text, &rest, 10);
        if (rest == text || *rest != end || value > INT_MAX) {
                return false;
        }
        *ret = (unsigned) value;
        *ret_rest = rest + (end != '\0');
        return true;
}

static bool parse_device(const char *text, dev_t *ret) {
        unsigned major, minor;
        if (!parse_number(text, ':', &major, &text) || !parse_number(text, '\0', &minor, &text)) {
                return false;
        }
        *ret = makedev(major, minor);
        return true;
}

/* "36 35 98:0 ROOT POINT OPTIONS [OPTIONAL...] - TYPE SOURCE SUPEROPTIONS" */
static bool parse_line(const char *line, const char *end, struct mount_entry *ret) {
        char word[OPTIONS_MAX], options[OPTIONS_MAX];
        const char *rest;
        unsigned id;
        if (!take_word(&line, end, word, sizeof(word)) || !parse_number(word, '\0', &id, &rest) ||
                !take_word(&line, end, word, sizeof(word)) ||
                !take_word(&line, end, word, sizeof(word)) || !parse_device(word, &ret->device) ||
                !take_word(&line, end, ret->root, sizeof(ret->root)) ||
                !take_word(&line, end, ret->point, sizeof(ret->point)) ||
                !take_word(&line, end, options, sizeof(options))) {
                return false;
        }
        do {
                if (!take_word(&line, end, word, sizeof(word))) {
                        return false;
                }
        } while (!str_eq(word, "-"));
        if (!take_word(&line, end, ret->type, sizeof(ret->type))) {
                return false;
        }
        const char *super = memchr(line, ' ', (size_t) (end - line));
        if (!super) {
                return false;
        }
        if (!take_word(&line, end, ret->source, sizeof(ret->source))) {
                *ret->source = '\0';
        }
        ret->id = (int) id;
        unescape(ret->root);
        unescape(ret->point);
        unescape(ret->source);
        /* The options of the file system may be long; "ro" or "rw" is the first of them. */
        ret->file_system_read_only = str_starts(super, " ro,") || str_starts(super, " ro\n");
        ret->read_only = ret->file_system_read_only || has_option(options, "ro");
        return true;
}

bool mount_table_next(const char **text, struct mount_entry *ret) {
        while (**text) {
                const char *line = *text, *end = strchrnul(line, '\n');
                *text = *end ? end + 1 : end;
                if (parse_line(line, end, ret)) {
                        return true;
                }
        }
        return false;
}

const char *mount_path_below(const char *path, const char *root) {
        size_t length = str_eq(root, "/") ? 0 : strlen(root);
        if (strncmp(path, root, length) != 0 || (path[length] != '/' && path[length] != '\0')) {
                return NULL;
        }
        return str_eq(path + length, "/") ? "" : path + length;
}

/* Of several at one point the last covers the others. */
int mount_table_find(const char *text, const char *path, struct mount_entry *ret) {
        struct mount_entry entry;
        size_t best = 0;
        while (mount_table_next(&text, &entry)) {
                size_t length = strlen(entry.point);
                if (length >= best && mount_path_below(path, entry.point)) {
                        best = length;
                        *ret = entry;
                }
        }
        return best > 0 ? 0 : -ENOENT;
}

#include "executor/checkpoint/path_text.h"

#include <errno.h>
#include <stdio.h>

static void add_octal(struct strbuf *out, unsigned char c) {
        const char text[] = {
                '\\', (char) ('0' + (c >> 6)), (char) ('0' + (c >> 3 & 7)), (char) ('0' + (c & 7))};
        strbuf_add_bytes(out, text, sizeof(text));
}

static bool fits_word(char c) {
        return c > ' ' && c <= '~' && c != '\\' && c != '#' && c != '=';
}

void path_text_add_word(struct strbuf *out, const char *bytes) {
        while (*bytes) {
                size_t plain = 0;
                while (fits_word(bytes[plain])) {
                        plain++;
                }
                strbuf_add_bytes(out, bytes, plain);
                bytes += plain;
                if (*bytes) {
                        add_octal(out, (unsigned char) *bytes++);
                }
        }
}

void path_text_add(struct strbuf *out, const char *bytes) {
        while (*bytes) {
                size_t length = str_printable_length(bytes);
                if (length == 0) {
                        add_octal(out, (unsigned char) *bytes++);
                } else if (*bytes == '\\') {
                        strbuf_add(out, "\\\\");
                        bytes++;
                } else {
                        strbuf_add_bytes(out, bytes, length);
                        bytes += length;
                }
        }
}

static bool is_octal(char c) {
        return c >= '0' && c <= '7';
}

int path_text_parse(char *text) {
        char *to = strchr(text, '\\');
        if (!to) {
                return 0;
        }
        for (const char *at = to; *at;) {
                if (*at != '\\') {
                        *to++ = *at++;
                } else if (at[1] == '\\') {
                        *to++ = '\\';
                        at += 2;
                } else if (is_octal(at[1]) && is_octal(at[2]) && is_octal(at[3])) {
                        int value = (at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0');
                        if (value == 0 || value > 255) {
                                return -EINVAL;
                        }
                        *to++ = (char) value;
                        at += 4;
                } else {
                        return -EINVAL;
                }
        }
        *to = '\0';
        return 0;
}

static int rank(char c) {
        return c == '/' ? 1 : c == '\0' ? 0 : (unsigned char) c + 1;
}

int path_compare(const char *a, const char *b) {
        while (*a && *a == *b) {
                a++;
                b++;
        }
        return rank(*a) - rank(*b);
}

bool path_is_below(const char *path, const char *folder) {
        size_t length = strlen(folder);
        return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

bool path_is_plain(const char *path) {
        if (path[0] != '/' || path[1] == '\0') {
                return false;
        }
        for (const char *part = path; *part;) {
                part++;
                size_t length = strcspn(part, "/");
                bool dots = (length == 1 && part[0] == '.') ||
                            (length == 2 && part[0] == '.' && part[1] == '.');
                if (length == 0 || dots) {
                        return false;
                }
                part += length;
        }
        return true;
}

#include <string.h>

#include "base/str.h"
#include "policy/problems.h"
#include "policy/source_file.h"

/* Lines end where libyaml ends them (YAML 1.1): LF, CR, CR LF, NEL, LS, PS; else the line numbers
 * would disagree. Length of the break at `p`, 0 for none. The text has a NUL behind it. */
static size_t break_length(const char *p) {
        switch (*p) {
        case '\n':
                return 1;
        case '\r':
                return p[1] == '\n' ? 2 : 1;
        case '\xC2':
                return p[1] == '\x85' ? 2 : 0;
        case '\xE2':
                return p[1] == '\x80' && (p[2] == '\xA8' || p[2] == '\xA9') ? 3 : 0;
        default:
                return 0;
        }
}

static uint32_t count_lines(const struct source_file *file) {
        uint32_t n = 1;
        for (const char *p = file->text; p < file->text + file->length;) {
                size_t length = break_length(p);
                n += length > 0;
                p += length ? length : 1;
        }
        return n;
}

bool source_file_find_lines(struct source_file *file, struct arena *arena) {
        if (file->lines) {
                return true;
        }
        uint32_t n = count_lines(file);
        file->lines = arena_alloc_array(arena, n, sizeof(*file->lines));
        if (!file->lines) {
                return false;
        }
        file->lines[file->n_lines++] = file->text;
        for (const char *p = file->text; p < file->text + file->length && file->n_lines < n;) {
                size_t length = break_length(p);
                p += length ? length : 1;
                if (length) {
                        file->lines[file->n_lines++] = p;
                }
        }
        return true;
}

static size_t line_length(const struct source_file *file, const char *start) {
        size_t most = (size_t) (file->text + file->length - start), length = 0;
        while (length < most && break_length(start + length) == 0) {
                length++;
        }
        return length;
}

const char *source_file_line(struct source_file *file, uint32_t line, struct arena *arena) {
        if (line == 0 || !file->text) {
                return NULL;
        }
        if (!source_file_find_lines(file, arena) || line > file->n_lines) {
                return NULL;
        }
        const char *start = file->lines[line - 1];
        size_t length = line_length(file, start);
        if (length > SOURCE_EXCERPT_MAX) {
                length = SOURCE_EXCERPT_MAX;
                while (length > 0 && ((unsigned char) start[length] & 0xC0) == 0x80) {
                        length--;
                }
        }
        char *text = arena_strndup(arena, start, length);
        if (!text) {
                return NULL;
        }
        for (char *p = strchr(text, '\t'); p; p = strchr(p, '\t')) {
                *p = ' '; /* keeps the caret in its place */
        }
        str_make_printable(text);
        return text;
}

bool source_file_has_tab_indent(const struct source_file *file, uint32_t line) {
        const char *p = file->text;
        for (uint32_t i = 1; i < line && *p;) {
                size_t length = break_length(p);
                i += length > 0;
                p += length ? length : 1;
        }
        return memchr(p, '\t', strspn(p, " \t")) != NULL;
}

/* ---- Clean UTF-8 ------------------------------------------------------------------------------
 */

struct utf8_form { /* RFC 3629, table 3-7 of the Unicode standard */
        unsigned char first_least, first_most;
        unsigned char second_least, second_most;
        unsigned char length;
};

static const struct utf8_form utf8_forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2},
        {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3},
        {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4},
        {0xF4, 0xF4, 0x80, 0x8F, 4},
};

static const struct utf8_form *utf8_form_of(unsigned char first) {
        for (size_t i = 0; i < sizeof(utf8_forms) / sizeof(utf8_forms[0]); i++) {
                if (first >= utf8_forms[i].first_least && first <= utf8_forms[i].first_most) {
                        return &utf8_forms[i];
                }
        }
        return NULL;
}

/* Bytes of the sequence at `p`, 0 when it is broken. */
static size_t utf8_length(const unsigned char *p, size_t left) {
        if (*p < 0x80) {
                return 1;
        }
        const struct utf8_form *form = utf8_form_of(*p);
        if (!form || left < form->length || p[1] < form->second_least || p[1] > form->second_most) {
                return 0;
        }
        for (size_t i = 2; i < form->length; i++) {
                if ((p[i] & 0xC0) != 0x80) {
                        return 0;
                }
        }
        return form->length;
}

static bool is_control(unsigned char c) {
        return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
}

static void report_byte(const struct place *place, unsigned char byte, struct problems *problems) {
        if (byte == 0) {
                problems_add(problems, PROBLEM_ERROR, "not-text", place, NULL,
                        "a NUL byte: this is not a text file");
        } else if (is_control(byte)) {
                problems_add(problems, PROBLEM_ERROR, "not-text", place, NULL,
                        "the control character 0x%02x is not allowed", byte);
        } else {
                problems_add(problems, PROBLEM_ERROR, "not-text", place, "save the file as UTF-8",
                        "the byte 0x%02x is not UTF-8", byte);
        }
}

bool source_file_check_text(struct source_file *file, struct problems *problems) {
        static const char byte_order_mark[] = "\xEF\xBB\xBF";
        struct place place = {.file = file, .line = 1, .column = 1, .width = 1};

        if (str_starts(file->text, byte_order_mark)) {
                file->text += strlen(byte_order_mark);
                file->length -= strlen(byte_order_mark);
        }
        for (const char *p = file->text, *end = p + file->length; p < end;) {
                unsigned char byte = (unsigned char) *p;
                size_t length = utf8_length((const unsigned char *) p, (size_t) (end - p));
                if (length == 0 || is_control(byte)) {
                        report_byte(&place, byte, problems);
                        return false;
                }
                size_t line_break = break_length(p);
                place.line += line_break > 0;
                place.column = line_break > 0 ? 1 : place.column + 1;
                p += line_break ? line_break : length;
        }
        return true;
}

#include "control/json_writer.h"

#include <math.h>

static void begin_value(struct json_writer *writer, const char *key) {
        if (writer->comma) {
                strbuf_add_char(writer->out, ',');
        }
        writer->comma = true;
        if (key) {
                strbuf_add_char(writer->out, '"');
                strbuf_add(writer->out, key);
                strbuf_add(writer->out, "\":");
        }
}

static void begin_nested(struct json_writer *writer, const char *key, char bracket) {
        begin_value(writer, key);
        strbuf_add_char(writer->out, bracket);
        writer->comma = false;
}

static void end_nested(struct json_writer *writer, char bracket) {
        strbuf_add_char(writer->out, bracket);
        writer->comma = true;
}

void json_begin_object(struct json_writer *writer, const char *key) {
        begin_nested(writer, key, '{');
}

void json_end_object(struct json_writer *writer) {
        end_nested(writer, '}');
}

void json_begin_array(struct json_writer *writer, const char *key) {
        begin_nested(writer, key, '[');
}

void json_end_array(struct json_writer *writer) {
        end_nested(writer, ']');
}

void json_put_null(struct json_writer *writer, const char *key) {
        begin_value(writer, key);
        strbuf_add(writer->out, "null");
}

void json_put_bool(struct json_writer *writer, const char *key, bool value) {
        begin_value(writer, key);
        strbuf_add(writer->out, value ? "true" : "false");
}

void json_put_int(struct json_writer *writer, const char *key, int64_t value) {
        begin_value(writer, key);
        if (value < 0) {
                strbuf_add_char(writer->out, '-');
        }
        strbuf_add_u64(writer->out, value < 0 ? -(uint64_t) value : (uint64_t) value);
}

void json_put_json(struct json_writer *writer, const char *key, const char *json) {
        begin_value(writer, key);
        strbuf_add(writer->out, json);
}

void json_put_uint(struct json_writer *writer, const char *key, uint64_t value) {
        begin_value(writer, key);
        strbuf_add_u64(writer->out, value);
}

void json_put_number(struct json_writer *writer, const char *key, double value) {
        if (!isfinite(value)) {
                json_put_null(writer, key);
                return;
        }
        begin_value(writer, key);
        strbuf_addf(writer->out, "%.12g", value);
}

void json_put_seconds(struct json_writer *writer, const char *key, usec_t duration) {
        begin_value(writer, key);
        strbuf_add_u64(writer->out, duration / USEC_PER_SEC);
        uint32_t fraction = (uint32_t) (duration % USEC_PER_SEC);
        if (fraction == 0) {
                return;
        }
        char digits[8] = ".000000";
        size_t length = 7;
        for (size_t i = 6; i > 0; i--, fraction /= 10) {
                digits[i] = (char) ('0' + fraction % 10);
        }
        while (digits[length - 1] == '0') {
                length--;
        }
        strbuf_add_bytes(writer->out, digits, length);
}

/* Length of the valid UTF-8 sequence at `text`, 0 when it is none (overlong forms, surrogates and
 * what lies beyond U+10FFFF included; Unicode 15, table 3-7). */
static size_t utf8_sequence(const unsigned char *text) {
        static const struct {
                unsigned char first, last, second_least, second_most;
                size_t length;
        } forms[] = {
                {0x00, 0x7f, 0, 0, 1},
                {0xc2, 0xdf, 0x80, 0xbf, 2},
                {0xe0, 0xe0, 0xa0, 0xbf, 3},
                {0xe1, 0xec, 0x80, 0xbf, 3},
                {0xed, 0xed, 0x80, 0x9f, 3},
                {0xee, 0xef, 0x80, 0xbf, 3},
                {0xf0, 0xf0, 0x90, 0xbf, 4},
                {0xf1, 0xf3, 0x80, 0xbf, 4},
                {0xf4, 0xf4, 0x80, 0x8f, 4},
        };
        for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
                if (text[0] < forms[i].first || text[0] > forms[i].last) {
                        continue;
                }
                if (forms[i].length > 1 &&
                        (text[1] < forms[i].second_least || text[1] > forms[i].second_most)) {
                        return 0;
                }
                for (size_t k = 2; k < forms[i].length; k++) {
                        if ((text[k] & 0xc0) != 0x80) {
                                return 0;
                        }
                }
                return forms[i].length;
        }
        return 0;
}

static bool is_plain(unsigned char c) {
        return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void add_escaped(struct strbuf *out, unsigned char c) {
        static const char escapes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
        const char *found = strchr(escapes, c);
        if (found) {
                strbuf_add_char(out, '\\');
                strbuf_add_char(out, letters[found - escapes]);
        } else {
                strbuf_addf(out, "\\u%04x", c);
        }
}

static void add_text(struct strbuf *out, const char *text) {
        const unsigned char *at = (const unsigned char *) text;
        while (*at) {
                size_t plain = 0;
                while (is_plain(at[plain])) {
                        plain++;
                }
                strbuf_add_bytes(out, at, plain);
                at += plain;
                if (!*at) {
                        return;
                }
                size_t length = utf8_sequence(at);
                if (length > 1) {
                        strbuf_add_bytes(out, at, length);
                } else if (length == 1) {
                        add_escaped(out, *at);
                } else {
                        strbuf_add(out, "\xef\xbf\xbd"); /* U+FFFD */
                        length = 1;
                }
                at += length;
        }
}

void json_put_text(struct json_writer *writer, const char *key, const char *text) {
        if (!text) {
                json_put_null(writer, key);
                return;
        }
        begin_value(writer, key);
        strbuf_add_char(writer->out, '"');
        add_text(writer->out, text);
        strbuf_add_char(writer->out, '"');
}

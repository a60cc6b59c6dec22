#include "executor/content_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/str.h"

/* In the order of what is likely to matter. */
static const struct {
        const char *list, *word;
} lists[] = {
        {"changed", "changed"},
        {"added", "added"},
        {"removed", "removed"},
        {"metadata", "changed"},
};

struct lines { /* whole lines, until one does not fit */
        char *text;
        size_t length, size;
        bool full;
};

static void add_line(struct lines *lines, const char *line, size_t length) {
        if (lines->full || lines->length + length + 2 > lines->size) {
                lines->full = true;
                return;
        }
        memcpy(lines->text + lines->length, line, length);
        lines->length += length;
        lines->text[lines->length++] = '\n';
        lines->text[lines->length] = '\0';
}

/* The names of the files stand above it already. */
static void add_diff(struct lines *lines, const char *text) {
        while (text && *text) {
                size_t length = strcspn(text, "\n");
                if (strncmp(text, "--- ", 4) != 0 && strncmp(text, "+++ ", 4) != 0) {
                        add_line(lines, text, length);
                }
                text += length + (text[length] == '\n');
        }
}

static const char *text_of(struct json_object *json, const char *key) {
        return json_object_get_string(json_object_object_get(json, key));
}

static size_t length_of(struct json_object *list) {
        return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static void add_what(struct strbuf *out, struct json_object *what) {
        for (size_t i = 0; i < length_of(what); i++) {
                strbuf_addf(out, "%s%s", i ? ", " : " (",
                        json_object_get_string(json_object_array_get_idx(what, i)));
        }
        strbuf_add(out, length_of(what) ? ")" : "");
}

static void add_path(struct lines *lines, const char *word, struct json_object *path) {
        AUTO_STRBUF struct strbuf line = {0};
        const char *name = text_of(path, "path");
        strbuf_addf(&line, "%s %s", word, name ? name : "?");
        add_what(&line, json_object_object_get(path, "what"));
        if (strbuf_text(&line)) {
                add_line(lines, strbuf_text(&line), line.length);
        }
        add_diff(lines, text_of(path, "diff"));
}

void content_lines_of(struct json_object *diff, char *ret, size_t size) {
        struct lines lines = {.text = ret, .size = size};
        ret[0] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                struct json_object *list = json_object_object_get(diff, lists[i].list);
                for (size_t j = 0; j < length_of(list); j++) {
                        add_path(&lines, lists[i].word, json_object_array_get_idx(list, j));
                }
        }
}

void content_lines_summary(struct json_object *diff, char *ret, size_t size) {
        const char *first = NULL;
        size_t n = (size_t) json_object_get_int64(json_object_object_get(diff, "more"));
        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                struct json_object *list = json_object_object_get(diff, lists[i].list);
                size_t length = length_of(list);
                first = !first && length > 0 ? text_of(json_object_array_get_idx(list, 0), "path")
                                             : first;
                n += length;
        }
        ret[0] = '\0';
        if (first && n == 1) {
                snprintf(ret, size, "%s changed", first);
        } else if (first) {
                snprintf(ret, size, "%s and %zu more changed", first, n - 1);
        }
}

/* 2026-03-01T12:00:00.123Z */
static wall_usec_t parse_moment(const char *text) {
        struct tm parts = {0};
        const char *fraction = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
        if (!fraction || *fraction != '.') {
                return 0;
        }
        char *end;
        unsigned long milliseconds = strtoul(fraction + 1, &end, 10);
        time_t seconds = timegm(&parts);
        if (end != fraction + 4 || strcmp(end, "Z") != 0 || seconds < 0) {
                return 0;
        }
        return (wall_usec_t) seconds * USEC_PER_SEC + milliseconds * USEC_PER_MSEC;
}

wall_usec_t content_lines_since(struct json_object *diff) {
        const char *text = text_of(diff, "newest_change");
        return text ? parse_moment(text) : 0;
}

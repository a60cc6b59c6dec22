#include "metrics/metrics.h"

#include <assert.h>
#include <errno.h>
#include <math.h>

#include "base/cleanup.h"
#include "metrics/metrics_number.h"

/* ---- Types ---------------------------------------------------------------------------------- */

/* How the formats name a type, and what they put behind the names of its samples. 0.0.4 knows no
 * info type: there it is a gauge of its own name. */
static const struct type_text {
        const char *words[2]; /* by enum metrics_format */
        const char *suffix;
} type_texts[] = {
        [METRIC_GAUGE] = {{"gauge", "gauge"}, ""},
        [METRIC_COUNTER] = {{"counter", "counter"}, "_total"},
        [METRIC_HISTOGRAM] = {{"histogram", "histogram"}, ""},
        [METRIC_INFO] = {{"gauge", "info"}, "_info"},
};

/* ---- Escaping ------------------------------------------------------------------------------- */

enum { ESCAPE_GROWTH = 2 }; /* an escaped byte takes at most this many */

/* Bytes of the well-formed UTF-8 sequence at text (RFC 3629), 0 when it is none. */
static size_t utf8_length(const unsigned char *text) {
        static const struct {
                unsigned char mask, lead, length;
                uint32_t least;
        } forms[] = {{0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                if ((text[0] & forms[i].mask) != forms[i].lead) {
                        continue;
                }
                uint32_t code = text[0] & (unsigned char) ~forms[i].mask;
                for (size_t j = 1; j < forms[i].length; j++) {
                        if ((text[j] & 0xc0) != 0x80) {
                                return 0;
                        }
                        code = code << 6 | (text[j] & 0x3f);
                }
                bool surrogate = code >= 0xd800 && code <= 0xdfff;
                return code >= forms[i].least && code <= 0x10ffff && !surrogate ? forms[i].length
                                                                                : 0;
        }
        return 0;
}

/* One byte that stands for itself in no case, or the start of a UTF-8 sequence. A single byte that
 * is not UTF-8 would make Prometheus refuse the whole scrape. */
static const unsigned char *escape_special(char **to, const unsigned char *from, bool quotes) {
        if (*from >= 0x80) {
                size_t length = utf8_length(from);
                if (length == 0) {
                        *(*to)++ = '?';
                        return from + 1;
                }
                *to = mempcpy(*to, from, length);
                return from + length;
        }
        if (*from == '\n') {
                *to = mempcpy(*to, "\\n", 2);
        } else if (*from == '\\' || (*from == '"' && quotes)) {
                *(*to)++ = '\\';
                *(*to)++ = (char) *from;
        } else {
                *(*to)++ = (char) *from;
        }
        return from + 1;
}

/* Needs ESCAPE_GROWTH times the length of the text; returns the end. */
static char *escape(char *to, const char *text, bool quotes) {
        const unsigned char *from = (const unsigned char *) text;
        while (*from) {
                if (*from < 0x80 && *from != '\\' && *from != '"' && *from != '\n') {
                        *to++ = (char) *from++;
                } else {
                        from = escape_special(&to, from, quotes);
                }
        }
        return to;
}

/* ---- The buffer ----------------------------------------------------------------------------- */

/* Room for `more` bytes at the end of the buffer; NULL when it has failed. */
static char *open_end(struct strbuf *out, size_t more) {
        strbuf_reserve(out, more);
        return out->failed ? NULL : out->data + out->length;
}

static char *put_text(char *to, const char *text) {
        return mempcpy(to, text, strlen(text));
}

static void close_end(struct strbuf *out, char *end) {
        out->length = (size_t) (end - out->data);
        *end = '\0';
}

/* ---- Labels --------------------------------------------------------------------------------- */

static size_t labels_room(const struct metric_label *labels, size_t n_labels) {
        size_t room = 0;
        for (size_t i = 0; i < n_labels; i++) {
                room += strlen(labels[i].name) + ESCAPE_GROWTH * strlen(labels[i].value) +
                        strlen(",=\"\"");
        }
        return room;
}

static char *put_labels(char *to, const struct metric_label *labels, size_t n_labels) {
        for (size_t i = 0; i < n_labels; i++) {
                if (i > 0) {
                        *to++ = ',';
                }
                to = put_text(to, labels[i].name);
                *to++ = '=';
                *to++ = '"';
                to = escape(to, labels[i].value, true);
                *to++ = '"';
        }
        return to;
}

void metrics_render_labels(struct strbuf *out, const struct metric_label *labels, size_t n_labels) {
        char *to = open_end(out, labels_room(labels, n_labels));
        if (to) {
                close_end(out, put_labels(to, labels, n_labels));
        }
}

/* ---- Samples -------------------------------------------------------------------------------- */

static char *put_name(char *to, const struct metrics_writer *writer) {
        to = mempcpy(to, writer->family->name, writer->name_length);
        return mempcpy(to, writer->suffix, writer->suffix_length);
}

/* Room for a sample without its labels. */
static size_t sample_room(const struct metrics_writer *writer) {
        return writer->name_length + writer->suffix_length + strlen("{} \n") + METRICS_NUMBER_MAX;
}

/* Name and labels; returns where the number goes, NULL when the buffer has failed. */
static char *put_series(
        struct metrics_writer *writer, const struct metric_label *labels, size_t n_labels) {
        char *to = open_end(writer->out, sample_room(writer) + labels_room(labels, n_labels));
        if (!to) {
                return NULL;
        }
        to = put_name(to, writer);
        if (n_labels > 0) {
                *to++ = '{';
                to = put_labels(to, labels, n_labels);
                *to++ = '}';
        }
        *to++ = ' ';
        return to;
}

static void end_line(struct metrics_writer *writer, char *to) {
        *to++ = '\n';
        close_end(writer->out, to);
}

void metrics_sample(struct metrics_writer *writer, const struct metric_label *labels,
        size_t n_labels, double value) {
        char *to = put_series(writer, labels, n_labels);
        if (to) {
                end_line(writer, to + metrics_format_double(to, value));
        }
}

void metrics_sample_u64(struct metrics_writer *writer, const struct metric_label *labels,
        size_t n_labels, uint64_t value) {
        char *to = put_series(writer, labels, n_labels);
        if (to) {
                end_line(writer, to + metrics_format_u64(to, value));
        }
}

void metrics_sample_rendered(struct metrics_writer *writer, const char *labels, double value) {
        size_t length = strlen(labels);
        char *to = open_end(writer->out, sample_room(writer) + length);
        if (!to) {
                return;
        }
        to = put_name(to, writer);
        if (length > 0) {
                *to++ = '{';
                to = mempcpy(to, labels, length);
                *to++ = '}';
        }
        *to++ = ' ';
        end_line(writer, to + metrics_format_double(to, value));
}

/* In blocks of a constant size, which are a few instructions where memcpy would be a call. */
static inline char *put_blocks(char *to, const char *text, size_t length) {
        for (size_t i = 0; i < length; i += METRICS_PADDING) {
                memcpy(to + i, text + i, METRICS_PADDING);
        }
        return to + length;
}

/* Most values are flags, small counts, or whole microseconds. Millionths whose double is the value
 * are its digits, see metrics_number.c. */
static inline char *put_value(char *to, double value) {
        enum { SMALL = 1000000000 };
        if (!(value >= 0 && value < SMALL)) {
                return to + metrics_format_double(to, value);
        }
        uint64_t whole = (uint64_t) value;
        if ((double) whole == value) {
                if (whole < 10) {
                        *to = (char) ('0' + whole);
                        return to + 1;
                }
                return to + metrics_format_u64(to, whole);
        }
        uint64_t millionths = (uint64_t) (value * 1e6 + 0.5);
        if ((double) millionths / 1e6 == value) {
                return to + metrics_format_millionths(to, millionths);
        }
        return to + metrics_format_double(to, value);
}

/* Returns where the number goes, NULL when the buffer has failed. */
static inline char *put_spans(struct metrics_writer *writer, const struct metrics_span *labels,
        const struct metrics_span *more) {
        struct strbuf *out = writer->out;
        size_t room = writer->prefix_length + labels->length + more->length + strlen("} \n") +
                      METRICS_NUMBER_MAX + METRICS_PADDING;
        if (out->capacity - out->length <= room) {
                strbuf_reserve(out, room);
        }
        if (out->failed) {
                return NULL;
        }
        char *to = put_blocks(out->data + out->length, writer->prefix, writer->prefix_length);
        to = put_blocks(to, labels->text, labels->length);
        to = put_blocks(to, more->text, more->length);
        *to++ = '}';
        *to++ = ' ';
        return to;
}

void metrics_sample_spans(struct metrics_writer *writer, const struct metrics_span *labels,
        const struct metrics_span *more, double value) {
        char *to = put_spans(writer, labels, more);
        if (to) {
                end_line(writer, put_value(to, value));
        }
}

void metrics_sample_spans_millionths(struct metrics_writer *writer,
        const struct metrics_span *labels, const struct metrics_span *more, uint64_t value) {
        char *to = put_spans(writer, labels, more);
        if (to) {
                end_line(writer, to + metrics_format_millionths(to, value));
        }
}

/* ---- Histograms ----------------------------------------------------------------------------- */

/* A bound as the value of `le`. OpenMetrics demands a fraction there, so that the text of a bound
 * is always the same. */
static const char *bound_text(
        const struct metrics_writer *writer, double bound, char text[METRICS_NUMBER_MAX + 3]) {
        size_t length = metrics_format_double(text, bound);
        text[length] = '\0';
        bool whole = isfinite(bound) && !strpbrk(text, ".e");
        if (whole && writer->format == METRICS_OPENMETRICS) {
                memcpy(text + length, ".0", 3);
        }
        return text;
}

/* The samples of a histogram differ from plain ones in their suffix only. */
static void set_suffix(struct metrics_writer *writer, const char *suffix) {
        writer->suffix = suffix;
        writer->suffix_length = strlen(suffix);
}

static void add_bucket(
        struct metrics_writer *writer, const char *labels, double bound, uint64_t count) {
        char text[METRICS_NUMBER_MAX + 3];
        size_t length = strlen(labels);
        char *to = open_end(
                writer->out, sample_room(writer) + length + strlen(",le=\"\"") + sizeof(text));
        if (!to) {
                return;
        }
        to = put_name(to, writer);
        *to++ = '{';
        to = mempcpy(to, labels, length);
        to = put_text(to, length > 0 ? ",le=\"" : "le=\"");
        to = put_text(to, bound_text(writer, bound, text));
        to = put_text(to, "\"} ");
        end_line(writer, to + metrics_format_u64(to, count));
}

void metrics_histogram(struct metrics_writer *writer, const struct metric_label *labels,
        size_t n_labels, const struct histogram *histogram) {
        AUTO_STRBUF struct strbuf rendered = {0};
        metrics_render_labels(&rendered, labels, n_labels);
        const char *text = strbuf_text(&rendered);
        if (!text) {
                writer->out->failed = true;
                return;
        }
        set_suffix(writer, "_bucket");
        uint64_t cumulative = 0;
        for (uint32_t i = 0; i <= histogram->n_bounds; i++) {
                cumulative += histogram->counts[i];
                add_bucket(writer, text,
                        i < histogram->n_bounds ? histogram->bounds[i] : (double) INFINITY,
                        cumulative);
        }
        set_suffix(writer, "_sum");
        metrics_sample(writer, labels, n_labels, histogram->sum);
        set_suffix(writer, "_count");
        metrics_sample_u64(writer, labels, n_labels, cumulative);
        set_suffix(writer, "");
}

/* ---- Families ------------------------------------------------------------------------------- */

void metrics_begin(struct metrics_writer *writer, struct strbuf *out, enum metrics_format format) {
        *writer = (struct metrics_writer){.out = out, .format = format};
}

/* `# WORD NAME TEXT`; in 0.0.4 the name is that of the samples, in OpenMetrics that of the family.
 */
static void add_comment(struct metrics_writer *writer, const char *word, const char *text) {
        bool openmetrics = writer->format == METRICS_OPENMETRICS;
        char *to = open_end(writer->out,
                sample_room(writer) + strlen(word) + ESCAPE_GROWTH * strlen(text) + strlen("#   "));
        if (!to) {
                return;
        }
        to = mempcpy(to, "# ", 2);
        to = put_text(to, word);
        *to++ = ' ';
        to = put_text(to, writer->family->name);
        to = put_text(to, openmetrics ? "" : writer->suffix);
        *to++ = ' ';
        end_line(writer, escape(to, text, openmetrics));
}

/* What the samples of metrics_sample_spans() begin with. */
static void set_prefix(struct metrics_writer *writer) {
        writer->prefix_length = writer->name_length + writer->suffix_length + strlen("{");
        assert(writer->prefix_length <= METRICS_PREFIX_MAX);
        char *to = put_name(writer->prefix, writer);
        *to = '{';
}

void metrics_family(struct metrics_writer *writer, const struct metric_family *family) {
        const struct type_text *type = &type_texts[family->type];
        writer->family = family;
        writer->name_length = strlen(family->name);
        set_suffix(writer, type->suffix);
        add_comment(writer, "TYPE", type->words[writer->format]);
        if (family->unit && writer->format == METRICS_OPENMETRICS) {
                add_comment(writer, "UNIT", family->unit);
        }
        add_comment(writer, "HELP", family->help);
        set_prefix(writer);
}

int metrics_end(struct metrics_writer *writer) {
        if (writer->format == METRICS_OPENMETRICS) {
                strbuf_add(writer->out, "# EOF\n");
        }
        return writer->out->failed ? -ENOMEM : 0;
}

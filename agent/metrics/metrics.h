#pragma once
/* Metric families and their text exposition: Prometheus text format 0.0.4 and OpenMetrics 1.0.
 * Families are a table; samples are written straight from the state that they describe at scrape
 * time, so that a series costs no memory between scrapes. Formatting is by hand: a scrape of
 * thousands of series must cost about as much as copying its bytes.
 *
 * Formats: https://prometheus.io/docs/instrumenting/exposition_formats/ and
 * https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "metrics/histogram.h"

enum metric_type { METRIC_GAUGE = 0, METRIC_COUNTER, METRIC_HISTOGRAM, METRIC_INFO };
enum metrics_format { METRICS_TEXT_004 = 0, METRICS_OPENMETRICS };

struct metric_family {
        const char *name; /* full name without _total or _info: recoverd_probe_duration_seconds;
                           * with them at most METRICS_PREFIX_MAX - 1 bytes */
        enum metric_type type;
        const char *unit; /* OpenMetrics UNIT, the suffix of the name; NULL: none */
        const char *help;
};

struct metric_label {
        const char *name; /* [a-zA-Z_][a-zA-Z0-9_]* */
        const char *value; /* escaped on output; bytes that are not UTF-8 become '?' */
};

/* Text that is copied as it is, in blocks: METRICS_PADDING bytes behind it can be read, too. */
enum { METRICS_PADDING = 32, METRICS_PREFIX_MAX = 128 };
struct metrics_span {
        const char *text;
        size_t length;
};

/* Rendering state; the buffer is the caller's. */
struct metrics_writer {
        struct strbuf *out;
        enum metrics_format format;
        const struct metric_family *family; /* of the samples that follow */
        size_t name_length;
        const char *suffix; /* of its plain samples: _total, _info or nothing */
        size_t suffix_length;
        size_t prefix_length;
        char prefix[METRICS_PREFIX_MAX + METRICS_PADDING]; /* name, suffix, `{` */
};

void metrics_begin(struct metrics_writer *writer, struct strbuf *out, enum metrics_format format);

/* Writes TYPE, UNIT and HELP. All samples of a family follow it, before the next family. Counters
 * get the suffix _total, in 0.0.4 too, and info families _info with the value 1. */
void metrics_family(struct metrics_writer *writer, const struct metric_family *family);

void metrics_sample(struct metrics_writer *writer, const struct metric_label *labels,
        size_t n_labels, double value);
void metrics_sample_u64(struct metrics_writer *writer, const struct metric_label *labels,
        size_t n_labels, uint64_t value);

/* A label set rendered once, `service="a",probe="b"`, for series whose labels do not change. */
void metrics_render_labels(struct strbuf *out, const struct metric_label *labels, size_t n_labels);
void metrics_sample_rendered(struct metrics_writer *writer, const char *labels, double value);

/* The fast way for many samples: labels that were rendered once, followed by `more` of the form
 * `,state="up"`, which may be empty. `labels` may not. */
void metrics_sample_spans(struct metrics_writer *writer, const struct metrics_span *labels,
        const struct metrics_span *more, double value);

/* The same with a number of millionths, as durations and moments are. */
void metrics_sample_spans_millionths(struct metrics_writer *writer,
        const struct metrics_span *labels, const struct metrics_span *more, uint64_t value);

/* The cumulative buckets, count and sum of one histogram. */
void metrics_histogram(struct metrics_writer *writer, const struct metric_label *labels,
        size_t n_labels, const struct histogram *histogram);

/* Ends the exposition (OpenMetrics: # EOF). -ENOMEM when the buffer failed. */
int metrics_end(struct metrics_writer *writer);

/* Which format an Accept header (NULL: none) asks for, by its quality values (RFC 9110, 12.5.1).
 * 0.0.4 when in doubt: OpenMetrics has to be named, in a version that is spoken here, and to be
 * preferred. */
enum metrics_format metrics_negotiate(const char *accept);
const char *metrics_content_type(enum metrics_format format);

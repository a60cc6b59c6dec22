#include <ctype.h>
#include <strings.h>

#include "base/cleanup.h"
#include "metrics/metrics.h"

enum { QUALITY_ONE = 1000, QUALITY_DIGITS = 3, QUALITY_MALFORMED = -1 };

/* A piece of the header, not terminated. */
struct piece {
        const char *text;
        size_t length;
};

/* Media ranges that speak for a format; a more specific one overrides a wildcard (RFC 9110). */
struct offer {
        const char *media;
        enum metrics_format format;
        unsigned specificity;
        const char *versions[3]; /* that are spoken here; no version stands for any */
};

static const struct offer offers[] = {
        {"application/openmetrics-text", METRICS_OPENMETRICS, 3, {"1.0.0", "0.0.1"}},
        {"text/plain", METRICS_TEXT_004, 3, {"0.0.4"}},
        {"text/*", METRICS_TEXT_004, 2, {0}},
        {"*/*", METRICS_TEXT_004, 1, {0}},
};

struct preference {
        unsigned specificity;
        int quality;
};

static struct piece trim(struct piece piece) {
        while (piece.length > 0 && isspace((unsigned char) *piece.text)) {
                piece.text++;
                piece.length--;
        }
        while (piece.length > 0 && isspace((unsigned char) piece.text[piece.length - 1])) {
                piece.length--;
        }
        return piece;
}

/* Cuts what stands before `separator`, outside of quotes, off the front of `rest`. */
static struct piece cut(struct piece *rest, char separator) {
        bool quoted = false;
        size_t i = 0;
        for (; i < rest->length && (quoted || rest->text[i] != separator); i++) {
                quoted ^= rest->text[i] == '"';
        }
        struct piece piece = {rest->text, i};
        size_t skipped = i < rest->length ? i + 1 : i;
        rest->text += skipped;
        rest->length -= skipped;
        return trim(piece);
}

static bool piece_is(struct piece piece, const char *word) {
        return strlen(word) == piece.length && strncasecmp(piece.text, word, piece.length) == 0;
}

static struct piece unquote(struct piece piece) {
        if (piece.length >= 2 && piece.text[0] == '"' && piece.text[piece.length - 1] == '"') {
                return (struct piece){piece.text + 1, piece.length - 2};
        }
        return piece;
}

/* 0, 0.5, 1.000: thousandths. */
static int parse_quality(struct piece piece) {
        if (piece.length == 0 || piece.length > QUALITY_DIGITS + 2 ||
                (piece.text[0] != '0' && piece.text[0] != '1') ||
                (piece.length > 1 && piece.text[1] != '.')) {
                return QUALITY_MALFORMED;
        }
        int quality = (piece.text[0] - '0') * QUALITY_ONE;
        int scale = QUALITY_ONE;
        for (size_t i = 2; i < piece.length; i++) {
                if (!isdigit((unsigned char) piece.text[i])) {
                        return QUALITY_MALFORMED;
                }
                scale /= 10;
                quality += (piece.text[i] - '0') * scale;
        }
        return quality <= QUALITY_ONE ? quality : QUALITY_MALFORMED;
}

static bool speaks(const struct offer *offer, struct piece version) {
        for (size_t i = 0; i < ELEMENTSOF(offer->versions) && offer->versions[i]; i++) {
                if (piece_is(version, offer->versions[i])) {
                        return true;
                }
        }
        return false;
}

/* The parameters behind a media range; QUALITY_MALFORMED when it does not count. */
static int read_parameters(struct piece rest, const struct offer *offer) {
        int quality = QUALITY_ONE;
        while (rest.length > 0) {
                struct piece value = cut(&rest, ';');
                struct piece name = cut(&value, '=');
                value = unquote(trim(value));
                if (piece_is(name, "q")) {
                        quality = parse_quality(value);
                } else if (piece_is(name, "version") && !speaks(offer, value)) {
                        return QUALITY_MALFORMED;
                }
        }
        return quality;
}

static void weigh(struct preference preferences[2], struct piece range) {
        struct piece media = cut(&range, ';');
        for (size_t i = 0; i < ELEMENTSOF(offers); i++) {
                if (!piece_is(media, offers[i].media)) {
                        continue;
                }
                struct preference *preference = &preferences[offers[i].format];
                int quality = read_parameters(range, &offers[i]);
                bool same = preference->specificity == offers[i].specificity;
                if (quality != QUALITY_MALFORMED &&
                        (preference->specificity < offers[i].specificity ||
                                (same && quality > preference->quality))) {
                        *preference = (struct preference){offers[i].specificity, quality};
                }
        }
}

enum metrics_format metrics_negotiate(const char *accept) {
        struct preference preferences[2] = {0};
        struct piece rest = {accept, accept ? strlen(accept) : 0};
        while (rest.length > 0) {
                weigh(preferences, cut(&rest, ','));
        }
        return preferences[METRICS_OPENMETRICS].quality > preferences[METRICS_TEXT_004].quality
                       ? METRICS_OPENMETRICS
                       : METRICS_TEXT_004;
}

const char *metrics_content_type(enum metrics_format format) {
        return format == METRICS_OPENMETRICS
                       ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                       : "text/plain; version=0.0.4; charset=utf-8";
}

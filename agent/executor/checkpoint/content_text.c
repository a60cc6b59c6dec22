#include "executor/checkpoint/content_text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/scrub.h"
#include "executor/checkpoint/beneath.h"
#include "executor/checkpoint/object_reader.h"

static int take_piece(
        void *cookie, const void *data, size_t size, uint64_t offset, struct error *err) {
        struct strbuf *text = cookie;
        (void) offset;
        (void) err;
        if (text->length + size > CONTENT_TEXT_MAX) {
                return -EFBIG;
        }
        strbuf_add_bytes(text, data, size);
        return 0;
}

static int read_present(
        const char *root, const struct entry *entry, struct strbuf *text, struct error *err) {
        char piece[4096];
        ssize_t length;
        AUTO_CLOSE int parent = beneath_open_parent(root, err);
        AUTO_CLOSE int fd =
                parent < 0 ? parent
                           : beneath_open(parent, entry->path + beneath_parent_length(root),
                                     O_RDONLY | O_NONBLOCK | O_NOCTTY);
        while (fd >= 0 && (length = read(fd, piece, sizeof(piece))) > 0) {
                int r = take_piece(text, piece, (size_t) length, 0, err);
                if (r < 0) {
                        return r;
                }
        }
        return 0; /* what is gone by now has no text */
}

/* Bytes that are no UTF-8 are few in a text, and none is NUL. */
static bool is_text(const struct strbuf *text) {
        size_t odd = 0;
        for (size_t i = 0; i < text->length;) {
                size_t length = str_printable_length(text->data + i);
                odd += length == 0 && text->data[i] != '\n' && text->data[i] != '\t';
                i += length ? length : 1;
        }
        return !memchr(strbuf_text(text), '\0', text->length) && odd * 10 <= text->length;
}

/* Control characters would act on the terminal of whoever reads it. */
static void add_printable(struct strbuf *out, const char *text) {
        while (*text) {
                size_t length = str_printable_length(text);
                bool keeps = length > 0 || *text == '\n' || *text == '\t';
                strbuf_add_bytes(out, keeps ? text : "?", length ? length : 1);
                text += length ? length : 1;
        }
}

int content_text(const struct depot *depot, const char *root, const struct entry *entry,
        struct strbuf *out, struct error *err) {
        AUTO_STRBUF struct strbuf text = {0};
        AUTO_STRBUF struct strbuf clean = {0};
        int r = 0;
        if (!entry || entry->torn) {
                return 0;
        }
        if (entry->type == ENTRY_LINK) {
                strbuf_add(&text, entry->target);
                strbuf_add_char(&text, '\n');
        } else if (entry->type != ENTRY_FILE) {
                return 0;
        } else if (entry->size > CONTENT_TEXT_MAX) {
                return -EFBIG;
        } else if (!depot) {
                r = read_present(root, entry, &text, err);
        } else if (entry->size > 0) {
                r = object_read(depot, &entry->hash, take_piece, &text, err);
        }
        if (r < 0) {
                return r;
        }
        if (!is_text(&text)) {
                return -EFBIG;
        }
        scrub(&clean, strbuf_text(&text));
        add_printable(out, strbuf_text(&clean) ? strbuf_text(&clean) : "");
        return clean.failed || text.failed || out->failed ? -ENOMEM : 0;
}

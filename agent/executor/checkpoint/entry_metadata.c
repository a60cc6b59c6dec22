#include "executor/checkpoint/entry_metadata.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { ACL_STYLE = ARCHIVE_ENTRY_ACL_STYLE_SEPARATOR_COMMA | ARCHIVE_ENTRY_ACL_STYLE_EXTRA_ID };

/* They sign or hash an inode, or belong to the layer below. */
static const char *const unmovable[] = {"security.ima", "security.evm", "trusted.overlay."};

int metadata_reader_init(struct metadata_reader *reader) {
        reader->archive = archive_read_disk_new();
        reader->entry = archive_entry_new();
        if (!reader->archive || !reader->entry) {
                return -ENOMEM;
        }
        archive_read_disk_set_behavior(reader->archive, ARCHIVE_READDISK_NO_FFLAGS);
        archive_read_disk_set_symlink_physical(reader->archive);
        return 0;
}

void metadata_reader_done(struct metadata_reader *reader) {
        archive_entry_free(reader->entry);
        archive_read_free(reader->archive);
        *reader = (struct metadata_reader){0};
}

/* ---- From the disk ----------------------------------------------------------------------------
 */

static const char *take_text(struct arena *arena, struct strbuf *text, bool *failed) {
        const char *copy = text->failed ? NULL : arena_strdup(arena, strbuf_text(text));
        *failed = *failed || !copy;
        return copy;
}

static const char *take_acl(
        struct archive_entry *entry, int type, struct arena *arena, bool *failed) {
        if (!(archive_entry_acl_types(entry) & type)) {
                return NULL;
        }
        AUTO_FREE char *text = archive_entry_acl_to_text(entry, NULL, type | ACL_STYLE);
        AUTO_STRBUF struct strbuf copy = {.failed = text == NULL};
        strbuf_add(&copy, text ? text : "");
        return take_text(arena, &copy, failed);
}

static bool is_unmovable(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(unmovable); i++) {
                if (str_starts(name, unmovable[i])) {
                        return true;
                }
        }
        return false;
}

struct attribute {
        const char *name;
        const void *value;
        size_t size;
};

static int compare_attributes(const void *a, const void *b) {
        return strcmp(((const struct attribute *) a)->name, ((const struct attribute *) b)->name);
}

static const char *take_xattrs(struct archive_entry *entry, struct arena *arena, bool *failed) {
        int count = archive_entry_xattr_reset(entry);
        AUTO_FREE struct attribute *list = calloc((size_t) count + 1, sizeof(*list));
        size_t n = 0;
        *failed = *failed || !list;
        struct attribute *next = list;
        while (list && archive_entry_xattr_next(entry, &next->name, &next->value, &next->size) ==
                               ARCHIVE_OK) {
                if (!is_unmovable(next->name)) {
                        n++;
                        next++;
                }
        }
        if (n == 0) {
                return NULL;
        }
        qsort(list, n, sizeof(*list), compare_attributes);
        AUTO_STRBUF struct strbuf text = {0};
        for (size_t i = 0; i < n; i++) {
                strbuf_add(&text, i ? " xattr=" : "xattr=");
                path_text_add_word(&text, list[i].name);
                strbuf_add_char(&text, ':');
                strbuf_add_base64(&text, list[i].value, list[i].size);
        }
        return take_text(arena, &text, failed);
}

int metadata_read(struct metadata_reader *reader, int fd, const struct stat *status,
        struct arena *arena, struct entry *to, struct error *err) {
        bool failed = false;
        char path[64];
        archive_entry_clear(reader->entry);
        /* A default ACL can only be asked for by path. */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        archive_entry_copy_pathname(reader->entry, path);
        archive_entry_copy_sourcepath(reader->entry, path);
        archive_clear_error(reader->archive);
        int r = archive_read_disk_entry_from_file(reader->archive, reader->entry, fd, status);
        if (r != ARCHIVE_OK) {
                const char *why = archive_error_string(reader->archive);
                error_set(err, EIO, "reading its attributes: %s", why ? why : "unknown");
                return -EUCLEAN;
        }
        to->acl = take_acl(reader->entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, arena, &failed);
        to->acl_default = take_acl(reader->entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, arena, &failed);
        to->xattrs = take_xattrs(reader->entry, arena, &failed);
        to->holes = archive_entry_sparse_count(reader->entry) > 0;
        return failed ? error_set_errno(err, ENOMEM, "reading its attributes") : 0;
}

/* ---- For the disk -----------------------------------------------------------------------------
 */

static int base64_value(char c) {
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *found = c ? strchr(digits, c) : NULL;
        return found ? (int) (found - digits) : -1;
}

/* In place. The number of bytes, or -EINVAL. */
static ssize_t decode_base64(char *text) {
        size_t length = strlen(text), n = 0;
        if (length % 4 != 0) {
                return -EINVAL;
        }
        for (size_t i = 0; i < length; i += 4) {
                uint32_t bits = 0;
                size_t padding = 0;
                for (size_t j = 0; j < 4; j++) {
                        int value = base64_value(text[i + j]);
                        bool pads = text[i + j] == '=' && i + 4 == length && j >= 2;
                        if (!pads && (value < 0 || padding)) {
                                return -EINVAL;
                        }
                        padding += pads;
                        bits = bits << 6 | (uint32_t) (pads ? 0 : value);
                }
                for (size_t j = 0; j < 3 - padding; j++) {
                        text[n++] = (char) (bits >> (16 - 8 * j));
                }
        }
        return (ssize_t) n;
}

static int fill_xattrs(struct archive_entry *to, const char *xattrs) {
        AUTO_FREE char *text = strdup(xattrs);
        if (!text) {
                return -ENOMEM;
        }
        for (char *rest = text; rest;) {
                char *word = strsep(&rest, " ");
                char *value = strrchr(word, ':');
                if (!str_starts(word, "xattr=") || !value) {
                        return -EBADMSG;
                }
                *value++ = '\0';
                ssize_t size = decode_base64(value);
                char *name = strchr(word, '=') + 1;
                if (size < 0 || path_text_parse(name) < 0) {
                        return -EBADMSG;
                }
                archive_entry_xattr_add_entry(to, name, value, (size_t) size);
        }
        return 0;
}

static int fill_acl(struct archive_entry *to, const char *text, int type) {
        if (!text) {
                return 0;
        }
        return archive_entry_acl_from_text(to, text, type) == ARCHIVE_OK ? 0 : -EBADMSG;
}

static const unsigned archive_types[] = {
        [ENTRY_FILE] = AE_IFREG,
        [ENTRY_DIRECTORY] = AE_IFDIR,
        [ENTRY_LINK] = AE_IFLNK,
        [ENTRY_FIFO] = AE_IFIFO,
};

int metadata_fill(struct archive_entry *to, const struct entry *from, struct error *err) {
        archive_entry_set_filetype(to, archive_types[from->type]);
        archive_entry_set_perm(to, from->mode);
        archive_entry_set_uid(to, from->uid);
        archive_entry_set_gid(to, from->gid);
        archive_entry_set_mtime(to, from->mtime_sec, from->mtime_nsec);
        if (from->type == ENTRY_LINK) {
                archive_entry_copy_symlink(to, from->target);
        }
        if (from->type == ENTRY_FILE) {
                archive_entry_set_size(to, (la_int64_t) from->size);
        }
        int r = from->xattrs ? fill_xattrs(to, from->xattrs) : 0;
        r = r < 0 ? r : fill_acl(to, from->acl, ARCHIVE_ENTRY_ACL_TYPE_ACCESS);
        r = r < 0 ? r : fill_acl(to, from->acl_default, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT);
        if (r == -ENOMEM) {
                return error_set_errno(err, ENOMEM, "attributes");
        }
        return r < 0 ? error_set(err, EBADMSG, "its attributes in the manifest make no sense") : 0;
}

#include "executor/checkpoint/manifest_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define FIRST_LINE "#mtree"
#define SECOND_LINE "#recoverd checkpoint 1"

static const char *const type_words[] = {
        [ENTRY_FILE] = "file",
        [ENTRY_DIRECTORY] = "dir",
        [ENTRY_LINK] = "link",
        [ENTRY_FIFO] = "fifo",
};

/* ---- To text ----------------------------------------------------------------------------------
 */

static void add_word(struct strbuf *out, const char *key, const char *value) {
        if (value) {
                strbuf_addf(out, " %s=", key);
                path_text_add_word(out, value);
        }
}

static void add_path(struct strbuf *out, const char *key, const char *path) {
        if (path) {
                strbuf_addf(out, " %s=.", key);
                path_text_add_word(out, path);
        }
}

static void add_entry(const struct entry *entry, bool times, struct strbuf *out) {
        strbuf_add_char(out, '.');
        path_text_add_word(out, entry->path);
        strbuf_addf(out, " type=%s mode=%04o uid=%u gid=%u", type_words[entry->type], entry->mode,
                entry->uid, entry->gid);
        if (times) {
                strbuf_addf(
                        out, " time=%lld.%09u", (long long) entry->mtime_sec, entry->mtime_nsec);
        }
        if (entry->type == ENTRY_FILE) {
                strbuf_addf(out, " size=%llu", (unsigned long long) entry->size);
        }
        if (entry_has_object(entry)) {
                char text[HASH_TEXT_MAX];
                strbuf_add(out, " sha256digest=");
                strbuf_add(out, content_hash_format(&entry->hash, text));
        }
        add_word(out, "link", entry->target);
        add_path(out, "hardlink", entry->hardlink);
        if (times && entry->holes) {
                strbuf_add(out, " holes=1"); /* how it lies on the disk, and no difference */
        }
        add_word(out, "torn", entry->torn);
        add_word(out, "acl", entry->acl);
        add_word(out, "acl_default", entry->acl_default);
        if (entry->xattrs) {
                strbuf_add_char(out, ' ');
                strbuf_add(out, entry->xattrs);
        }
}

void entry_format(const struct entry *entry, struct strbuf *out) {
        add_entry(entry, false, out);
}

static void add_header(struct strbuf *out, const char *key, const char *value) {
        strbuf_addf(out, "#%s=", key);
        path_text_add_word(out, value);
        strbuf_add_char(out, '\n');
}

void manifest_format(const struct manifest *manifest, struct strbuf *out) {
        strbuf_add(out, FIRST_LINE "\n" SECOND_LINE "\n");
        for (size_t i = 0; i < manifest->n_paths; i++) {
                add_header(out, "path", manifest->paths[i]);
        }
        for (size_t i = 0; i < manifest->n_excludes; i++) {
                add_header(out, "exclude", manifest->excludes[i]);
        }
        if (manifest->one_file_system) {
                strbuf_add(out, "#one_file_system\n");
        }
        for (size_t i = 0; i < manifest->count; i++) {
                add_entry(&manifest->entries[i], true, out);
                strbuf_add_char(out, '\n');
        }
}

/* ---- From text --------------------------------------------------------------------------------
 */

static int parse_number(const char *text, int base, uint64_t most, uint64_t *ret) {
        char *end;
        errno = 0;
        unsigned long long value = strtoull(text, &end, base);
        if (end == text || *end || errno || *text == '-' || value > most) {
                return -EINVAL;
        }
        *ret = value;
        return 0;
}

static int take_32(const char *text, int base, uint64_t most, uint32_t *ret) {
        uint64_t value = 0;
        int r = parse_number(text, base, most, &value);
        *ret = (uint32_t) value;
        return r;
}

static int take_type(struct entry *entry, char *value) {
        for (size_t i = 0; i < ELEMENTSOF(type_words); i++) {
                if (str_eq(type_words[i], value)) {
                        entry->type = (enum entry_type) i;
                        return 0;
                }
        }
        return -EINVAL;
}

static int take_mode(struct entry *entry, char *value) {
        return take_32(value, 8, 07777, &entry->mode);
}

static int take_uid(struct entry *entry, char *value) {
        return take_32(value, 10, UINT32_MAX - 1, &entry->uid);
}

static int take_gid(struct entry *entry, char *value) {
        return take_32(value, 10, UINT32_MAX - 1, &entry->gid);
}

static int take_time(struct entry *entry, char *value) {
        char *end;
        errno = 0;
        entry->mtime_sec = strtoll(value, &end, 10);
        if (errno || *end != '.' || strlen(end + 1) != 9) {
                return -EINVAL;
        }
        return take_32(end + 1, 10, 999999999, &entry->mtime_nsec);
}

static int take_size(struct entry *entry, char *value) {
        return parse_number(value, 10, INT64_MAX, &entry->size);
}

static int take_hash(struct entry *entry, char *value) {
        return content_hash_parse(value, &entry->hash);
}

static int take_word(const char **member, char *value) {
        *member = value;
        return path_text_parse(value);
}

static int take_link(struct entry *entry, char *value) {
        return take_word(&entry->target, value);
}

static int take_hardlink(struct entry *entry, char *value) {
        return *value == '.' ? take_word(&entry->hardlink, value + 1) : -EINVAL;
}

static int take_holes(struct entry *entry, char *value) {
        entry->holes = true;
        return str_eq(value, "1") ? 0 : -EINVAL;
}

static int take_torn(struct entry *entry, char *value) {
        return take_word(&entry->torn, value);
}

static int take_acl(struct entry *entry, char *value) {
        return take_word(&entry->acl, value);
}

static int take_acl_default(struct entry *entry, char *value) {
        return take_word(&entry->acl_default, value);
}

static const struct keyword {
        const char *key;
        int (*take)(struct entry *entry, char *value);
} keywords[] = {
        {"type", take_type},
        {"mode", take_mode},
        {"uid", take_uid},
        {"gid", take_gid},
        {"time", take_time},
        {"size", take_size},
        {"sha256digest", take_hash},
        {"link", take_link},
        {"hardlink", take_hardlink},
        {"holes", take_holes},
        {"torn", take_torn},
        {"acl", take_acl},
        {"acl_default", take_acl_default},
};

static int take_keyword(struct entry *entry, const char *key, char *value) {
        for (size_t i = 0; i < ELEMENTSOF(keywords); i++) {
                if (str_eq(keywords[i].key, key)) {
                        return keywords[i].take(entry, value);
                }
        }
        return -EINVAL;
}

static bool fits_together(const struct entry *entry) {
        static const struct content_hash none;
        bool has_hash = !content_hash_equal(&entry->hash, &none);
        bool wants_target = entry->type == ENTRY_LINK && !entry->torn;
        bool of_file = entry->size > 0 || entry->hardlink || entry->holes || has_hash;
        return (entry->target != NULL) == wants_target && has_hash == entry_has_object(entry) &&
               (entry->type == ENTRY_FILE || !of_file) && path_is_plain(entry->path);
}

static int parse_entry(struct manifest *manifest, char *line) {
        struct entry entry = {0};
        char *rest = line, *word = strsep(&rest, " ");
        int r = *word == '.' ? path_text_parse(word) : -EINVAL;
        entry.path = word + 1;
        while (r == 0 && rest) {
                if (str_starts(rest, "xattr=")) {
                        entry.xattrs = rest;
                        break;
                }
                char *value = strsep(&rest, " ");
                const char *key = strsep(&value, "=");
                r = value ? take_keyword(&entry, key, value) : -EINVAL;
        }
        if (r < 0 || !fits_together(&entry)) {
                return -EINVAL;
        }
        return manifest_add(manifest, &entry);
}

static int parse_header(struct manifest *manifest, char *line) {
        if (str_eq(line, "#one_file_system")) {
                manifest->one_file_system = true;
                return 0;
        }
        char *value = strchr(line, '=');
        if (!value || path_text_parse(value + 1) < 0) {
                return -EINVAL;
        }
        if (str_starts(line, "#path=") && manifest->n_paths < MANIFEST_PATHS_MAX &&
                path_is_plain(value + 1)) {
                manifest->paths[manifest->n_paths++] = value + 1;
                return 0;
        }
        if (str_starts(line, "#exclude=") && manifest->n_excludes < MANIFEST_EXCLUDES_MAX) {
                manifest->excludes[manifest->n_excludes++] = value + 1;
                return 0;
        }
        return -EINVAL;
}

/* The directories above the entry that is looked at, from the declared path down. */
struct way {
        const struct entry *folders[MANIFEST_PATH_BYTES / 2];
        size_t depth;
};

static bool is_declared(const struct manifest *manifest, const char *path) {
        for (size_t i = 0; i < manifest->n_paths; i++) {
                if (str_eq(manifest->paths[i], path)) {
                        return true;
                }
        }
        return false;
}

/* It is a declared path, or lies in the directory that came last on the way to it. */
static bool has_parent(
        const struct manifest *manifest, const struct entry *entry, struct way *way) {
        while (way->depth > 0 && !path_is_below(entry->path, way->folders[way->depth - 1]->path)) {
                way->depth--;
        }
        bool good = false;
        if (way->depth == 0) {
                good = is_declared(manifest, entry->path);
        } else {
                size_t above = strlen(way->folders[way->depth - 1]->path);
                good = strchr(entry->path + above + 1, '/') == NULL;
        }
        if (good && entry->type == ENTRY_DIRECTORY && way->depth < ELEMENTSOF(way->folders)) {
                way->folders[way->depth++] = entry;
        }
        return good;
}

static bool has_first_link(const struct manifest *manifest, const struct entry *entry) {
        const struct entry *first = manifest_find(manifest, entry->hardlink);
        return first && first < entry && first->type == ENTRY_FILE && !first->hardlink &&
               first->size == entry->size;
}

static int check(const struct manifest *manifest, struct error *err) {
        for (size_t i = 0; i < manifest->count; i++) {
                const struct entry *entry = &manifest->entries[i];
                if (i > 0 && path_compare(entry[-1].path, entry->path) >= 0) {
                        return error_set(
                                err, EBADMSG, "entry %zu of the manifest is not sorted", i);
                }
        }
        struct way way = {.depth = 0};
        for (size_t i = 0; i < manifest->count; i++) {
                const struct entry *entry = &manifest->entries[i];
                if (!has_parent(manifest, entry, &way) ||
                        (entry->hardlink && !has_first_link(manifest, entry))) {
                        return error_set(
                                err, EBADMSG, "entry %zu of the manifest hangs in the air", i);
                }
        }
        return 0;
}

/* A link gets the hash of the file that it is, so that contents can be compared. */
static void fill_links(struct manifest *manifest) {
        for (size_t i = 0; i < manifest->count; i++) {
                struct entry *entry = &manifest->entries[i];
                if (entry->hardlink) {
                        entry->hash = manifest_find(manifest, entry->hardlink)->hash;
                }
        }
}

static int parse_line(struct manifest *manifest, char *line) {
        return *line == '#' ? parse_header(manifest, line) : parse_entry(manifest, line);
}

static int parse_lines(struct manifest *manifest, struct error *err) {
        static const char *const first_lines[] = {FIRST_LINE, SECOND_LINE};
        char *rest = manifest->text;
        for (size_t i = 0; (rest && *rest) || i < ELEMENTSOF(first_lines); i++) {
                char *line = rest ? strsep(&rest, "\n") : NULL;
                int r = i >= ELEMENTSOF(first_lines)   ? parse_line(manifest, line)
                        : str_eq(line, first_lines[i]) ? 0
                                                       : -EINVAL;
                if (r == -ENOMEM) {
                        return error_set_errno(err, ENOMEM, "reading a manifest");
                }
                if (r < 0) {
                        return error_set(err, EBADMSG, "line %zu of the manifest is wrong", i + 1);
                }
        }
        return 0;
}

int manifest_parse(struct manifest *manifest, char *text, struct error *err) {
        int r = manifest_init(manifest);
        manifest->text = text;
        if (r < 0) {
                return error_set_errno(err, ENOMEM, "reading a manifest");
        }
        r = parse_lines(manifest, err);
        r = r < 0 ? r : check(manifest, err);
        if (r == 0) {
                fill_links(manifest);
        }
        return r;
}

#include "executor/checkpoint/scan_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/read_full.h"
#include "executor/checkpoint/manifest_file.h"

/* In the byte order of the host that wrote it: nobody carries it elsewhere. */
struct head {
        char magic[8];
        struct content_hash manifest;
        struct content_hash records; /* of the bytes behind the head */
        uint64_t count;
};

static const char magic[8] = "rdcache1";

static int open_cache(int service_fd, struct head *head) {
        int fd = openat(service_fd, SCAN_CACHE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
                return -ENOENT;
        }
        if (read_full(fd, head, sizeof(*head)) != (ssize_t) sizeof(*head) ||
                memcmp(head->magic, magic, sizeof(magic)) != 0 ||
                head->count > MANIFEST_ENTRIES_MAX) {
                close(fd);
                return -ENOENT;
        }
        return fd;
}

int scan_cache_of(int service_fd, struct content_hash *ret) {
        struct head head;
        AUTO_CLOSE int fd = open_cache(service_fd, &head);
        if (fd < 0) {
                return fd;
        }
        *ret = head.manifest;
        return 0;
}

int scan_cache_load(int service_fd, struct manifest *manifest) {
        struct head head;
        struct content_hash found;
        AUTO_CLOSE int fd = open_cache(service_fd, &head);
        if (fd < 0 || head.count != manifest->count) {
                return -ENOENT;
        }
        size_t size = head.count * sizeof(struct file_identity);
        AUTO_FREE struct file_identity *records = malloc(size + 1);
        if (!records || read_full(fd, records, size) != (ssize_t) size ||
                content_hash_of(records, size, &found) < 0 ||
                !content_hash_equal(&found, &head.records)) {
                return -ENOENT;
        }
        for (size_t i = 0; i < manifest->count; i++) {
                manifest->entries[i].identity = records[i];
        }
        return 0;
}

bool scan_cache_load_known(const struct depot *depot, const struct catalog *catalog,
        struct manifest *ret, struct content_hash *ret_hash) {
        bool usable = scan_cache_of(catalog->fd, ret_hash) == 0 &&
                      catalog_of_manifest(catalog, ret_hash) &&
                      manifest_load(depot, ret_hash, ret, NULL) == 0 &&
                      scan_cache_load(catalog->fd, ret) == 0;
        if (!usable) {
                manifest_done(ret);
        }
        return usable;
}

int scan_cache_save(int service_fd, const struct manifest *manifest,
        const struct content_hash *hash, struct error *err) {
        size_t size = manifest->count * sizeof(struct file_identity);
        AUTO_FREE char *data = calloc(1, sizeof(struct head) + size);
        if (!data) {
                return error_set_errno(err, ENOMEM, "writing the cache");
        }
        struct head *head = (struct head *) data;
        struct file_identity *records = (struct file_identity *) (data + sizeof(*head));
        for (size_t i = 0; i < manifest->count; i++) {
                records[i] = manifest->entries[i].identity;
        }
        memcpy(head->magic, magic, sizeof(magic));
        head->manifest = *hash;
        head->count = manifest->count;
        if (content_hash_of(records, size, &head->records) < 0) {
                return error_set_errno(err, ENOMEM, "writing the cache");
        }
        return depot_replace_cache(service_fd, SCAN_CACHE_NAME, data, sizeof(*head) + size, err);
}

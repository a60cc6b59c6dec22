#pragma once
/* What libarchive's disk reader knows of a file beyond stat(2): extended attributes, POSIX ACLs and
 * holes, as text of a manifest, and back into an entry for libarchive's disk writer. */

#include <sys/stat.h>

#include "base/arena.h"
#include "base/error.h"
#include "executor/checkpoint/manifest.h"

struct archive;
struct archive_entry;

struct metadata_reader {
        struct archive *archive;
        struct archive_entry *entry;
};

int metadata_reader_init(struct metadata_reader *reader); /* -ENOMEM */
void metadata_reader_done(struct metadata_reader *reader);

/* Fills acl, acl_default, xattrs and holes of a regular file or directory that is open for reading.
 * Attributes which belong to the very inode (security.ima, security.evm, trusted.overlay.*) are
 * left out. -EUCLEAN: the file system does not give them. */
int metadata_read(struct metadata_reader *reader, int fd, const struct stat *status,
        struct arena *arena, struct entry *to, struct error *err);

/* Everything of an entry but its path and content. -EBADMSG: an attribute or ACL is no such text.
 */
int metadata_fill(struct archive_entry *to, const struct entry *from, struct error *err);

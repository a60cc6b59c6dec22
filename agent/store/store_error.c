#include "store/store_error.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

static const struct {
        int code;
        const char *sentence;
} sentences[] = {
        {ENOSPC, "the file system is full"},
        {EDQUOT, "the disk quota is used up"},
        {EFBIG, "the file has reached the limit of file sizes"},
        {EROFS, "the file system is read-only"},
        {EACCES, "permission denied"},
        {EPERM, "permission denied"},
        {EISDIR, "is a directory"},
        {ENOTDIR, "a part of the path is not a directory"},
        {ENOENT, "the directory above it does not exist"},
        {EIO, "the disk reports an input/output error"},
        {EBUSY, "another program keeps it locked"},
        {EBADMSG, "the file is damaged"},
        {ENOMEM, "out of memory"},
        {EINVAL, "refuses the values"},
};

static const struct {
        int result; /* primary result code of SQLite */
        int code;
} codes[] = {
        {SQLITE_FULL, ENOSPC},
        {SQLITE_BUSY, EBUSY},
        {SQLITE_LOCKED, EBUSY},
        {SQLITE_PROTOCOL, EBUSY},
        {SQLITE_CORRUPT, EBADMSG},
        {SQLITE_NOTADB, EBADMSG},
        {SQLITE_ERROR, EBADMSG}, /* fixed SQL fails only where the tables are not what they were */
        {SQLITE_SCHEMA, EBADMSG},
        {SQLITE_NOMEM, ENOMEM},
        {SQLITE_PERM, EACCES},
        {SQLITE_READONLY, EROFS},
        {SQLITE_CONSTRAINT, EINVAL},
        {SQLITE_TOOBIG, EINVAL},
        {SQLITE_MISMATCH, EINVAL},
        {SQLITE_RANGE, EINVAL},
};

static const char *sentence_of(int code) {
        for (size_t i = 0; i < ELEMENTSOF(sentences); i++) {
                if (sentences[i].code == code) {
                        return sentences[i].sentence;
                }
        }
        return strerror(code);
}

/* SQLite passes on what the system said in most cases, not in that of a commit: there the file that
 * was written knows, which is the log or the database itself. */
static int system_code_of(sqlite3 *db) {
        static const int operations[] = {
                SQLITE_FCNTL_JOURNAL_POINTER,
                SQLITE_FCNTL_FILE_POINTER,
        };
        int code = sqlite3_system_errno(db);
        for (size_t i = 0; code == 0 && i < ELEMENTSOF(operations); i++) {
                sqlite3_file *file = NULL;
                if (sqlite3_file_control(db, "main", operations[i], &file) == SQLITE_OK && file &&
                        file->pMethods) {
                        (void) file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &code);
                }
        }
        return code;
}

static int code_of(sqlite3 *db, int result) {
        int primary = result & 0xff;
        for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
                if (codes[i].result == primary) {
                        return codes[i].code;
                }
        }
        int code = db ? system_code_of(db) : 0;
        return code > 0 ? code : EIO;
}

int store_error_system(struct error *err, int code, const char *path) {
        return error_set(err, code, "state database %s: %s", path, sentence_of(code));
}

int store_error(struct error *err, sqlite3 *db, int result, const char *path) {
        int code = code_of(db, result);
        return error_set(err, code, "state database %s: %s (SQLite: %s)", path, sentence_of(code),
                db ? sqlite3_errmsg(db) : sqlite3_errstr(result));
}

#include "executor/own_folder.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

int own_folder_check(const char *path) {
        struct stat status;
        if (lstat(path, &status) < 0) {
                return -errno;
        }
        if (!S_ISDIR(status.st_mode)) {
                return -ENOTDIR;
        }
        return status.st_uid == geteuid() ? 0 : -EPERM;
}

int own_folder_make(const char *path, mode_t mode) {
        if (mkdir(path, mode) == 0) {
                return 0;
        }
        return errno == EEXIST ? own_folder_check(path) : -errno;
}

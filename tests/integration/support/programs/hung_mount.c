/* A file system whose every call waits while the file named by HUNG_MOUNT exists: what an NFS
 * server looks like that is gone. usage: hung_mount -f MOUNTPOINT */

#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void wait_while_hung(void) {
        const char *hung = getenv("HUNG_MOUNT");
        while (hung && access(hung, F_OK) == 0) {
                usleep(20000);
        }
}

static int get_attributes(const char *path, struct stat *st, struct fuse_file_info *file) {
        (void) file;
        wait_while_hung();
        memset(st, 0, sizeof(*st));
        st->st_mode = S_IFDIR | 0755;
        st->st_nlink = 2;
        return strcmp(path, "/") == 0 ? 0 : -ENOENT;
}

static int get_space(const char *path, struct statvfs *st) {
        (void) path;
        wait_while_hung();
        memset(st, 0, sizeof(*st));
        st->f_bsize = st->f_frsize = 4096;
        st->f_blocks = 1000;
        st->f_bfree = st->f_bavail = 900;
        st->f_files = 1000;
        st->f_ffree = st->f_favail = 900;
        return 0;
}

int main(int argc, char **argv) {
        static const struct fuse_operations operations = {
                .getattr = get_attributes,
                .statfs = get_space,
        };
        return fuse_main(argc, argv, &operations, NULL);
}

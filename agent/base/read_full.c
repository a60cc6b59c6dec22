#include "base/read_full.h"

#include <errno.h>
#include <unistd.h>

ssize_t read_full(int fd, void *to, size_t size) {
        size_t length = 0;
        while (length < size) {
                ssize_t n = read(fd, (char *) to + length, size - length);
                if (n < 0 && errno != EINTR) {
                        return -errno;
                }
                if (n == 0) {
                        break;
                }
                length += n > 0 ? (size_t) n : 0;
        }
        return (ssize_t) length;
}

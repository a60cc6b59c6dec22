#include "executor/own_program.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *own_program_find(const char *name, char path[PATH_MAX]) {
        ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
        char *slash = length > 0 ? (path[length] = '\0', strrchr(path, '/')) : NULL;
        size_t room = slash ? (size_t) (path + PATH_MAX - slash) : 0;
        if (slash && snprintf(slash, room, "/%s", name) < (int) room && access(path, X_OK) == 0) {
                return path;
        }
        snprintf(path, PATH_MAX, RECOVERD_LIBEXECDIR "/%s", name);
        return path;
}

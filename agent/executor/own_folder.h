#pragma once
/* The folders below RUNTIME_DIR and STATE_DIR that the executor believes in. Where the agent is
 * another user it may write to these two itself, and could have laid something there first. */

#include <sys/types.h>

/* -EPERM: it belongs to another user; -ENOTDIR: it is something else, a symbolic link perhaps;
 * -ENOENT; other negative errno of lstat(2). */
int own_folder_check(const char *path);

/* Makes it when it is not there; else as above, or negative errno of mkdir(2). */
int own_folder_make(const char *path, mode_t mode);

#pragma once
/* Removes a tree, however deep, without following a link and without leaving its file system. */

#include "base/error.h"

/* `name` in the folder, with all below it. That it is not there is no error. */
int tree_remove(int folder_fd, const char *name, struct error *err);

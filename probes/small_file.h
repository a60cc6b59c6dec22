#pragma once
/* Small text files of the kernel, in /proc, /sys and cgroups: read whole, without allocation. Only
 * for files that the kernel answers at once. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMALL_FILE_MAX = 16384 }; /* what is longer is cut */

/* The text of directory/name, terminated. Negative errno. */
int small_file_read(const char *directory, const char *name, char text[SMALL_FILE_MAX]);

/* A file that holds one number; "max" is UINT64_MAX. -EBADMSG when it holds something else. */
int small_file_number(const char *directory, const char *name, uint64_t *ret);

/* The number behind `key` in lines of "key number", whose unit and colon are passed over: "MemFree:
 * 12 kB" is 12. False when there is no such line. */
bool small_file_key(const char *text, const char *key, uint64_t *ret);

#pragma once
/* Policy files as bytes: found, checked for who may write to them, read whole, and quoted in
 * messages. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "policy/load.h"

enum {
        SOURCE_FILES_MAX = 20000,
        SOURCE_BYTES_MAX = 16 << 20, /* of one file */
        SOURCE_TOTAL_MAX = 128 << 20, /* of all files together */
        SOURCE_EXCERPT_MAX = 240, /* bytes of a line that a message quotes */
};

struct allowance;

struct source_file {
        const char *name; /* as the user gave it */
        uint32_t order;
        bool config; /* recoverd.yaml: may hold `agent`, and its defaults and templates are
                        everyone's */
        const char *text; /* `length` bytes and a NUL behind them; NULL for a directory or a refused
                             file */
        size_t length;
        const char **lines; /* starts of the lines; made when a message first needs one */
        uint32_t n_lines;
        struct allowance *allowances; /* comments that silence warnings, see policy/allowances.h */
};

/* A stretch of a file that a message can point at. */
struct place {
        struct source_file *file;
        uint32_t line, column; /* 1-based, column in characters; 0: the file as a whole */
        uint32_t width; /* characters */
};

struct source_files {
        struct arena *arena; /* the caller's; holds the files */
        struct source_file **items;
        size_t count, capacity;
        size_t bytes;
        bool incomplete; /* a file is missing here, so that what it defines is not known */
};

/* Reads the configuration and every file of the paths; what cannot be read is a problem, and the
 * others are read all the same. -ENOMEM otherwise 0. */
int source_files_read(struct source_files *files, const struct policy_sources *sources,
        struct problems *problems);

/* The same from memory; the text is copied, so that it need not end in NUL. */
int source_files_add_text(
        struct source_files *files, const char *name, const char *text, size_t length, bool config);

void source_files_done(struct source_files *files); /* the array only */

/* Refuses what is not clean UTF-8 text: NUL and other control characters, broken or overlong
 * sequences. Returns false after reporting the first offence. */
bool source_file_check_text(struct source_file *file, struct problems *problems);

/* Fills `lines`, once. False when out of memory. */
bool source_file_find_lines(struct source_file *file, struct arena *arena);

/* A line as one would print it: tabs and unprintable bytes replaced, cut at SOURCE_EXCERPT_MAX.
 * NULL when there is no such line or memory is short. */
const char *source_file_line(struct source_file *file, uint32_t line, struct arena *arena);

/* Whether the white space that a line begins with holds a tab. */
bool source_file_has_tab_indent(const struct source_file *file, uint32_t line);

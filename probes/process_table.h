#pragma once
/* All processes of the host at one moment, and who descends from whom. Reading it takes
 * milliseconds on a busy host, so that happens in a worker thread (process_scanner.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "probes/proc_read.h"

enum {
        PROCESS_TABLE_MAX = 256 * 1024, /* processes that are looked at */
        PROCESS_GENERATIONS_MAX = 64, /* of descendants that are followed */
};

struct process_entry {
        pid_t pid;
        struct proc_stat stat;
        uint64_t program; /* process_program_key of what it runs; 0: not known */
};

struct process_table {
        struct process_entry *entries; /* by pid */
        uint32_t *by_parent; /* indices of entries, by parent and pid */
        size_t count;
        bool restricted; /* processes of others are hidden from this user */
        bool has_programs;
};

/* What descends from a process: children, their children, and so on. */
struct process_family {
        uint32_t children, zombies;
        uint64_t rss_bytes; /* with the process itself; shared memory counts for each */
        usec_t cpu; /* with the process itself, and with children that have ended */
};

/* Reads `proc`, where proc(5) is mounted; what vanishes meanwhile is passed over. `programs`: also
 * what each process runs, where this user may know. */
int process_table_read(struct process_table **ret, const char *proc, bool programs);
void process_table_free(struct process_table *table);

/* NULL when it is not there. */
const struct process_entry *process_table_find(const struct process_table *table, pid_t pid);

void process_table_family(const struct process_table *table, pid_t pid, struct process_family *ret);

/* A number for the path of a program, never 0; equal paths have equal numbers. */
uint64_t process_program_key(const char *path);

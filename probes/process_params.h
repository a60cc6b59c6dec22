#pragma once
/* The process probe in its parts: process.c knows the policy and the run, process_find.c finds out
 * which process it is, process_examine.c reads and judges what that process uses. */

#include "io/cgroup_path.h"
#include "probes/counter_history.h"
#include "probes/file_changes.h"
#include "probes/oom_kills.h"
#include "probes/probe.h"
#include "probes/process_scanner.h"
#include "probes/process_watch.h"

struct offload;

struct process_cgroup_limits {
        struct amount max_memory; /* percent of its limit, or bytes */
        struct amount max_throttled; /* percent of the periods */
        struct oom_limit oom; /* its window is that of max_throttled as well */
};

struct process_params {
        const char *pidfile, *executable; /* both NULL: the service's own process */
        struct strings arguments;
        struct amount max_rss, max_cpu, max_open_files;
        struct amount max_total_rss, max_total_cpu; /* of the process and its descendants */
        struct amount max_children, max_zombies;
        usec_t cpu_window;
        uint32_t max_threads; /* 0: no limit */
        usec_t min_uptime, max_uptime; /* 0: no limit */
        struct process_cgroup_limits *cgroup; /* NULL: none */
};

/* What is watched over time, of one process. */
struct process_history {
        pid_t pid; /* the process that this is about, */
        uint64_t start_time; /* and when it was started: an id may be reused */
        struct counter_history cpu, total_cpu;
        struct process_cgroup_history *cgroup; /* with limits of the cgroup only */
};

struct process_cgroup_history {
        char directory[CGROUP_PATH_MAX]; /* "": not looked for yet */
        struct counter_history periods, throttled, oom_kills;
};

struct process_state {
        struct offload *reading;
        struct process_watch *watch; /* with a pidfile or an executable only */
        struct process_history *history; /* with limits that need one only */
        struct file_mark pidfile; /* with one, and without limits only */
        /* With an executable: the process that was found, and what tells that it is still that. */
        pid_t found;
        uint64_t found_start_time, found_image;
};

struct process_run {
        struct process_query query;
        pid_t pid;
        uint64_t start_time; /* as told by the manager; 0: not known */
        uint64_t program; /* process_program_key of the executable, its links resolved */
        char resolved[PROC_PROGRAM_MAX];
};

/* Finds the process of the pidfile or the executable, and goes on with process_examine; or ends the
 * run. */
void process_find(struct probe_run *run);

/* process_review.c: the traits of the type. */
uint32_t process_causes(const void *params);
void process_review(const struct probe_review *review);

/* The text for a run that ends before it got anywhere. */
void process_describe_wait(
        const struct probe_run *run, usec_t since, char detail[OBSERVATION_DETAIL_MAX]);

/* Examines a process and ends the run. `start_time` guards against a reused process id; 0: not
 * known. */
void process_examine(struct probe_run *run, pid_t pid, uint64_t start_time);

/* Whether it only matters that the process lives: what it uses is shown, and not judged. */
bool process_unlimited(const struct process_params *params);

/* The process has exited, or could not be read (negative errno). */
void process_conclude_unreadable(pid_t pid, int code, struct probe_result *result);

/* Whether it is the service's own process, and its manager hears of its end: then the manager says
 * how it ended, and whether somebody wanted it. What is seen here before is not certain. */
bool process_is_managers(const struct probe_run *run, pid_t pid);

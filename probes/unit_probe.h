#pragma once
/* What the files of the unit probe share: its parameters, its state and its run. */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/units.h"
#include "io/unit_bus.h"
#include "probes/probe.h"
#include "probes/window_count.h"

struct unit_params {
        const char *name; /* NULL: the service's own unit, unless there is a pattern */
        const char *pattern;
        uint32_t max_failed;
        uint32_t states; /* bit (1 << enum unit_active) for each that is well; 0: as usual */
        struct amount max_restarts;
        usec_t window;
};

/* One unit that is followed between runs. */
struct unit_follow {
        struct list node; /* of a pattern */
        struct unit_probe_state *probe;
        struct unit_watch watch;
        bool counted; /* restarts_before holds a count */
        uint32_t restarts_before;
        enum unit_condition condition; /* of the last look */
        char name[UNIT_ID_SIZE];
};

struct unit_probe_state {
        bool begun;
        const struct probe_host *host;
        const struct unit_params *params;
        uint32_t service, probe;
        bool own; /* the unit is the service's own */
        struct unit_follow one; /* without a pattern */
        struct list many; /* with one: struct unit_follow, where restarts are counted */
        unsigned n_many;
        struct bus_user user; /* with a pattern */
        struct window_count restarts;
        struct probe_run *waiting; /* for systemd's answer; NULL: no run is under way */
};

struct unit_probe_run {
        struct loop_timer late; /* nothing came from systemd in time */
        sd_bus_slot *call;
};

/* Takes in what a unit's counter says of restarts since the last look. */
void unit_follow_count(struct unit_follow *follow, const struct unit_snapshot *snapshot);

/* Whether restarts are limited and there were too many; concludes then. */
bool unit_restarts_over(
        struct unit_probe_state *state, const char *name, struct probe_result *result);

/* A run, and the end of what is kept between runs, with a pattern. */
void unit_pattern_start(struct probe_run *run);
void unit_pattern_release(struct unit_probe_state *state);

/* Ends the run of the state, which was waiting. */
void unit_probe_finish(struct unit_probe_state *state, const struct probe_result *result);

/* The limit of waiting for systemd. 0 or -ENOMEM, and then the run is over. */
int unit_probe_wait(struct probe_run *run);

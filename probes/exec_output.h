#pragma once
/* What a monitoring plug-in wrote, taken apart: "TEXT | PERFDATA" in the first line, in the others
 * long text that nobody shows here, and more performance data from the next '|' on. Monitoring
 * Plugins Development Guidelines, "Plugin output for Nagios". */

#include <stdbool.h>
#include <stddef.h>

#include "model/observation.h"
#include "probes/perfdata.h"

struct exec_output {
        char text[OBSERVATION_DETAIL_MAX]; /* first line with a text, printable; "": there is none
                                            */
        struct perfdata perfdata;
};

/* `cut`: more was written than was kept, so the last word may be half of one, and is left out. */
void exec_output_read(const char *output, size_t length, bool cut, struct exec_output *ret);

/* The first line of a text that is no plug-in's, such as standard error; printable. */
void exec_output_first_line(const char *text, size_t length, char ret[OBSERVATION_DETAIL_MAX]);

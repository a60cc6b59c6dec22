#include "probes/pressure_read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "probes/small_file.h"

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static bool parse_averages(const char *line, const char *word, double ret[PRESSURE_WINDOWS]) {
        double found[PRESSURE_WINDOWS];
        if (!str_starts(line, word) ||
                sscanf(line + strlen(word), " avg10=%lf avg60=%lf avg300=%lf", &found[PRESSURE_10S],
                        &found[PRESSURE_1M], &found[PRESSURE_5M]) != PRESSURE_WINDOWS) {
                return false;
        }
        memcpy(ret, found, sizeof(found));
        return true;
}

/* Before Linux 5.13 the CPU has no line "full". */
int pressure_parse_stall(const char *text, struct pressure_stall *ret) {
        struct pressure_stall stall = {0};
        if (!parse_averages(text, "some", stall.some)) {
                return -EBADMSG;
        }
        const char *second = strchr(text, '\n');
        if (second && second[1] && !parse_averages(second + 1, "full", stall.full)) {
                return -EBADMSG;
        }
        *ret = stall;
        return 0;
}

int pressure_read_stall(const char *directory, const char *name, struct pressure_stall *ret) {
        char text[SMALL_FILE_MAX];
        int r = small_file_read(directory, name, text);
        if (r < 0) {
                return r == -ENOENT ? -EOPNOTSUPP : r;
        }
        return pressure_parse_stall(text, ret);
}

int pressure_read_load(const char *proc, double ret[LOAD_WINDOWS]) {
        char text[SMALL_FILE_MAX];
        double found[LOAD_WINDOWS];
        int r = small_file_read(proc, "loadavg", text);
        if (r < 0) {
                return r;
        }
        if (sscanf(text, "%lf %lf %lf", &found[LOAD_1M], &found[LOAD_5M], &found[LOAD_15M]) !=
                LOAD_WINDOWS) {
                return -EBADMSG;
        }
        memcpy(ret, found, sizeof(found));
        return 0;
}

int pressure_read_memory(const char *proc, struct host_memory *ret) {
        char text[SMALL_FILE_MAX];
        uint64_t total, available, swap, swap_free;
        int r = small_file_read(proc, "meminfo", text);
        if (r < 0) {
                return r;
        }
        if (!small_file_key(text, "MemTotal", &total) ||
                !small_file_key(text, "MemAvailable", &available) ||
                !small_file_key(text, "SwapTotal", &swap) ||
                !small_file_key(text, "SwapFree", &swap_free) || swap_free > swap) {
                return -EBADMSG;
        }
        *ret = (struct host_memory){
                .total_bytes = total * 1024,
                .available_bytes = available * 1024,
                .swap_bytes = swap * 1024,
                .swap_used_bytes = (swap - swap_free) * 1024,
        };
        return 0;
}

int pressure_read_oom_kills(const char *proc, uint64_t *ret) {
        char text[SMALL_FILE_MAX];
        int r = small_file_read(proc, "vmstat", text);
        if (r < 0) {
                return r;
        }
        return small_file_key(text, "oom_kill", ret) ? 0 : -EOPNOTSUPP;
}

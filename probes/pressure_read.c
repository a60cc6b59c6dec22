#include "probes/pressure_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "probes/small_file.h"

/* The number behind `key`, and moves behind it. */
static bool take_number(const char **text, const char *key, double *ret) {
        char *end;
        if (!str_starts(*text, key)) {
                return false;
        }
        *ret = strtod(*text + strlen(key), &end);
        bool found = end > *text + strlen(key);
        *text = end;
        return found;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static bool parse_averages(const char *line, const char *word, double ret[PRESSURE_WINDOWS]) {
        static const char *const keys[PRESSURE_WINDOWS] = {" avg10=", " avg60=", " avg300="};
        if (!str_starts(line, word)) {
                return false;
        }
        line += strlen(word);
        for (size_t i = 0; i < PRESSURE_WINDOWS; i++) {
                if (!take_number(&line, keys[i], &ret[i])) {
                        return false;
                }
        }
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
        const char *at = text;
        for (size_t i = 0; i < LOAD_WINDOWS; i++) {
                if (!take_number(&at, "", &found[i])) {
                        return -EBADMSG;
                }
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

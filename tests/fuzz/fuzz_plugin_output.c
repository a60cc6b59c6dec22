/* Output of a hostile plug-in: whatever the bytes, what comes out is text that can be printed and
 * finite numbers under different names, and what is written of them is read as the same again. */

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "probes/exec_output.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_printable(const char *text, size_t room) {
        char copy[OBSERVATION_DETAIL_MAX];
        assert(strlen(text) < room);
        str_copy(copy, sizeof(copy), text);
        str_make_printable(copy);
        assert(str_eq(copy, text));
}

static void check_values(const struct perfdata *data) {
        assert(data->count <= MEASUREMENTS_MAX);
        for (uint32_t i = 0; i < data->count; i++) {
                const struct measurement *value = &data->values[i];
                assert(isfinite(value->value));
                assert(*value->label && perfdata_find(data, value->label) == value);
                assert_printable(value->label, sizeof(value->label));
                assert_printable(value->unit, sizeof(value->unit));
        }
}

/* As the executor tells the agent. */
static void check_round_trip(const struct perfdata *data) {
        char text[MEASUREMENTS_MAX * 256];
        struct perfdata again = {0};
        perfdata_format(data->values, data->count, text, sizeof(text));
        perfdata_parse(&again, text, strlen(text));
        assert(again.count == data->count && again.left_out == 0);
        for (uint32_t i = 0; i < data->count; i++) {
                assert(str_eq(again.values[i].label, data->values[i].label));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct exec_output output;
        bool cut = size > 0 && (data[0] & 1);
        exec_output_read((const char *) data, size, cut, &output);
        assert_printable(output.text, sizeof(output.text));
        check_values(&output.perfdata);
        check_round_trip(&output.perfdata);
        return 0;
}

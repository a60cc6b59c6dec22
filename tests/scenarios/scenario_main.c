/* scenario_runner FILE: writes the decisions. scenario_runner --rows: the numbers of all rows. */

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "recovery/rules.h"
#include "tests/scenarios/scenario.h"

static int print_rows(void) {
        for (size_t i = 0; i < n_rules; i++) {
                printf("%u\n", rules[i].number);
        }
        return EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
        if (argc != 2) {
                fprintf(stderr, "usage: scenario_runner FILE | --rows\n");
                return 2;
        }
        if (strcmp(argv[1], "--rows") == 0) {
                return print_rows();
        }
        AUTO_FREE struct scenario *scenario = calloc(1, sizeof(*scenario));
        struct error err = {0};
        if (!scenario) {
                return EXIT_FAILURE;
        }
        if (scenario_load(argv[1], scenario, &err) < 0) {
                fprintf(stderr, "%s: %s\n", argv[1], err.text);
                scenario_done(scenario);
                return EXIT_FAILURE;
        }
        scenario_run(scenario, stdout);
        scenario_done(scenario);
        return EXIT_SUCCESS;
}

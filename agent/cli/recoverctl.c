/* recoverctl: the operator's program. */

#include "cli/command.h"

int main(int argc, char **argv) {
        return recoverctl_run(argc, argv);
}

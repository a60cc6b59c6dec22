/* Processes that do nothing, to be watched: bench_sleepers COUNT FOLDER writes FOLDER/INDEX.pid for
 * each, prints "ready", and ends them all when its standard input ends. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { COUNT_MAX = 10000 };

static int write_pidfile(const char *folder, long index, pid_t pid) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%ld.pid", folder, index);
        FILE *file = fopen(path, "we");
        if (!file) {
                return -1;
        }
        fprintf(file, "%d\n", (int) pid);
        return fclose(file);
}

static pid_t spawn(void) {
        pid_t pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;) {
                        pause();
                }
        }
        return pid;
}

int main(int argc, char **argv) {
        long count = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
        if (count < 1 || count > COUNT_MAX) {
                fprintf(stderr, "usage: bench_sleepers COUNT FOLDER\n");
                return 2;
        }
        for (long i = 0; i < count; i++) {
                pid_t pid = spawn();
                if (pid < 0 || write_pidfile(argv[2], i, pid) < 0) {
                        perror("bench_sleepers");
                        return 1;
                }
        }
        puts("ready");
        (void) fflush(stdout);
        while (getchar() != EOF) {
        }
        return 0;
}

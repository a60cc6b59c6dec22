/* The floor of a scrape: libmicrohttpd serves the bytes of a file from memory. Prints its port;
 * ends when standard input ends. */

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { BYTES_MAX = 64 * 1024 * 1024 };

static enum MHD_Result answer(void *cookie, struct MHD_Connection *connection, const char *url,
        const char *method, const char *version, const char *upload, size_t *upload_size,
        void **request) {
        (void) url, (void) method, (void) version, (void) upload, (void) upload_size,
                (void) request;
        return MHD_queue_response(connection, MHD_HTTP_OK, cookie);
}

/* The whole file in one allocation; NULL on failure. */
static char *read_file(const char *path, size_t *ret_length) {
        AUTO_FCLOSE FILE *file = fopen(path, "re");
        AUTO_FREE char *bytes = malloc(BYTES_MAX);
        if (!file || !bytes) {
                return NULL;
        }
        *ret_length = fread(bytes, 1, BYTES_MAX, file);
        return ferror(file) ? NULL : TAKE_PTR(bytes);
}

static struct MHD_Daemon *serve(struct MHD_Response *response) {
        struct sockaddr_in address = {
                .sin_family = AF_INET,
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, response,
                MHD_OPTION_SOCK_ADDR, (const struct sockaddr *) &address, MHD_OPTION_END);
}

static void wait_for_end_of_input(void) {
        char ignored[64];
        while (read(STDIN_FILENO, ignored, sizeof(ignored)) > 0) {
        }
}

int main(int argc, char **argv) {
        size_t length = 0;
        AUTO_FREE char *bytes = argc == 2 ? read_file(argv[1], &length) : NULL;
        if (!bytes) {
                fprintf(stderr, "usage: bench_floor_scrape FILE\n");
                return EXIT_FAILURE;
        }
        struct MHD_Response *response =
                MHD_create_response_from_buffer(length, bytes, MHD_RESPMEM_PERSISTENT);
        struct MHD_Daemon *daemon = response ? serve(response) : NULL;
        if (!daemon) {
                fprintf(stderr, "bench_floor_scrape: cannot serve\n");
                return EXIT_FAILURE;
        }
        printf("port %u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
        fflush(stdout);
        wait_for_end_of_input();
        MHD_stop_daemon(daemon);
        MHD_destroy_response(response);
        return EXIT_SUCCESS;
}

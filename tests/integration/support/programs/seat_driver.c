/* One member of a group round the real coordinators, for tests: takes a seat, does what standard
 * input says, and prints how the lease stands as a line of JSON at each change.
 *
 *     seat_driver KIND GROUP MEMBER LEASE_MS STATE RUNTIME [key=value...]
 *     "places=N" lets so many hold the lease at once
 *     want, unwant, release [MEMBER], publish TEXT, view, leave, quit */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "coordinator/coordinator.h"
#include "io/loop.h"

struct driver {
        struct loop *loop;
        struct coordinator *coordinator;
        struct seat *seat;
        struct loop_watch input;
        char line[2048];
        size_t length;
        uint32_t places;
};

static void add_text(struct json_object *to, const char *key, const char *text) {
        json_object_object_add(to, key, json_object_new_string(text));
}

static void add_number(struct json_object *to, const char *key, uint64_t number) {
        json_object_object_add(to, key, json_object_new_int64((int64_t) number));
}

static void print_view(const struct driver *driver) {
        const struct lease_view *view = seat_view(driver->seat);
        struct json_object *line = json_object_new_object();
        struct json_object *peers = json_object_new_object();
        for (size_t i = 0; i < view->n_peers; i++) {
                add_text(peers, view->peers[i].member, view->peers[i].text);
        }
        struct json_object *places = json_object_new_array();
        for (size_t i = 0; i < view->n_places; i++) {
                json_object_array_add(places, json_object_new_string(view->places[i]));
        }
        json_object_object_add(line, "places", places);
        add_text(line, "standing", lease_standing_text(view->standing));
        add_text(line, "session", coordinator_session_text(view->session));
        add_text(line, "holder", view->holder);
        add_text(line, "why", view->why);
        add_number(line, "token", view->token);
        add_number(line, "changes", view->n_changes);
        add_number(line, "granted", view->granted);
        add_number(line, "usable_until", view->usable_until);
        add_number(line, "now", clock_now().mono);
        json_object_object_add(line, "peers", peers);
        puts(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
        fflush(stdout);
        json_object_put(line);
}

static void on_change(void *cookie) {
        print_view(cookie);
}

static void leave(struct driver *driver) {
        seat_leave(driver->seat);
        driver->seat = NULL;
        puts("{\"left\": true}");
        fflush(stdout);
}

static void obey(struct driver *driver, const char *line) {
        if (str_eq(line, "quit")) {
                loop_exit(driver->loop, 0);
        } else if (!driver->seat) {
                fputs("no seat\n", stderr);
        } else if (str_eq(line, "want") || str_eq(line, "unwant")) {
                seat_want(driver->seat, line[0] == 'w');
        } else if (str_starts(line, "release")) {
                seat_release(driver->seat, line[7] == ' ' ? line + 8 : NULL);
        } else if (str_starts(line, "publish ")) {
                seat_publish(driver->seat, line + 8);
        } else if (str_eq(line, "view")) {
                print_view(driver);
        } else if (str_eq(line, "leave")) {
                leave(driver);
        }
}

static void on_input(void *cookie, uint32_t events) {
        struct driver *driver = cookie;
        (void) events;
        ssize_t n = read(STDIN_FILENO, driver->line + driver->length,
                sizeof(driver->line) - driver->length - 1);
        if (n <= 0) {
                if (n == 0) {
                        loop_exit(driver->loop, 0);
                }
                return;
        }
        driver->length += (size_t) n;
        driver->line[driver->length] = '\0';
        for (char *end; (end = strchr(driver->line, '\n'));) {
                *end = '\0';
                obey(driver, driver->line);
                driver->length -= (size_t) (end + 1 - driver->line);
                memmove(driver->line, end + 1, driver->length + 1);
        }
}

/* "server=..." may be there several times. */
static void read_setting(
        struct driver *driver, char *word, struct coordinator_spec *spec, const char **servers) {
        char *value = strchr(word, '=');
        if (!value) {
                return;
        }
        *value++ = '\0';
        if (str_eq(word, "places")) {
                driver->places = (uint32_t) strtoul(value, NULL, 10);
                return;
        }
        if (str_eq(word, "server") && spec->servers.count < COORDINATION_SERVERS_MAX) {
                servers[spec->servers.count++] = value;
                return;
        }
        struct {
                const char *key, **to;
        } texts[] = {{"root", &spec->root}, {"user", &spec->user},
                {"password_file", &spec->password_file}, {"ca_file", &spec->ca_file},
                {"cert_file", &spec->cert_file}, {"key_file", &spec->key_file}};
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                if (str_eq(word, texts[i].key)) {
                        *texts[i].to = value;
                }
        }
}

static int take_seat(struct driver *driver, int argc, char **argv, struct error *err) {
        const char *servers[COORDINATION_SERVERS_MAX + 1] = {0};
        int kind = coordinator_kind_parse(argv[1]);
        struct coordinator_spec spec = {.kind = kind, .servers = {.items = servers}};
        struct coordinator_folders folders = {argv[5], argv[6]};
        for (int i = 7; i < argc; i++) {
                read_setting(driver, argv[i], &spec, servers);
        }
        int r = coordinator_open(&driver->coordinator, driver->loop, &spec, &folders, err);
        if (r < 0) {
                return r;
        }
        struct seat_request request = {
                .group = argv[2],
                .member = argv[3],
                .places = driver->places,
                .lease = strtoull(argv[4], NULL, 10) * USEC_PER_MSEC,
                .on_change = on_change,
                .cookie = driver,
        };
        return coordinator_join(driver->coordinator, &request, &driver->seat, err);
}

int main(int argc, char **argv) {
        struct driver driver = {0};
        struct error err = {0};
        if (argc < 7) {
                return 2;
        }
        log_set_level(LOG_DEBUG);
        int r = loop_new(&driver.loop, &err);
        r = r < 0 ? r : take_seat(&driver, argc, argv, &err);
        if (r == 0) {
                (void) fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
                r = loop_watch_add(
                        &driver.input, driver.loop, STDIN_FILENO, EPOLLIN, on_input, &driver);
        }
        if (r == 0) {
                print_view(&driver);
                r = loop_run(driver.loop, &err);
        }
        if (r < 0) {
                fprintf(stderr, "seat_driver: %s\n", err.text);
        }
        loop_watch_remove(&driver.input);
        seat_leave(driver.seat);
        coordinator_close(driver.coordinator);
        loop_free(driver.loop);
        return r < 0 ? 1 : 0;
}

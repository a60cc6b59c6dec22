#include "io/bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"

#define LOCAL_PATH "/org/freedesktop/DBus/Local"
#define LOCAL_INTERFACE "org.freedesktop.DBus.Local"

static const struct peer {
        const char *name;
        const char *variable; /* of the environment, in place of the address; NULL: none */
        const char *address;
        bool client; /* there is a message bus in between, which wants to be greeted */
} peers[] = {
        [BUS_PEER_SYSTEM] = {"D-Bus", "DBUS_SYSTEM_BUS_ADDRESS",
                "unix:path=/run/dbus/system_bus_socket", true},
        [BUS_PEER_MANAGER] = {"systemd", NULL, "unix:path=/run/systemd/private", false},
};

enum bus_peer bus_peer_of_user(void) {
        return geteuid() == 0 ? BUS_PEER_MANAGER : BUS_PEER_SYSTEM;
}

struct bus {
        struct loop *loop;
        const struct peer *peer;
        sd_bus *connection; /* NULL: none, not even one being made */
        bool up;
        struct list users;
        struct loop_timer timer; /* to call again, or the limit of a call under way */
        struct loop_defer ending; /* not within a callback of the connection itself */
        usec_t pause;
        char why[128];
};

static void connect_now(struct bus *bus);

/* ---- The end of a connection ---- */

static void drop(struct bus *bus) {
        if (bus->connection) {
                sd_bus_close(bus->connection);
                bus->connection = sd_bus_unref(bus->connection);
        }
}

static void tell_down(struct bus *bus) {
        LIST_FOREACH (node, &bus->users) {
                struct bus_user *user = LIST_ENTRY(node, struct bus_user, node);
                user->on_down(user->cookie, bus->why);
        }
}

static void call_again(struct bus *bus) {
        loop_timer_set_after(&bus->timer, bus->pause);
        bus->pause *= 2;
        if (bus->pause > BUS_PAUSE_MAX) {
                bus->pause = BUS_PAUSE_MAX;
        }
}

static void lose(struct bus *bus, const char *why) {
        bool was_up = bus->up;
        bus->up = false;
        snprintf(bus->why, sizeof(bus->why), "%s is away: %s", bus->peer->name, why);
        if (was_up) {
                log_warning("%s, calling it back", bus->why);
                tell_down(bus);
        }
        drop(bus);
        call_again(bus);
}

static void on_ending(void *cookie) {
        lose(cookie, "the connection was closed");
}

static int on_disconnected(sd_bus_message *message, void *cookie, sd_bus_error *ret_error) {
        struct bus *bus = cookie;
        (void) message;
        (void) ret_error;
        loop_defer_schedule(&bus->ending);
        return 0;
}

/* ---- Its beginning ---- */

static void tell_up(struct bus *bus) {
        LIST_FOREACH (node, &bus->users) {
                struct bus_user *user = LIST_ENTRY(node, struct bus_user, node);
                user->on_up(user->cookie);
        }
}

static int on_connected(sd_bus_message *message, void *cookie, sd_bus_error *ret_error) {
        struct bus *bus = cookie;
        (void) message;
        (void) ret_error;
        loop_timer_cancel(&bus->timer);
        bus->up = true;
        bus->why[0] = '\0';
        bus->pause = BUS_PAUSE_FIRST;
        log_debug("connected to %s", bus->peer->name);
        tell_up(bus);
        return 0;
}

/* These two signals are the library's own, so that nobody has to be asked for them. */
static int watch_connection(struct bus *bus) {
        int r = sd_bus_match_signal(bus->connection, NULL, NULL, LOCAL_PATH, LOCAL_INTERFACE,
                "Connected", on_connected, bus);
        if (r >= 0) {
                r = sd_bus_match_signal(bus->connection, NULL, NULL, LOCAL_PATH, LOCAL_INTERFACE,
                        "Disconnected", on_disconnected, bus);
        }
        return r;
}

static const char *address_of(const struct bus *bus) {
        const char *own = bus->peer->variable ? secure_getenv(bus->peer->variable) : NULL;
        return str_empty(own) ? bus->peer->address : own;
}

/* sd_bus_open_system(3) would do as well, but tells nobody when the greeting is over. */
static int start_connection(struct bus *bus) {
        int r = sd_bus_new(&bus->connection);
        if (r < 0 || (r = sd_bus_set_address(bus->connection, address_of(bus))) < 0 ||
                (r = sd_bus_set_bus_client(bus->connection, bus->peer->client)) < 0 ||
                (r = sd_bus_set_connected_signal(bus->connection, 1)) < 0 ||
                (r = sd_bus_set_method_call_timeout(bus->connection, BUS_CALL_LIMIT)) < 0 ||
                (r = watch_connection(bus)) < 0 || (r = sd_bus_start(bus->connection)) < 0) {
                return r;
        }
        return sd_bus_attach_event(
                bus->connection, loop_event(bus->loop), SD_EVENT_PRIORITY_NORMAL);
}

static void connect_now(struct bus *bus) {
        int r = start_connection(bus);
        if (r < 0) {
                lose(bus, strerrordesc_np(-r));
        } else {
                loop_timer_set_after(&bus->timer, BUS_CONNECT_LIMIT);
        }
}

static void on_timer(void *cookie) {
        struct bus *bus = cookie;
        if (bus->connection) {
                lose(bus, "it does not answer");
        } else {
                connect_now(bus);
        }
}

/* ---- For its users ---- */

int bus_new(struct bus **ret, struct loop *loop, enum bus_peer peer, struct error *err) {
        AUTO_FREE struct bus *bus = calloc(1, sizeof(*bus));
        if (!bus || loop_timer_init(&bus->timer, loop, on_timer, bus) < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        bus->loop = loop;
        bus->peer = &peers[peer];
        bus->pause = BUS_PAUSE_FIRST;
        list_init(&bus->users);
        loop_defer_init(&bus->ending, loop, on_ending, bus);
        snprintf(bus->why, sizeof(bus->why), "%s was not called yet", bus->peer->name);
        *ret = TAKE_PTR(bus);
        return 0;
}

void bus_free(struct bus *bus) {
        if (!bus) {
                return;
        }
        drop(bus);
        loop_defer_cancel(&bus->ending);
        loop_timer_done(&bus->timer);
        free(bus);
}

void bus_join(struct bus *bus, struct bus_user *user) {
        list_append(&bus->users, &user->node);
        if (!bus->connection && !loop_timer_armed(&bus->timer)) {
                connect_now(bus);
        }
}

void bus_leave(struct bus *bus, struct bus_user *user) {
        (void) bus;
        if (user->node.next) {
                list_remove(&user->node);
        }
}

sd_bus *bus_connection(const struct bus *bus) {
        return bus->up ? bus->connection : NULL;
}

const char *bus_why(const struct bus *bus) {
        return bus->why;
}

/* ---- Signals ---- */

static void add_rule(struct strbuf *rule, const char *key, const char *value) {
        if (value) {
                strbuf_addf(rule, ",%s='%s'", key, value);
        }
}

int bus_match_add(struct bus *bus, sd_bus_slot **ret, const struct bus_match *match,
        sd_bus_message_handler_t handler, void *cookie) {
        AUTO_STRBUF struct strbuf rule = {0};
        if (!bus->up) {
                return -ENOTCONN;
        }
        strbuf_add(&rule, "type='signal'");
        add_rule(&rule, "sender", bus->peer->client ? match->sender : NULL);
        add_rule(&rule, "path", match->path);
        add_rule(&rule, "path_namespace", match->path_namespace);
        add_rule(&rule, "interface", match->interface);
        add_rule(&rule, "member", match->member);
        add_rule(&rule, "arg0", match->arg0);
        const char *text = strbuf_text(&rule);
        return text ? sd_bus_add_match_async(bus->connection, ret, text, handler, NULL, cookie)
                    : -ENOMEM;
}

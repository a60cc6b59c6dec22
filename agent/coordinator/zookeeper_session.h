#pragma once
/* One session with an ensemble of ZooKeeper, in a thread that does nothing else: calls that return
 * when they are over, round the asynchronous ones of libzookeeper. Codes are those of the library:
 * ZOK, ZCONNECTIONLOSS (it is not known whether it was done), ZNONODE, ...
 *
 * The library looks names up in the middle of its turns, and blocks; here that only delays this
 * session, which is then believed in no longer than it should be. */

#include <stdatomic.h>

#include "base/str.h"
#include "coordinator/coordinator.h"
#include "coordinator/zookeeper_library.h"

enum { ZK_USER_MAX = 101 };
enum { ZK_PATH_MAX = 512, ZK_DATA_MAX = 1536, ZK_SERVERS_MAX = 4096, ZK_WRITES = 8 };
enum { ZK_ANY_VERSION = -1 };

struct zk_settings {
        const struct zookeeper_library *library;
        char servers[ZK_SERVERS_MAX]; /* "host:port,host:port" */
        char login[256]; /* "user:password" */
        usec_t timeout; /* that is asked for */
        const atomic_bool *closing; /* ends every wait */
        int wake_fd; /* ends zk_session_wait() */
        usec_t give_up; /* ends every wait; USEC_INFINITY: none */
};

struct zk_session {
        const struct zk_settings *settings;
        zhandle_t *handle; /* NULL: none */
        bool connected; /* at the last turn */
        bool watched; /* a watch has fired since it was last set to false */
        int fd; /* that was connected last */
        usec_t attempt; /* when its connection was begun */
        usec_t handshake; /* the moment of that, once it is connected */
        usec_t heard; /* the leader has extended the session at this moment or later */
        usec_t writes[ZK_WRITES]; /* when the last ones that were completed were sent; a ring */
        unsigned n_writes;
        char why[COORDINATION_WHY_MAX]; /* what the library said last */
        bool nonsense; /* what answered is no ensemble */
};

/* Takes up the session `former`, where it is not NULL. ZOK or ZSYSTEMERROR. */
int zk_session_open(
        struct zk_session *session, const struct zk_settings *settings, const clientid_t *former);
/* Ends the session: what it holds is free at once. */
void zk_session_end(struct zk_session *session);
/* Breaks the connection: what it holds stays until the server gives it up. */
void zk_session_abandon(struct zk_session *session);

/* Serves the connection until `until`, a call of wake_fd, a watch, or a change of its state. False:
 * the session is over (expired, not let in, or nonsense), and only to be closed. */
bool zk_session_wait(struct zk_session *session, usec_t until);
usec_t zk_session_timeout(const struct zk_session *session); /* that was agreed on */

/* Until when the ensemble keeps what this session holds, at least. */
usec_t zk_session_usable_until(const struct zk_session *session);

/* Readable by everybody who knows the login, and by nobody else. `path` may get a number behind it.
 */
int zk_create(struct zk_session *session, const char *path, const char *data, int flags);
int zk_delete(struct zk_session *session, const char *path);
/* `version`: ZBADVERSION unless it is of this one; ZK_ANY_VERSION. */
int zk_set(struct zk_session *session, const char *path, const char *data, int version);
/* `ret_stat` may be NULL; cut to ZK_DATA_MAX. */
int zk_get(struct zk_session *session, const char *path, bool watch, char *ret_data,
        struct Stat *ret_stat);
/* Names, one a line, with a watch. */
int zk_children(struct zk_session *session, const char *path, struct strbuf *ret);
/* Whether anybody at all may change it. */
int zk_is_open(struct zk_session *session, const char *path, bool *ret);

/* Makes an empty node of `path`, and what is above it, where they are missing. `ret_failed`: the
 * path of the one that the code is about; untouched with ZOK. */
int zk_make_path(struct zk_session *session, const char *path, char ret_failed[ZK_PATH_MAX]);

/* Returns the code. Where a person has to mend something `err` says what; it is left alone when
 * only an answer did not come. */
int zk_explain(const struct zk_session *session, int code, const char *path, struct error *err);

#pragma once
/* The highest fencing token that a resource has seen, with the coordinator of recoverd.yaml: the
 * node ROOT/.fence/NAME of ZooKeeper, or such a key of etcd, which holds it as a decimal number. It
 * is only ever changed by compare-and-set, so that hosts that come at the same moment cannot take
 * each other's token back, and it is written even when it stays the same: what a server that is
 * behind the others would read proves nothing.
 *
 * All calls block, in a file system or a name look-up for as long as those do: the caller has a
 * limit of its own. */

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/coordination.h"

enum {
        FENCE_NAME_MAX = 65,
        FENCE_TEXT_MAX = 32,
        FENCE_FOLDER_MAX = 264
}; /* with the terminating zero */

/* Letters, digits and - _ . at most, and no dot at the beginning. -EINVAL. */
int fence_check_name(const char *name);

/* ROOT/.fence */
void fence_folder(const struct coordinator_spec *spec, char ret[FENCE_FOLDER_MAX]);

/* Makes `token` the highest that was seen unless a higher one was; 0 only looks. *ret_seen is what
 * was seen then, 0 for none: the token is refused when that is higher. -ETIMEDOUT: it is not known,
 * and may have been written; -EBADMSG: something else stands there; -EPERM: everybody may change
 * it; -EACCES: this user may not; others for what a person has to mend in the settings. */
int fence_node_pass(const struct coordinator_spec *spec, const char *name, uint64_t token,
        usec_t deadline, uint64_t *ret_seen, struct error *err);

/* ---- What each kind of coordinator does ---- */

struct fence_node; /* heap */

struct fence_node_kind {
        int (*open)(struct fence_node **ret, const struct coordinator_spec *spec, const char *name,
                usec_t deadline, struct error *err);
        void (*close)(struct fence_node *node);
        /* "" and version 0: there is none. -EAGAIN: no answer; `err` says why. */
        int (*read)(struct fence_node *node, char ret_text[FENCE_TEXT_MAX], uint64_t *ret_version,
                struct error *err);
        /* -EAGAIN: no answer, or it is not of this version any more. */
        int (*write)(
                struct fence_node *node, const char *text, uint64_t version, struct error *err);
};

extern const struct fence_node_kind fence_etcd;
extern const struct fence_node_kind fence_zookeeper; /* where it is built in */

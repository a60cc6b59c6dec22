#include "fence/fence_node.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "coordinator/coordinator.h"
#include "fence/fence_file.h"

#define TRY_MIN (500 * USEC_PER_MSEC) /* what is shorter only hides what went wrong before */

static const struct fence_node_kind *const kinds[] = {
#ifdef WITH_ZOOKEEPER
        [COORDINATOR_ZOOKEEPER] = &fence_zookeeper,
#endif
        [COORDINATOR_ETCD] = &fence_etcd,
};

int fence_check_name(const char *name) {
        static const char allowed[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
        size_t length = strlen(name);
        return length == 0 || length >= FENCE_NAME_MAX || *name == '.' ||
                               strspn(name, allowed) != length
                       ? -EINVAL
                       : 0;
}

void fence_folder(const struct coordinator_spec *spec, char ret[FENCE_FOLDER_MAX]) {
        size_t length = str_eq(spec->root, "/") ? 0 : coordinator_setting_length(spec->root);
        (void) snprintf(ret, FENCE_FOLDER_MAX, "%.*s/.fence", (int) (length < 250 ? length : 250),
                spec->root);
}

/* Once. *ret_seen is written only when it is known. */
static int pass_once(const struct fence_node_kind *kind, struct fence_node *node, uint64_t token,
        uint64_t *ret_seen, struct error *err) {
        char text[FENCE_TEXT_MAX] = "";
        uint64_t version = 0, seen = 0;
        int r = kind->read(node, text, &version, err);
        if (r == 0 && version > 0 && fence_parse(text, &seen) < 0) {
                r = error_set(err, EBADMSG,
                        "what the coordinator has there is no fencing token; write the highest "
                        "that was ever used into it");
        }
        if (r == 0 && token > 0 && token >= seen) {
                (void) snprintf(text, sizeof(text), "%" PRIu64, token);
                r = kind->write(node, text, version, err);
                seen = token;
        }
        if (r == 0) {
                *ret_seen = seen;
        }
        return r;
}

int fence_node_pass(const struct coordinator_spec *spec, const char *name, uint64_t token,
        usec_t deadline, uint64_t *ret_seen, struct error *err) {
        const struct fence_node_kind *kind =
                (size_t) spec->kind < ELEMENTSOF(kinds) ? kinds[spec->kind] : NULL;
        struct fence_node *node = NULL;
        if (!kind) {
                return spec->kind == COORDINATOR_LOCAL
                               ? error_set(err, ENOENT, "it has no 'coordinator'")
                               : error_set(err, ENOENT,
                                         "recoverd-fence was built without the coordinator %s",
                                         coordinator_kind_text((enum coordinator_kind) spec->kind));
        }
        int r = kind->open(&node, spec, name, deadline, err);
        if (r < 0) {
                return r;
        }
        do {
                r = pass_once(kind, node, token, ret_seen, err);
        } while (r == -EAGAIN && usec_add(clock_now().mono, TRY_MIN) < deadline);
        kind->close(node);
        return r == -EAGAIN ? -ETIMEDOUT : r;
}

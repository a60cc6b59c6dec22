#include "coordinator/zookeeper_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

/* Of the single-threaded build: the other one makes threads of its own. */
#define LIBRARY "libzookeeper_st.so.2"
#define SYMBOL(name, member)                                                                       \
        { name, offsetof(struct zookeeper_library, member) }

static const struct {
        const char *name;
        size_t offset;
} symbols[] = {
        SYMBOL("zookeeper_init2", init),
        SYMBOL("zookeeper_close", close),
        SYMBOL("zookeeper_interest", interest),
        SYMBOL("zookeeper_process", process),
        SYMBOL("zoo_set_servers_resolution_delay", set_resolution_delay),
        SYMBOL("zoo_state", state),
        SYMBOL("zoo_client_id", client_id),
        SYMBOL("zoo_recv_timeout", timeout),
        SYMBOL("zoo_add_auth", add_auth),
        SYMBOL("zoo_acreate", create),
        SYMBOL("zoo_adelete", remove),
        SYMBOL("zoo_awget", get),
        SYMBOL("zoo_aset", set),
        SYMBOL("zoo_awget_children", children),
        SYMBOL("zoo_aget_acl", get_acl),
        SYMBOL("zerror", error_text),
};

static int find_symbols(void *module, struct zookeeper_library *library, struct error *err) {
        for (size_t i = 0; i < ELEMENTSOF(symbols); i++) {
                void *found = dlsym(module, symbols[i].name);
                if (!found) {
                        return error_set(err, ENOENT, LIBRARY " is older than 3.6: it has no %s",
                                symbols[i].name);
                }
                memcpy((char *) library + symbols[i].offset, &found, sizeof(found));
        }
        return 0;
}

/* In the loop only. */
int zookeeper_library_load(const struct zookeeper_library **ret, struct error *err) {
        static struct zookeeper_library library;
        static bool loaded;
        if (!loaded) {
                void *module = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
                if (!module) {
                        return error_set(err, ENOENT,
                                "the coordinator zookeeper needs " LIBRARY
                                ", which the package recoverd-zookeeper brings: %s",
                                dlerror());
                }
                int r = find_symbols(module, &library, err);
                if (r < 0) {
                        dlclose(module);
                        return r;
                }
                loaded = true;
        }
        *ret = &library;
        return 0;
}

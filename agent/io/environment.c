#include "io/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define STANDARD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

void environment_done(struct environment *environment) {
        for (size_t i = 0; i < environment->count; i++) {
                free(environment->items[i]);
        }
        free(environment->items);
        *environment = (struct environment){0};
}

static char **find(struct environment *environment, const char *key) {
        size_t length = strlen(key);
        for (size_t i = 0; i < environment->count; i++) {
                if (strncmp(environment->items[i], key, length) == 0 &&
                        environment->items[i][length] == '=') {
                        return &environment->items[i];
                }
        }
        return NULL;
}

static bool append(struct environment *environment, char *item) {
        if (environment->count == ENVIRONMENT_MAX) {
                return false;
        }
        char **items = reallocarray(environment->items, environment->count + 2, sizeof(char *));
        if (!items) {
                return false;
        }
        items[environment->count++] = item;
        items[environment->count] = NULL;
        environment->items = items;
        return true;
}

void environment_set(struct environment *environment, const char *key, const char *value) {
        char *item = NULL;
        if (asprintf(&item, "%s=%s", key, value) < 0) {
                environment->failed = true;
                return;
        }
        char **earlier = find(environment, key);
        if (earlier) {
                free(*earlier);
                *earlier = item;
        } else if (!append(environment, item)) {
                environment->failed = true;
                free(item);
        }
}

void environment_set_standard(struct environment *environment, const struct identity *identity) {
        environment_set(environment, "PATH", STANDARD_PATH);
        environment_set(environment, "LANG", "C.UTF-8");
        environment_set(environment, "HOME", identity->home);
        environment_set(environment, "SHELL", identity->shell);
        if (!str_empty(identity->name)) {
                environment_set(environment, "USER", identity->name);
                environment_set(environment, "LOGNAME", identity->name);
        }
}

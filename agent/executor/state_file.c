#include "executor/state_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "model/fields.h"

#define SUFFIX ".state"

#define MEMBER(member, kind) FIELD(struct service_state, member, kind)
#define WORD(key, member, words) FIELD_OF_WORDS(struct service_state, key, member, words)
#define TEXT(member) FIELD_OF_TEXT(struct service_state, member)

static const struct field fields[] = {
        MEMBER(version, FIELD_U32),
        TEXT(service),
        TEXT(boot_id),
        TEXT(invocation),
        TEXT(cgroup),
        MEMBER(starting, FIELD_BOOL),
        MEMBER(running, FIELD_BOOL),
        MEMBER(leftovers, FIELD_BOOL),
        MEMBER(pid, FIELD_INT),
        MEMBER(start_time, FIELD_U64),
        MEMBER(stop_signal, FIELD_INT),
        MEMBER(stop_timeout, FIELD_U64),
        MEMBER(since, FIELD_U64),
        WORD("exit", exit_kind, wire_exit_texts),
        MEMBER(exit_code, FIELD_INT),
        MEMBER(core_dumped, FIELD_BOOL),
        MEMBER(expected, FIELD_BOOL),
        MEMBER(request, FIELD_U64),
        WORD("action", action, action_texts),
        MEMBER(result_request, FIELD_U64),
        MEMBER(result_ok, FIELD_BOOL),
        TEXT(result_text),
        {0},
};

static int state_path(char path[STATE_PATH_MAX], const char *directory, const char *prefix,
        const char *service, struct error *err) {
        int length = snprintf(path, STATE_PATH_MAX, "%s/%s%s" SUFFIX, directory, prefix, service);
        return length < STATE_PATH_MAX ? 0
                                       : error_set(err, ENAMETOOLONG, "%s: too long", directory);
}

static int write_file(const char *path, const char *text, size_t length, struct error *err) {
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
                return error_set_errno(err, errno, "open %s", path);
        }
        ssize_t n = write(fd, text, length);
        if (n != (ssize_t) length) {
                return error_set_errno(err, n < 0 ? errno : ENOSPC, "write %s", path);
        }
        return 0;
}

int state_file_save(const char *directory, const struct service_state *state, struct error *err) {
        char path[STATE_PATH_MAX], temporary[STATE_PATH_MAX], text[STATE_FILE_MAX];
        ssize_t length = fields_write(fields, state, text, sizeof(text));
        if (length < 0) {
                return error_set_errno(err, (int) -length, "state of %s", state->service);
        }
        int r = state_path(path, directory, "", state->service, err);
        if (r < 0 || (r = state_path(temporary, directory, ".", state->service, err)) < 0) {
                return r;
        }
        r = write_file(temporary, text, (size_t) length, err);
        if (r == 0 && rename(temporary, path) < 0) {
                r = error_set_errno(err, errno, "rename %s", temporary);
        }
        if (r < 0) {
                unlink(temporary);
        }
        return r;
}

int state_file_load(
        const char *directory, const char *service, struct service_state *ret, struct error *err) {
        char path[STATE_PATH_MAX], text[STATE_FILE_MAX + 1];
        int r = state_path(path, directory, "", service, err);
        if (r < 0) {
                return r;
        }
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (length < 0) {
                return error_set_errno(err, errno, "%s", path);
        }
        text[length] = '\0';
        struct service_state state = {0};
        r = fields_read(fields, text, &state, err);
        if (r < 0) {
                return error_wrap(err, "%s", path);
        }
        if (state.version != STATE_FILE_VERSION || !str_eq(state.service, service)) {
                return error_set(err, EBADMSG, "%s: of another version or service", path);
        }
        *ret = state;
        return 0;
}

void state_file_remove(const char *directory, const char *service) {
        char path[STATE_PATH_MAX];
        if (state_path(path, directory, "", service, NULL) == 0) {
                unlink(path);
        }
}

/* "web.state" -> "web"; false for anything else, temporary files included. */
static bool service_of_file(const char *file, char service[POLICY_NAME_MAX + 1]) {
        size_t length = strlen(file), suffix = strlen(SUFFIX);
        if (*file == '.' || length <= suffix || length - suffix > POLICY_NAME_MAX ||
                !str_eq(file + length - suffix, SUFFIX)) {
                return false;
        }
        memcpy(service, file, length - suffix);
        service[length - suffix] = '\0';
        return true;
}

static void load_one(const char *directory, const char *service,
        void (*loaded)(void *cookie, const struct service_state *state), void *cookie) {
        struct service_state state;
        struct error err = {0};
        if (state_file_load(directory, service, &state, &err) < 0) {
                log_warning("%s, removing it", err.text);
                state_file_remove(directory, service);
                return;
        }
        loaded(cookie, &state);
}

int state_files_load(const char *directory,
        void (*loaded)(void *cookie, const struct service_state *state), void *cookie) {
        DIR *files = opendir(directory);
        if (!files) {
                return -errno;
        }
        unsigned count = 0;
        for (struct dirent *entry; count < POLICY_SERVICES_MAX && (entry = readdir(files));) {
                char service[POLICY_NAME_MAX + 1];
                if (service_of_file(entry->d_name, service)) {
                        load_one(directory, service, loaded, cookie);
                        count++;
                }
        }
        closedir(files);
        return 0;
}

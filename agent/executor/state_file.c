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
        TEXT(unit),
        MEMBER(unit_unclear, FIELD_BOOL),
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
        MEMBER(out_of_memory, FIELD_BOOL),
        MEMBER(expected, FIELD_BOOL),
        MEMBER(by_person, FIELD_BOOL),
        MEMBER(drained, FIELD_BOOL),
        WORD("role", role, member_role_texts),
        MEMBER(token, FIELD_U64),
        MEMBER(follows, FIELD_U64),
        MEMBER(guard_begin, FIELD_U64),
        MEMBER(guard_deadline, FIELD_U64),
        TEXT(address),
        MEMBER(request, FIELD_U64),
        WORD("action", action, action_texts),
        MEMBER(result_request, FIELD_U64),
        MEMBER(result_ok, FIELD_BOOL),
        MEMBER(result_refused, FIELD_BOOL),
        TEXT(result_text),
        MEMBER(whole, FIELD_BOOL), /* the last one */
        {0},
};

static int state_path(
        char path[STATE_PATH_MAX], const char *directory, const char *service, struct error *err) {
        int length = snprintf(path, STATE_PATH_MAX, "%s/%s" SUFFIX, directory, service);
        return length < STATE_PATH_MAX ? 0
                                       : error_set(err, ENAMETOOLONG, "%s: too long", directory);
}

/* One write of one page over the file that is there: it happens as a whole or not at all, also when
 * this process is killed. A new file in its place by rename() would say the same, but makes ext4
 * write it out, which takes 50 times as long, while a service waits for its start. */
static int write_record(const char *path, const char record[STATE_FILE_SIZE], struct error *err) {
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
                return error_set_errno(err, errno, "open %s", path);
        }
        ssize_t n = pwrite(fd, record, STATE_FILE_SIZE, 0);
        if (n != STATE_FILE_SIZE) {
                return error_set_errno(err, n < 0 ? errno : ENOSPC, "write %s", path);
        }
        return 0;
}

int state_file_save(const char *directory, const struct service_state *state, struct error *err) {
        char path[STATE_PATH_MAX], record[STATE_FILE_SIZE] = {0};
        struct service_state whole = *state;
        whole.whole = true;
        ssize_t length = fields_write(fields, &whole, record, sizeof(record));
        if (length < 0) {
                return error_set_errno(err, (int) -length, "state of %s", state->service);
        }
        int r = state_path(path, directory, state->service, err);
        return r < 0 ? r : write_record(path, record, err);
}

int state_file_load(
        const char *directory, const char *service, struct service_state *ret, struct error *err) {
        char path[STATE_PATH_MAX], text[STATE_FILE_SIZE + 1];
        int r = state_path(path, directory, service, err);
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
        if (!state.whole) {
                return error_set(err, EBADMSG, "%s: not whole", path);
        }
        *ret = state;
        return 0;
}

void state_file_remove(const char *directory, const char *service) {
        char path[STATE_PATH_MAX];
        if (state_path(path, directory, service, NULL) == 0) {
                unlink(path);
        }
}

/* "web.state" -> "web"; false for anything else. */
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

#include "coordinator/coordinator_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/read_full.h"

static int read_text(const char *key, const char *path, char **ret, struct error *err) {
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        AUTO_FREE char *text = calloc(1, COORDINATOR_FILE_MAX + 1);
        if (fd < 0 || !text) {
                return error_set_errno(
                        err, fd < 0 ? errno : ENOMEM, "coordinator: %s %s", key, path);
        }
        ssize_t length = read_full(fd, text, COORDINATOR_FILE_MAX + 1);
        if (length < 0) {
                return error_set_errno(err, (int) -length, "coordinator: %s %s", key, path);
        }
        if (length == 0 || length > COORDINATOR_FILE_MAX) {
                return error_set(err, EINVAL, "coordinator: %s %s is %s", key, path,
                        length == 0 ? "empty" : "too large");
        }
        *ret = TAKE_PTR(text);
        return 0;
}

int coordinator_files_read(
        struct coordinator_files *ret, const struct coordinator_spec *spec, struct error *err) {
        const struct {
                const char *key, *path;
                char **to;
        } rows[] = {{"ca_file", spec->ca_file, &ret->ca},
                {"cert_file", spec->cert_file, &ret->cert}, {"key_file", spec->key_file, &ret->key},
                {"password_file", spec->password_file, &ret->password}};
        int r = 0;
        *ret = (struct coordinator_files){0};
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(rows); i++) {
                r = rows[i].path ? read_text(rows[i].key, rows[i].path, rows[i].to, err) : 0;
        }
        if (r < 0) {
                coordinator_files_done(ret);
        } else if (ret->password) {
                ret->password[strcspn(ret->password, "\r\n")] = '\0';
        }
        return r;
}

static void drop(char **text) {
        if (*text) {
                explicit_bzero(*text, strlen(*text));
        }
        free(*text);
        *text = NULL;
}

static struct http_pem pem_of(const char *text) {
        return (struct http_pem){text, text ? strlen(text) : 0};
}

struct http_tls coordinator_files_tls(const struct coordinator_files *files, const char *ca_file) {
        return (struct http_tls){.authorities = pem_of(files->ca),
                .authorities_file = ca_file,
                .certificate = pem_of(files->cert),
                .key = pem_of(files->key)};
}

void coordinator_files_done(struct coordinator_files *files) {
        drop(&files->ca);
        drop(&files->cert);
        drop(&files->key);
        drop(&files->password);
}

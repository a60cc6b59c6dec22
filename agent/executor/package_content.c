/* The versions of packages, of dpkg or of rpm; exchanged by apt-get or dnf, which are first asked
 * what they would do: a package that the policy does not name is neither installed nor removed for
 * it. */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/content_program.h"
#include "executor/executor.h"
#include "executor/program_content.h"

enum { PACKAGES_MAX = 32, ARGV_MAX = PACKAGES_MAX + 16, WORD_MAX = 256 };

struct package_manager {
        const char *present; /* the program that is there where this manager is */
        const char *const query[6]; /* prints "NAME=VERSION" a line */
        const char *const rehearse[12]; /* prints what would be done */
        const char *const download[12]; /* what install would, and nothing else */
        const char *const install[12];
        char join; /* between name and version */
        const char *const touched[4]; /* how a line begins that names a package after it */
};

static const struct package_manager managers[] = {
        {
                .present = "/usr/bin/dpkg-query",
                .query = {"/usr/bin/dpkg-query", "--show", "--showformat",
                        "${Package}=${Version}\n", "--", NULL},
                .rehearse = {"/usr/bin/apt-get", "--simulate", "--yes", "--allow-downgrades",
                        "--no-remove", "--no-install-recommends", "install", "--", NULL},
                .download = {"/usr/bin/apt-get", "--yes", "--allow-downgrades", "--no-remove",
                        "--no-install-recommends", "--download-only", "install", "--", NULL},
                .install = {"/usr/bin/apt-get", "--yes", "--allow-downgrades", "--no-remove",
                        "--no-install-recommends", "--option", "Dpkg::Options::=--force-confold",
                        "install", "--", NULL},
                .join = '=',
                .touched = {"Inst ", "Remv ", NULL},
        },
        {
                .present = "/usr/bin/rpm",
                .query = {"/usr/bin/rpm", "--query", "--queryformat",
                        "%{NAME}=%{VERSION}-%{RELEASE}\n", NULL},
                .rehearse = {"/usr/bin/dnf", "--assumeno", "--setopt=install_weak_deps=False",
                        "install", NULL},
                .download = {"/usr/bin/dnf", "--assumeyes", "--setopt=install_weak_deps=False",
                        "--downloadonly", "install", NULL},
                .install = {"/usr/bin/dnf", "--assumeyes", "--setopt=install_weak_deps=False",
                        "install", NULL},
                .join = '-',
                .touched = {NULL},
        },
};

struct package_job {
        struct content_job job;
        struct content_program program;
        const struct package_manager *manager;
        char words[PACKAGES_MAX][WORD_MAX]; /* NAME=VERSION, those that differ */
        size_t n_words;
        bool rehearsed, installed;
};

static const struct strings *names_of(const struct package_job *self) {
        return &self->job.request.service->rollback->package;
}

static const struct package_manager *manager_here(void) {
        for (size_t i = 0; i < ELEMENTSOF(managers); i++) {
                if (access(managers[i].present, X_OK) == 0) {
                        return &managers[i];
                }
        }
        return NULL;
}

/* ---- What is there ---- */

/* Its line "NAME=VERSION" in the output of the query; false: it is not installed. */
static bool find_line(const char *output, const char *name, char ret[WORD_MAX]) {
        size_t length = strlen(name);
        for (const char *line = output; *line;) {
                size_t end = strcspn(line, "\n");
                bool found = end > length + 1 && end < WORD_MAX && line[length] == '=' &&
                             strncmp(line, name, length) == 0;
                if (found) {
                        snprintf(ret, WORD_MAX, "%.*s", (int) end, line);
                        return true;
                }
                line += end + (line[end] == '\n');
        }
        return false;
}

static void on_listed(void *cookie, const struct child_result *result) {
        struct package_job *self = cookie;
        struct content_result *ret = &self->job.result;
        size_t length = 0;
        content_program_ended(&self->program);
        for (uint32_t i = 0; i < names_of(self)->count; i++) {
                char word[WORD_MAX];
                if (!find_line(result->output, names_of(self)->items[i], word)) {
                        content_job_fail(&self->job, -ENOENT, "the package %.100s is not installed",
                                names_of(self)->items[i]);
                        return;
                }
                length += (size_t) snprintf(
                        ret->name + length, sizeof(ret->name) - length, "%s%s", i ? " " : "", word);
                if (length >= sizeof(ret->name)) {
                        content_job_fail(&self->job, -ENAMETOOLONG,
                                "the packages and their versions are longer than %zu bytes",
                                sizeof(ret->name) - 1);
                        return;
                }
        }
        if (self->installed && !str_eq(ret->name, self->job.request.to)) {
                content_job_fail(&self->job, -EIO, "the packages are %.150s, and not %.150s",
                        ret->name, self->job.request.to);
                return;
        }
        content_job_end(&self->job);
}

static size_t add_all(const char **argv, size_t n, const char *const *more) {
        while (*more && n < ARGV_MAX - 1) {
                argv[n++] = *more++;
        }
        argv[n] = NULL;
        return n;
}

static int list(struct package_job *self, struct error *err) {
        const char *argv[ARGV_MAX];
        size_t n = add_all(argv, 0, self->manager->query);
        add_all(argv, n, names_of(self)->items);
        return content_program_look(&self->program, &self->job, argv, on_listed, self, err);
}

static int prepare(struct package_job *self, struct error *err) {
        self->manager = manager_here();
        if (!self->manager) {
                return error_set(err, ENOENT, "there is neither dpkg nor rpm");
        }
        if (names_of(self)->count > PACKAGES_MAX) {
                return error_set(err, E2BIG, "more than %d packages", PACKAGES_MAX);
        }
        return 0;
}

static int look(struct content_job *job, struct error *err) {
        struct package_job *self = (struct package_job *) job;
        int r = prepare(self, err);
        return r < 0 ? r : list(self, err);
}

/* ---- Going to other versions ---- */

static void run_install(struct package_job *self, bool rehearse);

/* A line such as "Inst nginx [1.1] (1.0 local)" that names something else. */
static bool is_foreign(const struct package_job *self, const char *line, char ret[WORD_MAX]) {
        for (const char *const *verb = self->manager->touched; *verb; verb++) {
                size_t length = strlen(*verb);
                if (strncmp(line, *verb, length) != 0) {
                        continue;
                }
                snprintf(ret, WORD_MAX, "%.*s", (int) strcspn(line + length, " \n"), line + length);
                for (uint32_t i = 0; i < names_of(self)->count; i++) {
                        if (str_eq(names_of(self)->items[i], ret)) {
                                return false;
                        }
                }
                return true;
        }
        return false;
}

static bool finds_foreign(const struct package_job *self, const char *output, char ret[WORD_MAX]) {
        for (const char *line = output; *line;) {
                if (is_foreign(self, line, ret)) {
                        return true;
                }
                size_t end = strcspn(line, "\n");
                line += end + (line[end] == '\n');
        }
        return false;
}

static void after_rehearsal(struct package_job *self, const struct child_result *result) {
        char other[WORD_MAX];
        self->rehearsed = true;
        if (finds_foreign(self, result->output, other)) {
                content_job_fail(&self->job, -EPERM,
                        "refused: the package %.100s would be changed as well, which the policy does not name",
                        other);
        } else {
                run_install(self, false);
        }
}

static void on_ended(void *cookie, const struct child_result *result) {
        struct package_job *self = cookie;
        const char *path = self->manager->install[0];
        char text[CONTENT_TEXT_MAX];
        struct error err = {0};
        /* dnf has nothing like a simulation: it says what it would do, and no. */
        bool said_no = !self->rehearsed && !*self->manager->touched;
        content_program_ended(&self->program);
        if (!said_no && (result->end != CHILD_EXITED || result->code != 0)) {
                content_program_describe(path, result, text, sizeof(text));
                content_job_fail(&self->job, -EIO, "%s", text);
        } else if (!self->rehearsed) {
                after_rehearsal(self, result);
        } else {
                self->installed = self->job.request.task != CONTENT_PREPARE;
                if (list(self, &err) < 0) {
                        content_job_fail(&self->job, -EIO, "%s", err.text);
                }
        }
}

static int start_install(struct package_job *self, bool rehearse, struct error *err) {
        AUTO(environment_done) struct environment environment = {0};
        static const struct identity own = {.home = "/", .shell = "/bin/sh"};
        const char *argv[ARGV_MAX];
        bool prepare = self->job.request.task == CONTENT_PREPARE;
        size_t n = add_all(argv, 0,
                rehearse  ? self->manager->rehearse
                : prepare ? self->manager->download
                          : self->manager->install);
        for (size_t i = 0; i < self->n_words; i++) {
                const char *word[] = {self->words[i], NULL};
                n = add_all(argv, n, word);
        }
        if (rehearse) {
                return content_program_look(&self->program, &self->job, argv, on_ended, self, err);
        }
        environment_set_standard(&environment, &own);
        environment_set(&environment, "DEBIAN_FRONTEND", "noninteractive");
        return content_program_act(
                &self->program, &self->job, argv, &environment, on_ended, self, err);
}

static void run_install(struct package_job *self, bool rehearse) {
        struct error err = {0};
        if (start_install(self, rehearse, &err) < 0) {
                content_job_fail(&self->job, -EIO, "%s", err.text);
        }
}

static bool has_word(const char *words, const char *word, size_t length) {
        for (const char *at = words; *at;) {
                size_t end = strcspn(at, " ");
                if (end == length && strncmp(at, word, length) == 0) {
                        return true;
                }
                at += end + (at[end] == ' ');
        }
        return false;
}

/* Only what differs is asked for: the others are at the right version already. */
static void choose_words(struct package_job *self) {
        const struct content_request *request = &self->job.request;
        for (const char *at = request->to; *at && self->n_words < PACKAGES_MAX;) {
                size_t end = strcspn(at, " ");
                if (!has_word(request->from, at, end)) {
                        char *word = self->words[self->n_words++];
                        snprintf(word, WORD_MAX, "%.*s", (int) end, at);
                        word[strcspn(word, "=")] = self->manager->join;
                }
                at += end + (at[end] == ' ');
        }
}

static int exchange(struct content_job *job, struct error *err) {
        struct package_job *self = (struct package_job *) job;
        int r = prepare(self, err);
        if (r < 0) {
                return r;
        }
        choose_words(self);
        return start_install(self, true, err);
}

static void release(struct content_job *job) {
        content_program_cancel(&((struct package_job *) job)->program);
}

const struct content_kind package_content = {
        .size = sizeof(struct package_job),
        .start =
                {
                        [CONTENT_LOOK] = look,
                        [CONTENT_PREPARE] = exchange,
                        [CONTENT_EXCHANGE] = exchange,
                        [CONTENT_BACK] = exchange,
                },
        .release = release,
};

#include "executor/checkpoint/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/checkpoint/beneath.h"
#include "executor/checkpoint/scan_refresh.h"
#include "executor/checkpoint/tree_remove.h"

/* One declared path with the folders that the step is between. */
struct step {
        const struct journal_path *path;
        const char *name;
        int home, aside;
};

static void step_done(struct step *step) {
        cleanup_close(&step->home);
        cleanup_close(&step->aside);
}

static int step_open(struct step *step, const struct journal_path *path, struct error *err) {
        *step = (struct step){.path = path,
                .name = path->path + beneath_parent_length(path->path),
                .home = -1,
                .aside = -1};
        step->home = beneath_open_parent(path->path, err);
        if (step->home < 0) {
                return step->home == -ENOENT ? error_set_errno(err, ENOENT, "%s", path->path)
                                             : step->home;
        }
        step->aside = beneath_open(step->home, path->aside, O_RDONLY | O_DIRECTORY);
        return step->aside < 0
                       ? error_set_errno(err, -step->aside, "%s beside %s", path->aside, path->path)
                       : 0;
}

static bool is_there(int folder_fd, const char *name, uint64_t inode) {
        struct stat status;
        return fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
               (inode == 0 || status.st_ino == inode);
}

static bool was_done(const struct step *step) {
        return step->path->change == CHANGE_REMOVED
                       ? is_there(step->aside, step->name, 0)
                       : is_there(step->home, step->name, step->path->inode);
}

static int sync_folder(int folder_fd) {
        AUTO_CLOSE int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* An exchange is its own opposite; the others turn round. */
static int move(const struct step *step, bool forward) {
        bool into = (step->path->change != CHANGE_REMOVED) == forward;
        unsigned flags =
                step->path->change == CHANGE_EXCHANGED ? RENAME_EXCHANGE : RENAME_NOREPLACE;
        int from = into ? step->aside : step->home, to = into ? step->home : step->aside;
        if (was_done(step) != forward && renameat2(from, step->name, to, step->name, flags) < 0) {
                return -errno;
        }
        int r = sync_folder(step->home);
        return r < 0 ? r : sync_folder(step->aside);
}

static int move_one(const struct journal_path *path, bool forward, struct error *err) {
        AUTO(step_done) struct step step;
        if (path->change == CHANGE_NONE) {
                return 0;
        }
        int r = step_open(&step, path, err);
        if (r < 0) {
                return r;
        }
        r = move(&step, forward);
        if (r == -EBUSY) {
                return error_set_errno(err, EBUSY,
                        "exchanging %s, which is a mount point or in use as one", path->path);
        }
        return r < 0 ? error_set_errno(err, -r, "exchanging %s", path->path) : 0;
}

static int move_all(const struct journal *journal, bool forward, struct error *err) {
        int r = 0;
        for (size_t i = 0; i < journal->n_paths && r == 0; i++) {
                r = move_one(&journal->paths[i], forward, err);
        }
        return r;
}

/* ---- What lies aside --------------------------------------------------------------------------
 */

static int clear_one(const struct journal_path *path, struct error *err) {
        AUTO_CLOSE int home =
                path->change == CHANGE_NONE ? -ENOENT : beneath_open_parent(path->path, err);
        if (home < 0) {
                return home == -ENOENT ? 0 : home;
        }
        int r = tree_remove(home, path->aside, err);
        if (r == 0 && (r = sync_folder(home)) < 0) {
                error_set_errno(err, -r, "%s", path->path);
        }
        return r;
}

static int clear(const struct journal *journal, int service_fd, struct error *err) {
        for (size_t i = 0; i < journal->n_paths; i++) {
                int r = clear_one(&journal->paths[i], err);
                if (r < 0) {
                        return r;
                }
        }
        return journal_remove(service_fd, err);
}

int exchange_discard(const struct journal *journal, int service_fd, struct error *err) {
        return clear(journal, service_fd, err);
}

/* ---- Forward and back -------------------------------------------------------------------------
 */

/* The journal says "building" before anything is removed: from then on it cannot be finished. */
static int take_back(struct journal *journal, int service_fd, struct error *err) {
        int r = move_all(journal, false, err);
        journal->phase = JOURNAL_BUILDING;
        r = r < 0 ? r : journal_save(service_fd, journal, err);
        return r < 0 ? r : clear(journal, service_fd, err);
}

int exchange_all(struct journal *journal, int service_fd, struct error *err) {
        struct error second = {0};
        int r = move_all(journal, true, err);
        if (r == 0 || take_back(journal, service_fd, &second) == 0) {
                return r;
        }
        return error_set(err, EINPROGRESS, "%s, and taking it back failed: %s; run recover",
                err ? err->text : "exchanging failed", second.text);
}

int exchange_finish(struct journal *journal, const struct catalog *catalog, struct error *err) {
        struct applied applied = {.at = catalog_now(catalog)};
        str_copy(applied.before, sizeof(applied.before), journal->before);
        str_copy(applied.target, sizeof(applied.target), journal->target);
        int r = applied_save(catalog->fd, &applied, err);
        journal->phase = JOURNAL_DONE;
        r = r < 0 ? r : journal_save(catalog->fd, journal, err);
        if (r == 0) {
                return 0;
        }
        error_wrap(err, "the paths are what they should be, but tidying up failed; run recover");
        return -EINPROGRESS;
}

/* The old trees hold further names of the files that did not change. */
static int clear_old(const struct journal *journal, const struct depot *depot,
        const struct catalog *catalog, struct error *err) {
        struct scan_refresh refresh;
        scan_refresh_begin(&refresh, depot, catalog);
        int r = clear(journal, catalog->fd, err);
        scan_refresh_end(&refresh, depot, catalog);
        return r;
}

static int go_on(struct journal *journal, const struct depot *depot, const struct catalog *catalog,
        const char **ret, struct error *err) {
        int r = exchange_all(journal, catalog->fd, err);
        if (r == 0) {
                *ret = "finished";
                r = exchange_finish(journal, catalog, err);
                return r < 0 ? r : clear_old(journal, depot, catalog, err);
        }
        if (r != -EINPROGRESS) {
                *ret = "taken back";
                return 0;
        }
        return r;
}

int exchange_recover(const struct depot *depot, const struct catalog *catalog, const char **ret,
        struct error *err) {
        AUTO_FREE struct journal *journal = calloc(1, sizeof(*journal));
        *ret = NULL;
        if (!journal) {
                return error_set_errno(err, ENOMEM, "recovering");
        }
        int r = journal_load(catalog->fd, journal, err);
        if (r < 0) {
                return r == -ENOENT ? 0 : r;
        }
        switch (journal->phase) {
        case JOURNAL_BUILDING:
        case JOURNAL_DONE:
                *ret = "cleaned";
                r = clear_old(journal, depot, catalog, err);
                break;
        case JOURNAL_EXCHANGING:
                r = go_on(journal, depot, catalog, ret, err);
                break;
        }
        if (r < 0) {
                error_wrap(err, "%s", catalog->service);
        }
        return r < 0 ? -EINPROGRESS : 0;
}

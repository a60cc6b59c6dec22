#include "control/exporter_auth.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/str.h"
#include "io/worker.h"

enum { SALT_BYTES = 32, DIGEST_BYTES = 32 };

/* A worst-case bcrypt takes a few seconds; one that takes longer is not worth waiting for. */
static const usec_t patience = 30 * USEC_PER_SEC;

struct credentials {
        char text[EXPORTER_AUTH_TEXT_MAX + 1]; /* name NUL password NUL */
        const char *name, *password; /* inside of it */
        size_t length;
};

/* Belongs to the thread while it runs. */
struct hashing {
        char password[EXPORTER_AUTH_TEXT_MAX + 1];
        char hash[64];
        bool known; /* the name is somebody's */
};

struct exporter_auth_check {
        struct list node;
        struct exporter_auth *auth;
        struct worker_task *task;
        unsigned char digest[DIGEST_BYTES]; /* of what is remembered when it is right */
        exporter_auth_done done;
        void *cookie;
};

struct exporter_auth {
        const struct exporter_config *config;
        struct loop *loop;
        struct worker_pool *pool;
        struct list checks;
        unsigned char
                salt[SALT_BYTES]; /* of this process: what is remembered is of no use elsewhere */
        unsigned char cache[EXPORTER_AUTH_CACHE][DIGEST_BYTES];
        size_t n_cached, next; /* the oldest is overwritten */
};

/* ---- The header ----------------------------------------------------------------------------- */

/* RFC 7617: "Basic " and the base64 of "name:password". */
static bool parse_header(const char *header, struct credentials *ret) {
        static const char scheme[] = "Basic ";
        if (!header || strncasecmp(header, scheme, strlen(scheme)) != 0) {
                return false;
        }
        header += strlen(scheme);
        header += strspn(header, " ");
        size_t length = strlen(header);
        if (length == 0 || length % 4 != 0 || length / 4 * 3 > EXPORTER_AUTH_TEXT_MAX) {
                return false;
        }
        int n = EVP_DecodeBlock(
                (unsigned char *) ret->text, (const unsigned char *) header, (int) length);
        if (n < 0) {
                return false;
        }
        ret->length = (size_t) n - (header[length - 1] == '=') - (header[length - 2] == '=');
        ret->text[ret->length] = '\0';
        char *colon = strchr(ret->text, ':');
        if (!colon || strlen(ret->text) != ret->length) { /* a NUL inside */
                return false;
        }
        *colon = '\0';
        ret->name = ret->text;
        ret->password = colon + 1;
        return true;
}

/* ---- What was right before ------------------------------------------------------------------ */

/* Over name, password and hash, so that a changed configuration would not match either. */
static bool digest_of(const struct exporter_auth *auth, const struct credentials *credentials,
        const char *hash, unsigned char digest[DIGEST_BYTES]) {
        unsigned char text[EXPORTER_AUTH_TEXT_MAX + 128];
        size_t length = credentials->length + 1, hash_length = strlen(hash);
        unsigned digest_length = DIGEST_BYTES;
        if (length + hash_length > sizeof(text)) {
                return false;
        }
        memcpy(text, credentials->text, length);
        memcpy(text + length, hash, hash_length);
        bool made = HMAC(EVP_sha256(), auth->salt, sizeof(auth->salt), text, length + hash_length,
                            digest, &digest_length) != NULL;
        OPENSSL_cleanse(text, sizeof(text));
        return made;
}

/* Looks at all of them, however early one matches. */
static bool is_cached(const struct exporter_auth *auth, const unsigned char digest[DIGEST_BYTES]) {
        int found = 0;
        for (size_t i = 0; i < auth->n_cached; i++) {
                found |= CRYPTO_memcmp(auth->cache[i], digest, DIGEST_BYTES) == 0;
        }
        return found != 0;
}

static void remember(struct exporter_auth *auth, const unsigned char digest[DIGEST_BYTES]) {
        if (is_cached(auth, digest)) { /* two requests at the same time */
                return;
        }
        memcpy(auth->cache[auth->next], digest, DIGEST_BYTES);
        auth->next = (auth->next + 1) % EXPORTER_AUTH_CACHE;
        auth->n_cached += auth->n_cached < EXPORTER_AUTH_CACHE;
}

/* ---- In the thread -------------------------------------------------------------------------- */

/* 1: right, 0: wrong. A name that nobody has is hashed like any other. */
static int run_hashing(void *data) {
        struct hashing *hashing = data;
        struct crypt_data *memory = calloc(1, sizeof(*memory)); /* 32 KiB: not on this stack */
        if (!memory) {
                return -ENOMEM;
        }
        const char *hash = crypt_rn(hashing->password, hashing->hash, memory, sizeof(*memory));
        size_t length = strlen(hashing->hash);
        bool equal =
                hash && strlen(hash) == length && CRYPTO_memcmp(hash, hashing->hash, length) == 0;
        OPENSSL_cleanse(memory, sizeof(*memory));
        free(memory);
        return equal && hashing->known;
}

static void release_hashing(void *data) {
        OPENSSL_cleanse(data, sizeof(struct hashing));
        free(data);
}

/* ---- A check -------------------------------------------------------------------------------- */

static void check_free(struct exporter_auth_check *check) {
        list_remove(&check->node);
        free(check);
}

static void on_hashed(void *cookie, int result, void *data) {
        struct exporter_auth_check *check = cookie;
        exporter_auth_done done = check->done;
        void *done_cookie = check->cookie;
        (void) data;
        if (result == 1) {
                remember(check->auth, check->digest);
        }
        check_free(check);
        enum exporter_verdict failed = result == 0 ? EXPORTER_REFUSED : EXPORTER_BUSY;
        done(done_cookie, result == 1 ? EXPORTER_ALLOWED : failed);
}

static const struct exporter_user *find_user(
        const struct exporter_config *config, const char *name) {
        for (size_t i = 0; i < config->n_users; i++) {
                if (str_eq(config->users[i].name, name)) {
                        return &config->users[i];
                }
        }
        return NULL;
}

static struct hashing *new_hashing(const char *password, const char *hash, bool known) {
        struct hashing *hashing = calloc(1, sizeof(*hashing));
        if (hashing) {
                (void) str_copy(hashing->password, sizeof(hashing->password), password);
                (void) str_copy(hashing->hash, sizeof(hashing->hash), hash);
                hashing->known = known;
        }
        return hashing;
}

static int submit(struct exporter_auth_check *check, struct hashing *hashing) {
        struct exporter_auth *auth = check->auth;
        struct worker_job job = {
                .run = run_hashing,
                .release = release_hashing,
                .done = on_hashed,
                .data = hashing,
                .cookie = check,
                .deadline = usec_add(loop_now(auth->loop).mono, patience),
        };
        return worker_submit(auth->pool, &job, &check->task, NULL);
}

static struct exporter_auth_check *new_check(
        struct exporter_auth *auth, exporter_auth_done done, void *cookie) {
        struct exporter_auth_check *check = calloc(1, sizeof(*check));
        if (check) {
                check->auth = auth;
                check->done = done;
                check->cookie = cookie;
                list_append(&auth->checks, &check->node);
        }
        return check;
}

/* Begins to hash what is not remembered; NULL when that is not possible now. */
static struct exporter_auth_check *begin(struct exporter_auth *auth,
        const struct credentials *credentials, const struct exporter_user *user, bool known,
        const unsigned char digest[DIGEST_BYTES], exporter_auth_done done, void *cookie) {
        struct hashing *hashing = new_hashing(credentials->password, user->hash, known);
        struct exporter_auth_check *check = hashing ? new_check(auth, done, cookie) : NULL;
        if (check) {
                memcpy(check->digest, digest, DIGEST_BYTES);
        }
        if (check && submit(check, hashing) == 0) {
                return check;
        }
        if (check) {
                check_free(check);
        }
        if (hashing) {
                release_hashing(hashing);
        }
        return NULL;
}

static enum exporter_verdict judge(struct exporter_auth *auth,
        const struct credentials *credentials, exporter_auth_done done, void *cookie,
        struct exporter_auth_check **ret_check) {
        const struct exporter_user *user = find_user(auth->config, credentials->name);
        bool known = user != NULL;
        unsigned char digest[DIGEST_BYTES];
        if (!known) {
                user = &auth->config->users[0]; /* costs the same, and is never right */
        }
        if (!digest_of(auth, credentials, user->hash, digest)) {
                return EXPORTER_BUSY;
        }
        if (is_cached(auth, digest)) {
                return EXPORTER_ALLOWED;
        }
        struct exporter_auth_check *check =
                begin(auth, credentials, user, known, digest, done, cookie);
        if (!check) {
                return EXPORTER_BUSY;
        }
        *ret_check = check;
        return EXPORTER_PENDING;
}

enum exporter_verdict exporter_auth_check(struct exporter_auth *auth, const char *authorization,
        exporter_auth_done done, void *cookie, struct exporter_auth_check **ret_check) {
        struct credentials credentials;
        *ret_check = NULL;
        if (auth->config->n_users == 0) {
                return EXPORTER_ALLOWED;
        }
        enum exporter_verdict verdict = parse_header(authorization, &credentials)
                                                ? judge(auth, &credentials, done, cookie, ret_check)
                                                : EXPORTER_REFUSED;
        OPENSSL_cleanse(&credentials, sizeof(credentials));
        return verdict;
}

void exporter_auth_cancel(struct exporter_auth_check *check) {
        worker_cancel(check->task);
        check_free(check);
}

/* ---- All of it ------------------------------------------------------------------------------ */

int exporter_auth_new(struct exporter_auth **ret, struct loop *loop,
        const struct exporter_config *config, struct error *err) {
        static const struct worker_limits limits = {
                .name = "web-auth",
                .max_threads = 1,
                .max_queue = EXPORTER_AUTH_QUEUE,
                .max_stuck = 1,
        };
        struct exporter_auth *auth = calloc(1, sizeof(*auth));
        if (!auth) {
                return error_set_errno(err, ENOMEM, "basic authentication");
        }
        list_init(&auth->checks);
        auth->config = config;
        auth->loop = loop;
        int r = getrandom(auth->salt, sizeof(auth->salt), 0) == sizeof(auth->salt) ? 0 : -EIO;
        r = r < 0 ? error_set_errno(err, -r, "getrandom")
                  : worker_pool_new(&auth->pool, loop, &limits, err);
        if (r < 0) {
                exporter_auth_free(auth);
                return r;
        }
        *ret = auth;
        return 0;
}

void exporter_auth_free(struct exporter_auth *auth) {
        if (!auth) {
                return;
        }
        worker_pool_free(auth->pool);
        LIST_FOREACH (node, &auth->checks) {
                check_free(LIST_ENTRY(node, struct exporter_auth_check, node));
        }
        OPENSSL_cleanse(auth, sizeof(*auth));
        free(auth);
}

#pragma once
/* The identities of the files that a checkpoint was made of, kept beside its record so that the
 * next scan need not read them again. Only a cache: whatever is wrong with it, everything is read.
 */

#include "executor/checkpoint/catalog.h"
#include "executor/checkpoint/manifest.h"

#define SCAN_CACHE_NAME "cache"

/* The hash of the manifest that it belongs to. -ENOENT: there is no cache that can be used. */
int scan_cache_of(int service_fd, struct content_hash *ret);
/* Fills in the identities of that manifest. -ENOENT as above. */
int scan_cache_load(int service_fd, struct manifest *manifest);
/* The manifest of the last scan with its identities, when it is still a checkpoint's: then all that
 * it names is in the store. False: there is none, and `ret` stays empty. */
bool scan_cache_load_known(const struct depot *depot, const struct catalog *catalog,
        struct manifest *ret, struct content_hash *ret_hash);
/* `manifest` is what was scanned, `hash` names one with the same entries. */
int scan_cache_save(int service_fd, const struct manifest *manifest,
        const struct content_hash *hash, struct error *err);

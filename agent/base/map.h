#pragma once
/* Hash map from text to pointer. Keys are not copied: they must outlive the map, as the names
 * inside the values do. Hashing is keyed with a random seed (SipHash-2-4 or alike), because keys
 * come from files and peers. */

#include <stdbool.h>
#include <stddef.h>

struct map; /* heap */

struct map *map_new(void);
void map_free(struct map *map); /* accepts NULL; the values are the caller's */
int map_put(struct map *map, const char *key, void *value); /* -EEXIST, -ENOMEM */
void *map_get(const struct map *map, const char *key); /* NULL when absent */
void *map_remove(struct map *map, const char *key);
size_t map_size(const struct map *map);

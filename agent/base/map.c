#include "base/map.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

enum { MAP_FIRST = 16 };

/* Open addressing with linear probing; removal shifts the cluster back, so there are no tombstones.
 */
struct entry {
        const char *key; /* NULL: free */
        void *value;
        uint64_t hash;
};

struct map {
        struct entry *entries;
        size_t capacity; /* a power of two; at most three quarters are used */
        size_t count;
        uint64_t seed[2];
};

static uint64_t rotate(uint64_t x, int bits) {
        return (x << bits) | (x >> (64 - bits));
}

static void sip_round(uint64_t v[4]) {
        v[0] += v[1];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[0] = rotate(v[0], 32);
        v[2] += v[3];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
}

static void sip_compress(uint64_t v[4], uint64_t word) {
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;
}

/* SipHash-2-4 (Aumasson, Bernstein 2012). Words are read in host order: the hash never leaves us.
 */
static uint64_t hash_text(const struct map *map, const char *text) {
        size_t length = strlen(text), left = length;
        uint64_t v[4] = {
                map->seed[0] ^ 0x736f6d6570736575U,
                map->seed[1] ^ 0x646f72616e646f6dU,
                map->seed[0] ^ 0x6c7967656e657261U,
                map->seed[1] ^ 0x7465646279746573U,
        };

        for (; left >= sizeof(uint64_t); left -= sizeof(uint64_t), text += sizeof(uint64_t)) {
                uint64_t word;
                memcpy(&word, text, sizeof(word));
                sip_compress(v, word);
        }
        uint64_t tail = 0;
        memcpy(&tail, text, left);
        sip_compress(v, tail ^ ((uint64_t) length << 56));
        v[2] ^= 0xff;
        for (int i = 0; i < 4; i++) {
                sip_round(v);
        }
        return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *map_new(void) {
        struct map *map = calloc(1, sizeof(*map));
        struct rng rng;

        if (!map) {
                return NULL;
        }
        rng_seed_from_system(&rng);
        map->seed[0] = rng_next(&rng);
        map->seed[1] = rng_next(&rng);
        return map;
}

void map_free(struct map *map) {
        if (map) {
                free(map->entries);
                free(map);
        }
}

/* The entry of the key, or the free one where it belongs. The map has room. */
static struct entry *find(const struct map *map, const char *key, uint64_t hash) {
        size_t mask = map->capacity - 1;
        size_t i = hash & mask;

        while (map->entries[i].key &&
                (map->entries[i].hash != hash || strcmp(map->entries[i].key, key) != 0)) {
                i = (i + 1) & mask;
        }
        return &map->entries[i];
}

static int grow(struct map *map) {
        struct map larger = *map;

        larger.capacity = map->capacity ? map->capacity * 2 : MAP_FIRST;
        larger.entries = calloc(larger.capacity, sizeof(*larger.entries));
        if (!larger.entries) {
                return -ENOMEM;
        }
        for (size_t i = 0; i < map->capacity; i++) {
                const struct entry *entry = &map->entries[i];
                if (entry->key) {
                        *find(&larger, entry->key, entry->hash) = *entry;
                }
        }
        free(map->entries);
        *map = larger;
        return 0;
}

int map_put(struct map *map, const char *key, void *value) {
        if (map->count >= map->capacity / 4 * 3) {
                int r = grow(map);
                if (r < 0) {
                        return r;
                }
        }
        uint64_t hash = hash_text(map, key);
        struct entry *entry = find(map, key, hash);
        if (entry->key) {
                return -EEXIST;
        }
        *entry = (struct entry){.key = key, .value = value, .hash = hash};
        map->count++;
        return 0;
}

void *map_get(const struct map *map, const char *key) {
        if (map->count == 0) {
                return NULL;
        }
        return find(map, key, hash_text(map, key))->value; /* NULL in a free entry */
}

/* Moves every later entry of the cluster that may not stay behind the hole into it. */
static void close_hole(struct map *map, size_t hole) {
        size_t mask = map->capacity - 1;

        for (size_t i = (hole + 1) & mask; map->entries[i].key; i = (i + 1) & mask) {
                size_t home = map->entries[i].hash & mask;
                if (((i - home) & mask) >= ((i - hole) & mask)) {
                        map->entries[hole] = map->entries[i];
                        hole = i;
                }
        }
        map->entries[hole] = (struct entry){0};
}

void *map_remove(struct map *map, const char *key) {
        if (map->count == 0) {
                return NULL;
        }
        struct entry *entry = find(map, key, hash_text(map, key));
        if (!entry->key) {
                return NULL;
        }
        void *value = entry->value;
        close_hole(map, (size_t) (entry - map->entries));
        map->count--;
        return value;
}

size_t map_size(const struct map *map) {
        return map->count;
}

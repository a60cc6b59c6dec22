#pragma once
/* Fails one allocation of the code under test, then the next, until it gets through without: each
 * failure must come back as an error, leak nothing and break nothing, which the sanitizers see. The
 * program is linked with --wrap options, as in agent/policy/CMakeLists.txt, so that allocations
 * of our own code go through the functions below; those of libraries do not. */

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/arena.h"
#include "unit_test.h"

enum { TORTURE_ALLOCATIONS_MAX = 200000 }; /* of one case; more of them are a loop without end */

static size_t torture_left; /* allocations until the one that fails; 0: none fails */
static bool torture_failed;

static inline bool torture_fails(void) {
        if (torture_left == 0 || --torture_left > 0) {
                return false;
        }
        torture_failed = true;
        return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size) {
        return torture_fails() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size) {
        return torture_fails() ? NULL : __real_calloc(count, size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_realloc(void *old, size_t size) {
        return torture_fails() ? NULL : __real_realloc(old, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

char *__wrap_strdup(const char *text) {
        return torture_fails() ? NULL : __real_strdup(text);
}

/* A chunk of an arena serves many: each piece of it can fail, too. */
void *__real_arena_alloc(struct arena *arena, size_t size);
void *__wrap_arena_alloc(struct arena *arena, size_t size);

void *__wrap_arena_alloc(struct arena *arena, size_t size) {
        return torture_fails() ? NULL : __real_arena_alloc(arena, size);
}

void *__real_arena_alloc_array(struct arena *arena, size_t count, size_t size);
void *__wrap_arena_alloc_array(struct arena *arena, size_t count, size_t size);

void *__wrap_arena_alloc_array(struct arena *arena, size_t count, size_t size) {
        return torture_fails() ? NULL : __real_arena_alloc_array(arena, count, size);
}

char *__real_arena_strdup(struct arena *arena, const char *text);
char *__wrap_arena_strdup(struct arena *arena, const char *text);

char *__wrap_arena_strdup(struct arena *arena, const char *text) {
        return torture_fails() ? NULL : __real_arena_strdup(arena, text);
}

char *__real_arena_strndup(struct arena *arena, const char *text, size_t length);
char *__wrap_arena_strndup(struct arena *arena, const char *text, size_t length);

char *__wrap_arena_strndup(struct arena *arena, const char *text, size_t length) {
        return torture_fails() ? NULL : __real_arena_strndup(arena, text, length);
}

/* Calls `once` with the n-th allocation failing, for n from 1 until none was left to fail. `once`
 * returns whether it got through, and checks by itself that it failed in order when it did not.
 * Returns how many allocations there were. */
static inline size_t torture(bool (*once)(void *cookie), void *cookie) {
        for (size_t n = 1; n < TORTURE_ALLOCATIONS_MAX; n++) {
                torture_left = n;
                torture_failed = false;
                bool through = once(cookie);
                torture_left = 0;
                if (!torture_failed) {
                        assert_true(through);
                        return n - 1;
                }
        }
        fail_msg("more than %d allocations", TORTURE_ALLOCATIONS_MAX);
        return 0;
}

#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum {
        CHUNK_FIRST = 64 * 1024,
        CHUNK_MAX =
                1024 * 1024, /* chunks double up to this; only larger requests get larger ones */
        ALIGNMENT = _Alignof(max_align_t),
};

/* At the start of its own mapping. */
struct chunk {
        struct chunk *next;
        size_t size, used; /* with this header */
};

/* Inside the first chunk, behind its header. */
struct arena {
        struct chunk *chunks; /* the newest first: the one that is filled */
        size_t size;
};

static size_t aligned(size_t size) {
        return (size + ALIGNMENT - 1) & ~((size_t) ALIGNMENT - 1);
}

static struct chunk *chunk_map(size_t size) {
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
                return NULL;
        }
        struct chunk *chunk = memory;
        chunk->size = size;
        chunk->used = aligned(sizeof(*chunk));
        return chunk;
}

/* `size` is aligned. Mapped memory is zeroed, and no byte is handed out twice. */
static void *chunk_take(struct chunk *chunk, size_t size) {
        if (size > chunk->size - chunk->used) {
                return NULL;
        }
        void *memory = (char *) chunk + chunk->used;
        chunk->used += size;
        return memory;
}

struct arena *arena_new(void) {
        struct chunk *chunk = chunk_map(CHUNK_FIRST);
        if (!chunk) {
                return NULL;
        }
        struct arena *arena = chunk_take(chunk, aligned(sizeof(*arena)));
        arena->chunks = chunk;
        arena->size = chunk->size;
        return arena;
}

void arena_free(struct arena *arena) {
        struct chunk *chunk = arena ? arena->chunks : NULL;

        while (chunk) {
                struct chunk *next = chunk->next;
                munmap(chunk, chunk->size);
                chunk = next;
        }
}

static size_t next_chunk_size(const struct arena *arena, size_t needed) {
        size_t size = arena->chunks->size >= CHUNK_MAX / 2 ? CHUNK_MAX : arena->chunks->size * 2;
        while (size < needed) {
                size *= 2;
        }
        return size;
}

void *arena_alloc(struct arena *arena, size_t size) {
        if (size > SIZE_MAX / 4) {
                return NULL;
        }
        size = aligned(size ? size : 1);
        void *memory = chunk_take(arena->chunks, size);
        if (memory) {
                return memory;
        }
        struct chunk *chunk =
                chunk_map(next_chunk_size(arena, size + aligned(sizeof(struct chunk))));
        if (!chunk) {
                return NULL;
        }
        chunk->next = arena->chunks;
        arena->chunks = chunk;
        arena->size += chunk->size;
        return chunk_take(chunk, size);
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size) {
        size_t bytes;

        if (__builtin_mul_overflow(count, size, &bytes)) {
                return NULL;
        }
        return arena_alloc(arena, bytes);
}

/* `length` bytes of text, terminated. */
static char *copy_text(struct arena *arena, const char *text, size_t length) {
        char *copy = arena_alloc(arena, length + 1);
        if (copy) {
                memcpy(copy, text, length); /* the terminator is there: memory is zeroed */
        }
        return copy;
}

char *arena_strdup(struct arena *arena, const char *text) {
        return copy_text(arena, text, strlen(text));
}

char *arena_strndup(struct arena *arena, const char *text, size_t length) {
        return copy_text(arena, text, strnlen(text, length));
}

char *arena_printf(struct arena *arena, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        int length = vsnprintf(NULL, 0, format, arguments);
        va_end(arguments);
        char *text = length < 0 ? NULL : arena_alloc(arena, (size_t) length + 1);
        if (text) {
                va_start(arguments, format);
                (void) vsnprintf(text, (size_t) length + 1, format, arguments);
                va_end(arguments);
        }
        return text;
}

size_t arena_size(const struct arena *arena) {
        return arena->size;
}

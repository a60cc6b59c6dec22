#pragma once
/* Memory that lives and dies together. Large chunks are mapped, so freeing an arena returns them to
 * the system at once. Every pointer is aligned for any type and zeroed. */

#include <stddef.h>

struct arena;

struct arena *arena_new(void); /* NULL when out of memory */
void arena_free(struct arena *arena); /* accepts NULL */
void *arena_alloc(struct arena *arena, size_t size); /* NULL when out of memory */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size); /* overflow: NULL */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
size_t arena_size(const struct arena *arena); /* bytes taken from the system */

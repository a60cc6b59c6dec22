#pragma once
/* What recoverd-checkpoint says of a difference, as lines for a person, a summary, and a moment. */

#include <json-c/json.h>
#include <stddef.h>

#include "base/clock.h"

/* "changed /etc/nginx/nginx.conf (content)" and its diff below, one line each, as many as fit. */
void content_lines_of(struct json_object *diff, char *ret, size_t size);

/* "/etc/nginx/nginx.conf and 1 more changed". "" for no difference. */
void content_lines_summary(struct json_object *diff, char *ret, size_t size);

/* When the newest change was made; 0: it does not say. */
wall_usec_t content_lines_since(struct json_object *diff);

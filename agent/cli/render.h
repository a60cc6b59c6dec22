#pragma once
/* The agent's answers as text for people. */

#include <json-c/json.h>

#include "cli/terminal.h"

/* Colour of a service's state. `service` is an object of GET /v1/status or /v1/why. */
enum paint render_state_paint(struct json_object *service);

/* Colour of a probe's outcome or health, of an attempt's result or an incident's end. */
enum paint render_word_paint(const char *word);

void render_status(struct json_object *status, const struct terminal *terminal, struct strbuf *out);
/* Members of a group: cmd_group.c. */
void render_why_group(
        struct json_object *json, const struct terminal *terminal, struct strbuf *out);
/* render_pool.c */
void render_pools(struct json_object *pools, const struct terminal *terminal, struct strbuf *out);
void render_why_pool(struct json_object *pool, const struct terminal *terminal, struct strbuf *out);
void render_why(struct json_object *why, const struct terminal *terminal, struct strbuf *out);
void render_incidents(
        struct json_object *answer, const struct terminal *terminal, struct strbuf *out);
void render_evidence(
        struct json_object *answer, const struct terminal *terminal, struct strbuf *out);
void render_incident(
        struct json_object *answer, const struct terminal *terminal, struct strbuf *out);
void render_probed(struct json_object *answer, const struct terminal *terminal, struct strbuf *out);

/* A heading and its text, both on a line of their own. */
void render_heading(const struct terminal *terminal, struct strbuf *out, const char *heading);
/* Text broken at blanks to the width of the terminal (at most 100 columns). */
void render_paragraph(const struct terminal *terminal, struct strbuf *out, const char *text);

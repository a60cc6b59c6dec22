#pragma once
/* What all subcommands that talk to the agent have in common. */

#include "cli/agent_client.h"
#include "cli/command.h"

/* Asks, and says on standard error what went wrong. EXIT_DONE: `ret` is a good answer, the caller's
 * to free. With
 * --json a refusal is printed as the object that it is. */
int session_ask(const struct invocation *invocation, const char *path, struct json_object *body,
        long timeout_seconds, struct agent_reply *ret);

/* Asks for a page and prints it: as it came with --json, else through `render`. A path that ran out
 * of memory is complained about. Returns an exit status. */
typedef void (*session_render)(
        struct json_object *json, const struct terminal *terminal, struct strbuf *out);
int session_show(
        const struct invocation *invocation, const struct strbuf *path, session_render render);

/* The same for an order: with a body, which stays the caller's. */
int session_send(const struct invocation *invocation, const char *path, struct json_object *body,
        session_render render);

/* The member "text" of an answer, as a line. */
void session_render_text(
        struct json_object *json, const struct terminal *terminal, struct strbuf *out);

/* {"service": ..., "by": ...} on the heap; NULL when out of memory. `service` may be NULL. */
struct json_object *session_body(const char *service);

/* The same for "checkout/health", with the member "probe", or for "checkout". */
struct json_object *session_body_of_probe(const char *argument);

/* Adds a member; a failure shows in the return value (-ENOMEM). */
int session_put(struct json_object *body, const char *key, struct json_object *value);

/* Prints an object, indented. Returns `status`, or EXIT_NO when it could not be written. */
int session_print_json(struct json_object *json, int status);

/* Prints a buffer. The same. */
int session_print(const struct strbuf *out, int status);

/* "recoverctl: ..." on standard error. Returns EXIT_NO. */
int session_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define AUTO_JSON AUTO(session_cleanup_json)
#define AUTO_REPLY AUTO(agent_reply_done)
void session_cleanup_json(struct json_object **json);

#pragma once
/* The subcommands of recoverctl: one row and one file each. */

#include <stdbool.h>
#include <stddef.h>

#include "cli/terminal.h"

enum exit_status {
        EXIT_DONE = 0,
        EXIT_NO = 1, /* the answer is no: a check failed, a service is down */
        EXIT_USAGE = 2, /* the command line is wrong, or names what does not exist */
        EXIT_NO_AGENT = 3, /* nobody answers at the socket */
};

enum { ARGUMENTS_MAX = 1024, USAGE_COLUMNS = 18 };

/* What the command line said. */
struct invocation {
        const struct command *command;
        struct terminal terminal;
        const char *socket, *duration, *reason, *limit, *before, *config, *status, *token_file,
                *faults, *seed, *against, *explain, *trace, *interval, *fall, *rise, *suspect_self,
                *shortly, *replay, *from, *to;
        bool json, help, watch, all, failed, timeline, strict, evidence, undo, dry_run;
        const char *arguments[ARGUMENTS_MAX];
        size_t n_arguments;
};

struct option_spec {
        const char *name; /* without dashes; ends the table when NULL */
        char letter; /* 0: none */
        const char *value; /* its name in the help; NULL: the option is a flag */
        const char *help;
        size_t offset; /* into struct invocation: bool, or const char * */
};

struct command {
        const char *name; /* ends the table when NULL */
        const char *arguments; /* as in the usage line */
        size_t least, most; /* how many arguments */
        const char *summary;
        const char *details; /* paragraphs and examples, each line ended */
        const struct option_spec *options; /* NULL: only the common ones */
        bool hidden;
        int (*run)(struct invocation *invocation);
};

extern const struct command commands[];
extern const struct option_spec common_options[];

/* NULL when there is none. */
const struct command *command_find(const char *name);
/* The command with the most similar name; NULL when none is similar. */
const struct command *command_similar(const char *name);

/* Fills the invocation from what follows the name of the command. EXIT_USAGE with one line in
 * `why`. */
enum { WHY_MAX = 256 };
int command_parse(const struct command *command, int argc, char **argv, struct invocation *ret,
        char why[WHY_MAX]);

void command_help(
        const struct command *command, const struct terminal *terminal, struct strbuf *out);
void command_overview(const struct terminal *terminal, struct strbuf *out);

/* The whole program; returns the exit status. */
int recoverctl_run(int argc, char **argv);

/* ---- One a file ---- */

int run_check(struct invocation *invocation);
int run_status(struct invocation *invocation);
int run_why(struct invocation *invocation);
int run_incidents(struct invocation *invocation);
int run_incident(struct invocation *invocation);
int run_heartbeat(struct invocation *invocation);
int run_probe(struct invocation *invocation);
int run_pause(struct invocation *invocation);
int run_resume(struct invocation *invocation);
int run_hold(struct invocation *invocation);
int run_release(struct invocation *invocation);
int run_order(struct invocation *invocation); /* ack, restart, rollback, start, stop */
int run_checkpoint(struct invocation *invocation);
int run_init(struct invocation *invocation);
int run_reload(struct invocation *invocation);
int run_replay(struct invocation *invocation);
int run_record(struct invocation *invocation);
int run_simulate(struct invocation *invocation);
int run_group(struct invocation *invocation);
int run_failover(struct invocation *invocation);
int run_generate(struct invocation *invocation);
int run_names(struct invocation *invocation);

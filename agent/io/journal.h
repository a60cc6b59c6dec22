#pragma once
/* The log sink of a process that may run under systemd: structured records by journald's native
 * protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL), else lines on standard error. Never
 * blocks: records that a stuck journald does not take are dropped and counted. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Whether standard error is connected to the journal: $JOURNAL_STREAM names its device and inode.
 */
bool journal_on_stderr(void);
/* Installs the fitting sink under this name (not copied). When the journal cannot be reached the
 * records go to standard error; that is not an error. */
void journal_install(const char *name);

/* The parts, for tests and for other destinations. */
struct journal;
/* The name is not copied. */
int journal_open(
        struct journal **ret, const char *socket_path, const char *name, struct error *err);
void journal_close(struct journal *journal); /* accepts NULL */
void journal_sink(void *cookie, const struct log_record *record); /* a log_sink; cookie: journal */
uint64_t journal_dropped(const struct journal *journal);

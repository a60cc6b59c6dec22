#pragma once
/* Values of policy files that no general kind covers: parsers (see schema_parse) and their
 * patterns. */

#include "model/schema.h"

#define PATTERN_FACTOR "^[0-9]+([.][0-9]+)?$"
#define PATTERN_UMASK "^0?[0-7]{1,3}$"
#define PATTERN_SIGNAL "^(SIG)?(TERM|QUIT|INT|HUP|USR1|USR2|WINCH|KILL|ABRT)$"
#define PATTERN_REQUIRE "^(all|any|[1-9][0-9]*)$"
#define PATTERN_UNIT                                                                               \
        "^[A-Za-z0-9:_.\\\\-][A-Za-z0-9:_.\\\\@-]*\\."                                             \
        "(service|socket|target|timer|path|mount|automount|swap|slice|scope|device)$"
#define PATTERN_OCF "^[A-Za-z0-9][A-Za-z0-9_.-]*:[A-Za-z0-9][A-Za-z0-9_.-]*$"
#define PATTERN_ADDRESS "^[0-9A-Fa-f:.]+/[0-9]{1,3} dev [^ /]{1,15}$"
#define PATTERN_LISTEN "^(none|([0-9.]+|\\[[0-9A-Fa-f:.]+\\]|localhost):[0-9]{1,5})$"

#define PATTERN_PEER "^([0-9.]+|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$"

int parse_factor(
        const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]); /* double */
int parse_umask(
        const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]); /* uint32_t */
int parse_signal(
        const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]); /* int */
int parse_require(
        const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]); /* uint32_t */
int parse_unit(const char *text, void *to, struct arena *arena,
        char why[SCHEMA_WHY_MAX]); /* const char * */
int parse_ocf(const char *text, void *to, struct arena *arena,
        char why[SCHEMA_WHY_MAX]); /* const char * */
const char *hint_ocf(const char *text, char *hint, size_t size); /* see schema_field.hint */
int parse_listen(const char *text, void *to, struct arena *arena,
        char why[SCHEMA_WHY_MAX]); /* const char * */
int parse_peer(const char *text, void *to, struct arena *arena,
        char why[SCHEMA_WHY_MAX]); /* const char * */
int parse_address(const char *text, void *to, struct arena *arena,
        char why[SCHEMA_WHY_MAX]); /* struct address_spec */

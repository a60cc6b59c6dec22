#pragma once
/* All SQL that runs more than once. Values are always bound, never part of the text. */

enum store_statement {
        STORE_BEGIN,
        STORE_COMMIT,
        STORE_ROLLBACK,
        STORE_SAVE_SERVICE,
        STORE_FORGET_SERVICE,
        STORE_SAVE_HOST,
        STORE_TOUCH, /* a write that means nothing, to learn whether writing works */
        STORE_FORGET_SPENT,
        STORE_ADD_SPENT,
        STORE_SAVE_INCIDENT,
        STORE_SAVE_ATTEMPT,
        STORE_ADD_EVENT,
        STORE_COUNT_SERVICES,
        STORE_LOAD_SERVICES,
        STORE_LOAD_HOST,
        STORE_LOAD_SPENT,
        STORE_COUNT_OPEN,
        STORE_LOAD_OPEN,
        STORE_LAST_INCIDENT,
        STORE_QUERY_INCIDENTS,
        STORE_QUERY_INCIDENTS_OF,
        STORE_QUERY_INCIDENT,
        STORE_QUERY_ATTEMPTS,
        STORE_QUERY_EVENTS,
        STORE_OLD_INCIDENTS,
        STORE_DELETE_INCIDENT,
        STORE_DELETE_ATTEMPTS,
        STORE_DELETE_EVENTS,
        STORE_TRIM_ATTEMPTS,
        STORE_TRIM_EVENTS,
        STORE_VACUUM,
        STORE_STATEMENT_COUNT,
};

extern const char *const store_statement_texts[STORE_STATEMENT_COUNT];

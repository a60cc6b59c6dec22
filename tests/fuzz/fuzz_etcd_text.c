/* Answers of etcd, and the record of a lease in a file: whatever is read. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "coordinator/etcd_text.h"
#include "coordinator/lease_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct etcd_keys keys;

static void read_answers(const char *text) {
        uint64_t a, b;
        bool succeeded;
        char token[64];
        (void) etcd_parse_grant(text, &a, &b, NULL);
        (void) etcd_parse_keepalive(text, &a, NULL);
        (void) etcd_parse_range(text, &keys, NULL);
        (void) etcd_parse_txn(text, &succeeded, NULL);
        (void) etcd_parse_token(text, token, sizeof(token), NULL);
        etcd_parse_error(text, token, sizeof(token));
}

/* What was read can be written and read again, and is the same. */
static void read_record(const char *text) {
        struct lease_record record, again;
        AUTO_FREE char *first = NULL, *second = NULL;
        if (lease_record_parse(text, &record, NULL) < 0) {
                return;
        }
        assert(lease_record_format(&record, &first) == 0);
        assert(lease_record_parse(first, &again, NULL) == 0);
        assert(lease_record_format(&again, &second) == 0);
        assert(strcmp(first, second) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        AUTO_FREE char *text = calloc(1, size + 1);
        if (text) {
                memcpy(text, data, size);
                read_answers(text);
                read_record(text);
        }
        return 0;
}

#pragma once
/* The certificate probe, shared by its files: certificate.c has the options and the runs,
 * certificate_examine.c what is found in certificates. */

#include <openssl/x509.h>

#include "probes/offload.h"
#include "probes/probe.h"
#include "probes/tcp_params.h"

enum { CERTIFICATE_HTTPS_PORT = 443 }; /* of an address without port */

struct certificate_params {
        const char *file; /* NULL: those of the server */
        struct tcp_address address;
        int starttls; /* enum protocol_kind; PROTOCOL_NONE: TLS from the first byte */
        usec_t min_left;
        const char *server_name; /* NULL: the host; of a file, none */
        const char *key_file, *ca_file; /* NULL: none */
        bool chain;
};

/* One examination; touches nothing else, so that it can be made in a thread. */
struct certificate_job {
        char *file, *key_file, *ca_file; /* owned; NULL: none */
        char *name; /* owned; to be valid for; NULL: any */
        bool chain; /* has to lead to an authority */
        usec_t min_left;
        wall_usec_t now;
        STACK_OF(X509) * certificates; /* owned; of the server, as long as there is no file */
        struct probe_result result;
};

/* Of a run at `now`. NULL: out of memory. */
struct certificate_job *certificate_job_new(
        const struct certificate_params *params, wall_usec_t now);
void certificate_job_free(void *data); /* a job, as a void * for offload; accepts NULL */

/* Concludes job->result. `call` may be NULL when no file has to be read: neither a file of
 * certificates, nor of a key, nor of authorities. */
void certificate_examine(struct offload *call, struct certificate_job *job);

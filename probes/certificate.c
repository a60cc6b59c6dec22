/* The certificate probe: how long the certificates in a file or of a server are still valid, and
 * whether they are right. A server's are taken from a handshake of the TCP probe's, which is not
 * ended by what is wrong with them; what reads files is done in a worker thread. */

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "probes/certificate_file.h"
#include "probes/certificate_probe.h"
#include "probes/offload_run.h"
#include "probes/tcp_run.h"
#include "probes/types.h"

/* ---- options ---- */

static const struct enum_text starttls_texts[] = {
        {PROTOCOL_SMTP, "smtp", "STARTTLS, on port 25 unless given."},
        {PROTOCOL_IMAP, "imap", "STARTTLS, on port 143 unless given."},
        {PROTOCOL_LDAP, "ldap", "The StartTLS operation, on port 389 unless given."},
        {PROTOCOL_POSTGRESQL, "postgresql", "SSLRequest, on port 5432 unless given."},
        {PROTOCOL_MYSQL, "mysql", "MySQL and MariaDB, on port 3306 unless given."},
        {0},
};

static bool has_address(const struct certificate_params *params) {
        return params->address.host || params->address.unix_path;
}

static void check_certificate(const void *object, struct schema_report *report) {
        const struct certificate_params *params = object;
        if (params->file && has_address(params)) {
                schema_complain(report, "address", "give either file or address");
        } else if (!params->file && !has_address(params)) {
                schema_complain(report, NULL, "give file, or the address of a server");
        }
        if (params->key_file && !params->file) {
                schema_complain(report, "key_file", "key_file needs file: a server keeps its key");
        }
        if (params->starttls && params->file) {
                schema_complain(report, "starttls", "starttls needs address");
        }
}

#define AT(member) offsetof(struct certificate_params, member)

static const struct schema_field certificate_fields[] = {
        {"file", SCHEMA_PATH, AT(file), .example = "/etc/ssl/shop.pem",
                .help = "File with a certificate or several, in PEM or DER, of at most 1MiB. This or "
                        "address."},
        {"address", SCHEMA_CUSTOM, AT(address), .example = "shop.example:443",
                .parse = tcp_parse_address, .single = true,
                .pattern = "^(unix:/.+|(\\[.+\\]|[^:/\\[\\]]+)(:[0-9]+)?)$",
                .help = "Server to ask over TLS: host:port, [v6]:port or unix:/path; port 443 unless "
                        "given."},
        {"starttls", SCHEMA_ENUM, AT(starttls), .example = "smtp", .words = starttls_texts,
                .with = "address: mail.shop.example",
                .help = "The server begins in clear, and TLS is agreed on in this protocol."},
        {"min_left", SCHEMA_DURATION, AT(min_left), .standard = "14d", .most = "3650d",
                .example = "30d", .with = "file: /etc/ssl/shop.pem",
                .help = "Degraded when one of the certificates expires sooner; 0: when it is expired, it "
                        "fails."},
        {"server_name", SCHEMA_STRING, AT(server_name), .example = "shop.example",
                .with = "address: 192.0.2.10:443",
                .help = "Name or address that the first certificate has to be for; a server is asked for "
                        "it. Standard: the host of the address; any, of a file."},
        {"chain", SCHEMA_BOOL, AT(chain), .standard = "false", .example = "true",
                .with = "address: shop.example:443",
                .help = "The certificates have to lead to an authority that the system trusts."},
        {"ca_file", SCHEMA_PATH, AT(ca_file), .example = "/etc/ssl/shop-ca.pem",
                .with = "address: shop.example:443",
                .help = "PEM file with the authorities that they have to lead to instead."},
        {"key_file", SCHEMA_PATH, AT(key_file), .example = "/etc/ssl/private/shop.key",
                .with = "file: /etc/ssl/shop.pem",
                .help = "File with the private key, in PEM or DER, that has to belong to the first "
                        "certificate."},
        {NULL},
};

const struct schema certificate_schema = {
        .name = "certificate probe",
        .help = "Watches certificates in a file or of a server: how long they are valid, for which name, "
                "their chain and their key.",
        .size = sizeof(struct certificate_params),
        .fields = certificate_fields,
        .check = check_certificate,
};

/* ---- a run ---- */

struct certificate_state {
        struct tcp_state tcp;
        struct offload_run work;
};

struct certificate_run {
        struct certificate_job *job; /* until it is examined */
        bool connecting;
        /* The connection is a run of the TCP probe, with parameters made of ours. */
        struct probe_run connection;
        struct probe_spec spec;
        struct tcp_params params;
        struct tcp_tls_params tls;
        struct tcp_run tcp;
};

static void measure(struct offload *call, void *data) {
        certificate_examine(call, data);
        OPENSSL_thread_stop(); /* what it keeps for this thread, which ends when it is idle */
}

static void judge(struct probe_run *run, void *data, struct probe_result *result) {
        (void) run;
        *result = ((const struct certificate_job *) data)->result;
}

static const struct offload_run_kind kind = {
        .measure = measure,
        .release = certificate_job_free,
        .judge = judge,
        .no_thread = "no thread was free to read the certificates: other disks hang",
};

static void examine_here(struct probe_run *run, struct certificate_job *job) {
        certificate_examine(NULL, job);
        struct probe_result result = job->result;
        certificate_job_free(job);
        probe_run_finish(run, &result);
}

/* Dates and names take no time; files and signatures may. */
static void examine(struct probe_run *run) {
        const struct certificate_params *params = run->spec->params;
        struct certificate_state *state = run->state;
        struct certificate_run *room = run->room;
        struct certificate_job *job = TAKE_PTR(room->job);
        const char *file = params->file      ? params->file
                           : params->ca_file ? params->ca_file
                                             : X509_get_default_cert_dir();
        if (job->file || job->chain) {
                offload_run_start(&state->work, run, &kind, job, file);
        } else {
                examine_here(run, job);
        }
}

/* ---- of a server ---- */

/* The session is not needed any longer once the certificates are there. */
static int on_secured(struct probe_run *connection) {
        const struct probe_run *run = connection->cookie;
        struct certificate_run *room = run->room;
        STACK_OF(X509) *shown = SSL_get_peer_cert_chain(room->tcp.stream.tls);
        room->job->certificates = shown ? X509_chain_up_ref(shown) : NULL;
        if (!shown) {
                probe_conclude(tcp_result(connection), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                        "the server shows no certificate");
        } else if (!room->job->certificates) {
                probe_conclude(
                        tcp_result(connection), OUTCOME_UNKNOWN, CAUSE_NONE, "out of memory");
        }
        return -ECANCELED;
}

static void on_connection_over(struct probe_run *connection, const struct probe_result *result) {
        struct probe_run *run = connection->cookie;
        struct certificate_run *room = run->room;
        room->connecting = false;
        if (room->job->certificates) {
                examine(run);
        } else {
                certificate_job_free(TAKE_PTR(room->job));
                probe_run_finish(run, result);
        }
}

static void fill_connection_params(
        const struct certificate_params *params, struct certificate_run *room) {
        room->tls = (struct tcp_tls_params){
                .enabled = true,
                .server_name = params->server_name,
                .starttls = params->starttls != PROTOCOL_NONE,
        };
        room->params = (struct tcp_params){
                .address = params->address,
                .protocol = params->starttls,
                .tls = &room->tls,
        };
        if (params->starttls == PROTOCOL_NONE && params->address.port == 0) {
                room->params.address.port = CERTIFICATE_HTTPS_PORT;
        }
}

static void connect_to_server(struct probe_run *run) {
        const struct certificate_params *params = run->spec->params;
        struct certificate_state *state = run->state;
        struct certificate_run *room = run->room;
        fill_connection_params(params, room);
        room->spec = *run->spec;
        room->spec.params = &room->params;
        room->connection = *run;
        room->connection.spec = &room->spec;
        room->connection.state = &state->tcp;
        room->connection.room = &room->tcp;
        room->connection.finished = on_connection_over;
        room->connection.cookie = run;
        room->tcp.secured = on_secured;
        room->connecting = true;
        tcp_probe.start(&room->connection);
}

static void certificate_start(struct probe_run *run) {
        const struct certificate_params *params = run->spec->params;
        struct certificate_run *room = run->room;
        struct probe_result result = {0};
        room->job = certificate_job_new(params, run->started.wall);
        if (!room->job) {
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "out of memory");
                probe_run_finish(run, &result);
        } else if (params->file) {
                examine(run);
        } else {
                connect_to_server(run);
        }
}

static void certificate_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct certificate_state *state = run->state;
        struct certificate_run *room = run->room;
        if (room->connecting) {
                tcp_probe.stop(&room->connection, detail);
                certificate_job_free(TAKE_PTR(room->job));
        } else {
                offload_run_stop(&state->work, detail);
        }
}

static void certificate_release(void *memory) {
        struct certificate_state *state = memory;
        tcp_probe.release(&state->tcp);
        offload_run_release(&state->work);
}

/* Keys, and the folders of many certificates, are open to root only. */
static bool certificate_privileged(const void *params) {
        return ((const struct certificate_params *) params)->file != NULL;
}

const struct probe_type certificate_probe = {
        .name = "certificate",
        .help = "Watches certificates of a file or a server.",
        .value_unit = "seconds",
        .schema = &certificate_schema,
        .traits = {.causes = CAUSE_BIT(CAUSE_WRONG_ANSWER) | CAUSE_BIT(CAUSE_UNRESPONSIVE)},
        .state_size = sizeof(struct certificate_state),
        .run_size = sizeof(struct certificate_run),
        .privileged = certificate_privileged,
        .start = certificate_start,
        .stop = certificate_stop,
        .release = certificate_release,
};

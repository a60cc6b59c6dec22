/* What is found in certificates: RFC 5280 (dates, chains), RFC 6125 (names). */

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "probes/address.h"
#include "probes/certificate_file.h"
#include "probes/certificate_probe.h"
#include "probes/findings.h"

enum {
        NAME_TEXT_MAX = 72, /* of a subject or a list of names */
        NAME_MAX_SHOWN = 56, /* bytes of one of several names */
        DATE_TEXT_MAX = sizeof("2026-11-26"),
};

/* ---- its job ---- */

void certificate_job_free(void *data) {
        struct certificate_job *job = data;
        if (job) {
                certificates_free(job->certificates);
                free(job->file);
                free(job->key_file);
                free(job->ca_file);
                free(job->name);
                free(job);
        }
}

DEFINE_CLEANUP(cleanup_job, struct certificate_job, certificate_job_free)

static bool copy_text(const char *text, char **ret) {
        *ret = text ? strdup(text) : NULL;
        return !text || *ret;
}

struct certificate_job *certificate_job_new(
        const struct certificate_params *params, wall_usec_t now) {
        AUTO(cleanup_job) struct certificate_job *job = calloc(1, sizeof(*job));
        const char *name = params->server_name ? params->server_name : params->address.host;
        if (!job || !copy_text(params->file, &job->file) ||
                !copy_text(params->key_file, &job->key_file) ||
                !copy_text(params->ca_file, &job->ca_file) || !copy_text(name, &job->name)) {
                return NULL;
        }
        job->chain = params->chain || params->ca_file;
        job->min_left = params->min_left;
        job->now = now;
        return TAKE_PTR(job);
}

/* ---- names ---- */

#define NAME_FLAGS (XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB)

static void print_subject(BIO *bio, const X509_NAME *subject) {
        int common = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
        if (common < 0) {
                (void) X509_NAME_print_ex(bio, subject, 0, NAME_FLAGS);
                return;
        }
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, common);
        (void) BIO_puts(bio, "CN=");
        (void) ASN1_STRING_print_ex(bio, X509_NAME_ENTRY_get_data(entry), NAME_FLAGS);
}

/* "CN=shop.example"; without a CN all of it: "OU=Web,O=Shop"; cut. */
static void format_subject(const X509_NAME *subject, char text[NAME_TEXT_MAX]) {
        BIO *bio = BIO_new(BIO_s_mem());
        int length = 0;
        if (bio) {
                print_subject(bio, subject);
                length = BIO_read(bio, text, NAME_TEXT_MAX - 1);
        }
        text[length > 0 ? length : 0] = '\0';
        BIO_free(bio);
}

/* "" for other kinds of names. */
static void format_name(const GENERAL_NAME *name, char text[NAME_TEXT_MAX]) {
        const ASN1_STRING *value = name->d.ia5;
        int length =
                name->type == GEN_DNS || name->type == GEN_IPADD ? ASN1_STRING_length(value) : 0;
        const unsigned char *data = length > 0 ? ASN1_STRING_get0_data(value) : NULL;
        text[0] = '\0';
        if (length > 0 && name->type == GEN_DNS) {
                snprintf(text, NAME_TEXT_MAX, "%.*s",
                        length < NAME_MAX_SHOWN ? length : NAME_MAX_SHOWN, (const char *) data);
        } else if (length == sizeof(struct in_addr)) {
                (void) inet_ntop(AF_INET, data, text, NAME_TEXT_MAX);
        } else if (length == sizeof(struct in6_addr)) {
                (void) inet_ntop(AF_INET6, data, text, NAME_TEXT_MAX);
        }
}

/* "shop.example, www.shop.example, ..."; the subject of a certificate without names. */
static void format_names(const X509 *certificate, char text[NAME_TEXT_MAX]) {
        GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
        size_t used = 0;
        text[0] = '\0';
        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
                char name[NAME_TEXT_MAX];
                format_name(sk_GENERAL_NAME_value(names, i), name);
                if (*name && used + strlen(name) + sizeof(", , ...") > NAME_TEXT_MAX) {
                        snprintf(text + used, NAME_TEXT_MAX - used, "%s...", used ? ", " : "");
                        used = NAME_TEXT_MAX;
                        break;
                }
                used += !*name ? 0
                               : (size_t) snprintf(text + used, NAME_TEXT_MAX - used, "%s%s",
                                         used ? ", " : "", name);
        }
        GENERAL_NAMES_free(names);
        if (used == 0) {
                format_subject(X509_get_subject_name(certificate), text);
        }
}

/* Which certificate it is, for a person. */
static const char *describe(const X509 *certificate, char text[NAME_TEXT_MAX]) {
        format_subject(X509_get_subject_name(certificate), text);
        if (!*text) {
                format_names(certificate, text);
        }
        return *text ? text : "a certificate without a name";
}

static bool is_for(X509 *certificate, const char *name) {
        union address address;
        if (address_parse(name, 0, &address)) {
                return X509_check_ip_asc(certificate, name, 0) == 1;
        }
        return X509_check_host(certificate, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) ==
               1;
}

static void check_name(const struct certificate_job *job, struct findings *findings) {
        X509 *first = sk_X509_value(job->certificates, 0);
        char names[NAME_TEXT_MAX];
        if (job->name && !is_for(first, job->name)) {
                format_names(first, names);
                findings_fail(findings, CAUSE_WRONG_ANSWER, "certificate is for %s, not for %.64s",
                        names, job->name);
        }
}

/* ---- dates ---- */

static bool read_time(const ASN1_TIME *from, int64_t *ret) {
        struct tm broken;
        if (ASN1_TIME_to_tm(from, &broken) != 1) {
                return false;
        }
        *ret = timegm(&broken);
        return true;
}

static const char *format_date(int64_t moment, char text[DATE_TEXT_MAX]) {
        struct tm broken = {0};
        time_t seconds = moment;
        (void) gmtime_r(&seconds, &broken);
        return strftime(text, DATE_TEXT_MAX, "%Y-%m-%d", &broken) > 0 ? text : "?";
}

/* Rounded down to whole days, hours or minutes: of a month nobody needs the seconds. */
static const char *format_left(int64_t seconds, char text[UNITS_TEXT_MAX]) {
        static const int64_t units[] = {24 * 60 * 60, 60 * 60, 60};
        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                if (seconds >= 2 * units[i]) {
                        seconds -= seconds % units[i];
                        break;
                }
        }
        return units_format_duration_short((usec_t) seconds * USEC_PER_SEC, text);
}

/* What the dates of several certificates come to. */
struct validity {
        int64_t begin, end; /* the latest begin, the earliest end; seconds since 1970 */
        const X509 *begins_last, *ends_first;
};

static bool take_dates(const X509 *certificate, struct validity *validity) {
        int64_t begin, end;
        if (!read_time(X509_get0_notBefore(certificate), &begin) ||
                !read_time(X509_get0_notAfter(certificate), &end)) {
                return false;
        }
        if (!validity->begins_last || begin > validity->begin) {
                validity->begin = begin;
                validity->begins_last = certificate;
        }
        if (!validity->ends_first || end < validity->end) {
                validity->end = end;
                validity->ends_first = certificate;
        }
        return true;
}

static bool find_validity(
        const struct certificate_job *job, struct validity *ret, struct findings *findings) {
        char subject[NAME_TEXT_MAX];
        for (int i = 0; i < sk_X509_num(job->certificates); i++) {
                const X509 *certificate = sk_X509_value(job->certificates, i);
                if (!take_dates(certificate, ret)) {
                        findings_fail(findings, CAUSE_WRONG_ANSWER, "its dates are malformed: %s",
                                describe(certificate, subject));
                        return false;
                }
        }
        return true;
}

/* As of http's `certificate`: what still works and only ends soon is degraded, because restarting
 * it makes no new certificate. */
static void check_end(const struct certificate_job *job, const struct validity *validity,
        struct findings *findings) {
        int64_t left = validity->end - (int64_t) (job->now / USEC_PER_SEC);
        int64_t wanted = (int64_t) (job->min_left / USEC_PER_SEC);
        char subject[NAME_TEXT_MAX], date[DATE_TEXT_MAX], time[UNITS_TEXT_MAX],
                least[UNITS_TEXT_MAX];
        describe(validity->ends_first, subject);
        format_date(validity->end, date);
        format_left(left < 0 ? -left : left, time);
        findings->result->has_value = true;
        findings->result->value = (double) left;
        if (left <= 0) {
                findings_fail(findings, CAUSE_WRONG_ANSWER, "expired %s ago (%s): %s", time, date,
                        subject);
        } else if (left < wanted) {
                findings_degraded(findings, CAUSE_WRONG_ANSWER,
                        "expires in %s (%s), at least %s wanted: %s", time, date,
                        units_format_duration(job->min_left, least), subject);
        } else {
                findings_pass(findings, "expires in %s (%s): %s", time, date, subject);
        }
}

static void check_begin(const struct certificate_job *job, const struct validity *validity,
        struct findings *findings) {
        int64_t ahead = validity->begin - (int64_t) (job->now / USEC_PER_SEC);
        char subject[NAME_TEXT_MAX], date[DATE_TEXT_MAX], time[UNITS_TEXT_MAX];
        if (ahead > 0) {
                findings_fail(findings, CAUSE_WRONG_ANSWER, "not valid before %s, in %s: %s",
                        format_date(validity->begin, date), format_left(ahead, time),
                        describe(validity->begins_last, subject));
        }
}

static void check_dates(const struct certificate_job *job, struct findings *findings) {
        struct validity validity = {0};
        if (find_validity(job, &validity, findings)) {
                check_end(job, &validity, findings);
                check_begin(job, &validity, findings);
        }
}

/* ---- key ---- */

/* What was concluded elsewhere counts as one more finding. */
static void take_over(struct findings *findings, const struct probe_result *part) {
        if (part->outcome == OUTCOME_FAIL) {
                findings_fail(findings, part->cause, "%s", part->detail);
        } else {
                findings_unknown(findings, "%s", part->detail);
        }
}

static void check_key(
        struct offload *call, const struct certificate_job *job, struct findings *findings) {
        struct probe_result part = {0};
        char subject[NAME_TEXT_MAX];
        if (!job->key_file) {
                return;
        }
        offload_step(call, "the key of the certificate");
        X509 *first = sk_X509_value(job->certificates, 0);
        EVP_PKEY *key = certificate_key_read(job->key_file, &part);
        if (!key) {
                take_over(findings, &part);
        } else if (X509_check_private_key(first, key) != 1) {
                findings_fail(findings, CAUSE_WRONG_ANSWER, "%.64s: the key does not match %s",
                        job->key_file, describe(first, subject));
        }
        EVP_PKEY_free(key);
        ERR_clear_error();
}

/* ---- chain ---- */

static X509_STORE *load_authorities(const char *ca_file, struct probe_result *trust) {
        X509_STORE *store = X509_STORE_new();
        ERR_clear_error();
        if (store && (ca_file ? X509_STORE_load_locations(store, ca_file, NULL)
                              : X509_STORE_set_default_paths(store)) == 1) {
                return store;
        }
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        probe_conclude(trust, OUTCOME_UNKNOWN, CAUSE_NONE, "authorities in %.64s: %.60s",
                ca_file ? ca_file : "the system", reason ? reason : "unknown error");
        X509_STORE_free(store);
        return NULL;
}

static void distrust(struct probe_result *trust, const char *why, const char *what) {
        probe_conclude(trust, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "%s: %s", why, what);
}

static void conclude_untrusted(X509_STORE_CTX *context, struct probe_result *trust) {
        int code = X509_STORE_CTX_get_error(context);
        const X509 *where = X509_STORE_CTX_get_current_cert(context);
        char subject[NAME_TEXT_MAX] = "?", issuer[NAME_TEXT_MAX] = "?";
        const char *named = where ? describe(where, subject) : subject;
        if (where) {
                format_subject(X509_get_issuer_name(where), issuer);
        }
        switch (code) {
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
                distrust(trust, "self-signed, and not trusted", named);
                break;
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
                distrust(trust, "the authority is not trusted", named);
                break;
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
                probe_conclude(trust, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                        "issuer neither trusted nor in the chain: %.48s, of %.48s", issuer, named);
                break;
        default:
                probe_conclude(trust, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "chain not trusted: %s: %s",
                        X509_verify_cert_error_string(code), named);
        }
}

/* A file may be that of a client, a server's has to be good for a server. */
static bool prepare(X509_STORE_CTX *context, X509_STORE *store, const struct certificate_job *job) {
        X509 *first = sk_X509_value(job->certificates, 0);
        if (!context || X509_STORE_CTX_init(context, store, first, job->certificates) != 1) {
                return false;
        }
        X509_VERIFY_PARAM_set_time(
                X509_STORE_CTX_get0_param(context), (time_t) (job->now / USEC_PER_SEC));
        return job->file || X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER) == 1;
}

/* A verified chain takes the place of what was shown: what else a server sends, such as a
 * certificate that is kept for old clients and expired long ago, does no harm. */
static void verify(X509_STORE *store, struct certificate_job *job, struct probe_result *trust) {
        X509_STORE_CTX *context = X509_STORE_CTX_new();
        int r = prepare(context, store, job) ? X509_verify_cert(context) : -1;
        STACK_OF(X509) *chain = r > 0 ? X509_STORE_CTX_get1_chain(context) : NULL;
        if (r == 0) {
                conclude_untrusted(context, trust);
        } else if (!chain) {
                probe_conclude(trust, OUTCOME_UNKNOWN, CAUSE_NONE, "out of memory");
        } else {
                certificates_free(job->certificates);
                job->certificates = chain;
        }
        X509_STORE_CTX_free(context);
}

/* Concludes `trust` unless there is nothing to say. */
static void check_chain(
        struct offload *call, struct certificate_job *job, struct probe_result *trust) {
        if (!job->chain) {
                return;
        }
        offload_step(call, "the authorities of the certificate");
        X509_STORE *store = load_authorities(job->ca_file, trust);
        if (store) {
                verify(store, job, trust);
                X509_STORE_free(store);
        }
        ERR_clear_error();
}

/* ---- all of it ---- */

void certificate_examine(struct offload *call, struct certificate_job *job) {
        struct findings findings = {.result = &job->result};
        struct probe_result trust = {0};
        if (job->file) {
                offload_step(call, "the certificates");
                job->certificates = certificate_file_read(job->file, &job->result);
        }
        if (!job->certificates) {
                return;
        }
        check_chain(call, job, &trust);
        check_dates(job, &findings);
        check_name(job, &findings);
        check_key(call, job, &findings);
        if (*trust.detail) {
                take_over(&findings, &trust);
        }
}

/* recoverd-policy(5) and recoverd.yaml(5), from the tables that drive the parser. */

#include <errno.h>

#include "base/cleanup.h"
#include "policy/man_text.h"
#include "policy/policy_tables.h"
#include "policy/reference.h"
#include "policy/schema_words.h"

struct writer {
        struct strbuf *out;
        struct schema_written written;
};

/* ---- What stands before the tables ------------------------------------------------------------
 */

static const char values_text[] =
        "A duration is a number and a unit, and several may follow each other: `500ms`, `2s`, `1h30m`, `7d`; the units are "
        "`us ms s m h d w`. A size is `512MiB` or `2GB`: `B`, `kB MB GB TB` are powers of 1000, `KiB MiB GiB TiB` of 1024. A "
        "percentage is `90%`. A command is a list of words, the first an absolute path; no shell is involved.\n"
        "\n"
        "Names of services, probes and templates begin with a letter or digit and go on with letters, digits and `_ . @ -`, up "
        "to 64 bytes. Anchors and aliases of YAML work; the merge key `<<` and tags do not. Unknown keys, duplicates, dangling "
        "references, cycles and impossible times are errors with file, line and column; `recoverctl check` shows all of them.\n";

static const char policy_text[] =
        "A policy file says which services of this host are kept alive, how their health is probed, and what is done in "
        "which order when they fail. recoverd reads all files `*.yaml` of /etc/recoverd/policies.d in sorted order; they have "
        "to belong to root and be writable for nobody else. A change takes effect with `recoverctl reload` or `systemctl reload "
        "recoverd`, which refuse files with errors and keep the policies from before.\n";

static const char combining_text[] =
        "From the weakest to the strongest: the standards named below, `defaults` of recoverd.yaml, `defaults` of the file, the "
        "templates that a service `extends` in their order, the service itself. Mappings merge key by key at every depth; "
        "lists and single values replace. A probe whose type is changed loses the keys of the type before. Templates may "
        "extend templates; a file sees its own and those of recoverd.yaml.\n";

static const char config_text[] =
        "The configuration of the agent, recoverd(8), and of its executor, recoverd-executor(8): /etc/recoverd/recoverd.yaml, "
        "unless `--config` names another file. It is read when they start and at each reload, and may be missing. Services may "
        "stand in it as well, but belong into files of /etc/recoverd/policies.d, recoverd-policy(5).\n";

/* ---- Examples ---- */

static const char unit_example[] =
        "version: 1\n"
        "services:\n"
        "  checkout:\n"
        "    unit: checkout.service\n"
        "    depends_on: [orders-db, {cache: soft}]\n"
        "    probes:\n"
        "      live:\n"
        "        http: {url: http://127.0.0.1:8080/livez, expect: {max_latency: 500ms}}\n"
        "        interval: 2s\n"
        "        fast_interval: 250ms\n"
        "      ready:\n"
        "        http: http://127.0.0.1:8080/readyz\n"
        "        role: readiness\n"
        "      space:\n"
        "        disk: {path: /var/lib/checkout, max_used: 90%}\n"
        "        role: warning\n"
        "    recover:\n"
        "      - restart: {attempts: 3}\n"
        "      - notify: {message: checkout needs a person}\n"
        "    backoff: {initial: 1s, factor: 2, max: 5m}\n"
        "    budget: {actions: 10, per: 1h}\n"
        "  orders-db:\n"
        "    unit: postgresql@15-main.service\n"
        "    probes: {sessions: {tcp: {address: 127.0.0.1:5432, protocol: postgresql}}}\n"
        "  cache:\n"
        "    unit: redis-server.service\n"
        "    probes: {ping: {tcp: {address: 127.0.0.1:6379, protocol: redis}}}\n";

static const char template_example[] =
        "version: 1\n"
        "defaults: {interval: 5s, timeout: 2s}\n"
        "templates:\n"
        "  web-service:\n"
        "    probes: {health: {http: {url: http://127.0.0.1/, expect: {status: 200}}}}\n"
        "    recover: [{restart: {attempts: 4}}, notify]\n"
        "services:\n"
        "  catalogue:\n"
        "    extends: web-service\n"
        "    unit: catalogue.service\n"
        "    probes: {health: {http: {url: http://127.0.0.1:8101/healthz}}}\n";

static const char config_example[] = "version: 1\n"
                                     "agent:\n"
                                     "  listen: 127.0.0.1:7790\n"
                                     "  operators_group: sre\n"
                                     "  budget: {actions: 40, per: 1h}\n"
                                     "  self_suspicion: {share: 30%, at_least: 4}\n"
                                     "defaults:\n"
                                     "  interval: 5s\n"
                                     "  budget: {actions: 6, per: 1h}\n";

/* ---- Keys -------------------------------------------------------------------------------------
 */

static void add_words(struct strbuf *out, const char *before, const struct schema_field *field,
        void (*say)(const struct schema_field *field, struct strbuf *out)) {
        AUTO_STRBUF struct strbuf words = {0};
        say(field, &words);
        if (words.length > 0) {
                strbuf_add(out, before);
                man_text(out, strbuf_text(&words) ? strbuf_text(&words) : "");
        }
        out->failed |= words.failed;
}

static void add_meanings(struct strbuf *out, const struct schema_field *field) {
        if (!field->words || !field->words->help) {
                return;
        }
        strbuf_add(out, ".RS\n");
        for (const struct enum_text *row = field->words; row->text; row++) {
                man_definition(out, row->text, str_empty(row->help) ? "As it says." : row->help);
        }
        strbuf_add(out, ".RE\n");
}

static void add_example(struct strbuf *out, const struct schema_field *field) {
        strbuf_add(out, ".br\nExample: ");
        man_bold(out, field->key);
        man_bold(out, ": ");
        man_bold(out, field->example);
        if (field->with) {
                strbuf_add(out, " with ");
                man_bold(out, field->with);
        }
        strbuf_add_char(out, '\n');
}

static void add_field(struct strbuf *out, const struct schema_field *field) {
        man_term(out);
        man_bold(out, field->key);
        add_words(out, ": ", field, schema_words_kind);
        if (field->object) {
                strbuf_add(out, field->kind == SCHEMA_OBJECT || field->kind == SCHEMA_OBJECT_PTR
                                        ? ": "
                                        : "");
                man_italic(out, field->object->name);
        }
        add_words(out, field->required ? "; " : "; standard ", field, schema_words_standard);
        add_words(out, "; ", field, schema_words_limits);
        strbuf_add_char(out, '\n');
        man_text(out, field->help);
        strbuf_add_char(out, '\n');
        add_example(out, field);
        add_meanings(out, field);
}

static void add_variants(struct strbuf *out, const struct schema *schema) {
        man_paragraph(out);
        strbuf_addf(out, "Exactly one of these keys says what it is%s:\n",
                schema->variant_optional ? ", or none" : "");
        for (const struct schema_variant *variant = schema->variants; variant->key; variant++) {
                man_term(out);
                man_bold(out, variant->key);
                strbuf_add(out, ": ");
                man_italic(out, variant->object->name);
                strbuf_add_char(out, '\n');
                man_text(out, variant->help);
                strbuf_add_char(out, '\n');
        }
}

/* ---- Objects ----------------------------------------------------------------------------------
 */

/* The object, then those that its keys hold. The nesting of the tables is shallow and fixed. */
static void add_object(struct writer *writer, const struct schema *schema) {
        struct strbuf *out = writer->out;
        if (!schema_written_first(&writer->written, schema)) {
                return;
        }
        man_subsection(out, schema->name);
        man_paragraphs(out, schema->help);
        if (schema->shorthand) {
                strbuf_add(out, "A bare value stands for the key ");
                man_bold(out, schema->shorthand);
                strbuf_add(out, ".\n");
        }
        for (const struct schema_field *field = schema->fields; field && field->key; field++) {
                add_field(out, field);
        }
        if (schema->variants) {
                add_variants(out, schema);
        }
        for (const struct schema_variant *variant = schema->variants; variant && variant->key;
                variant++) {
                add_object(writer, variant->object);
        }
        for (const struct schema_field *field = schema->fields; field && field->key; field++) {
                if (field->object) {
                        add_object(writer, field->object);
                }
        }
}

static void add_top_level(struct strbuf *out, bool config) {
        for (const struct top_level_key *row = top_level_keys; row->key; row++) {
                if (config || !row->config_only) {
                        man_definition(out, row->key, row->help);
                }
        }
}

static void add_end(struct strbuf *out, const char *see_also) {
        man_section(out, "FILES");
        man_definition(
                out, "/etc/recoverd/recoverd.yaml", "Configuration of the agent and the executor.");
        man_definition(out, "/etc/recoverd/policies.d/*.yaml", "Policies.");
        man_see_also(out, see_also);
}

int policy_manual_write(const struct schema_variant *probes, struct strbuf *out) {
        static const struct man_head head = {
                "recoverd-policy", "5", "which services are kept alive, and how"};
        struct policy_tables tables;
        struct writer writer = {.out = out};
        policy_tables_init(&tables, probes);
        man_begin(out, &head);
        man_section(out, "DESCRIPTION");
        man_paragraphs(out, policy_text);
        man_subsection(out, "Values");
        man_paragraphs(out, values_text);
        man_subsection(out, "How definitions combine");
        man_paragraphs(out, combining_text);
        man_subsection(out, "Top of a file");
        add_top_level(out, false);
        man_section(out, "KEYS");
        add_object(&writer, &tables.service);
        add_object(&writer, &group_schema);
        man_section(out, "EXAMPLES");
        man_paragraphs(out,
                "A unit of systemd that lives, is ready, and needs room on a disk, with what it depends on:\n");
        man_example(out, unit_example);
        man_paragraphs(out, "What many services share, in a template:\n");
        man_example(out, template_example);
        add_end(out, "recoverd(8), recoverd.yaml(5), recoverctl-check(1), recoverctl-init(1)");
        return out->failed ? -ENOMEM : 0;
}

int config_manual_write(struct strbuf *out) {
        static const struct man_head head = {
                "recoverd.yaml", "5", "configuration of the agent recoverd and of its executor"};
        struct writer writer = {.out = out};
        man_begin(out, &head);
        man_section(out, "DESCRIPTION");
        man_paragraphs(out, config_text);
        man_subsection(out, "Top of the file");
        add_top_level(out, true);
        man_section(out, "KEYS");
        add_object(&writer, &agent_schema);
        add_object(&writer, &coordinator_schema);
        man_section(out, "EXAMPLES");
        man_example(out, config_example);
        add_end(out, "recoverd(8), recoverd-executor(8), recoverd-policy(5), recoverctl-check(1)");
        return out->failed ? -ENOMEM : 0;
}

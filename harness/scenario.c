#include "harness/scenario.h"

#include <string.h>

#include "harness/condition.h"
#include "harness/reference.h"
#include "harness/scenario_fields.h"

enum { VARIANTS_MAX = 64, FINALLY_MAX = 32 };

/* ---- expect ---- */

static bool bind_invariant(struct binder *binder, const struct tree_node *node, uint32_t *bits)
{
    if (!shape_scalar(binder, node, "an invariant such as I3"))
        return false;
    struct suggestion suggestion = suggestion_for(node->text);
    for (uint32_t i = 0; i < SIM_INVARIANTS; i++) {
        if (strcmp(sim_invariant_name(i), node->text) == 0) {
            *bits |= UINT32_C(1) << i;
            return true;
        }
        suggestion_offer(&suggestion, sim_invariant_name(i));
    }
    diagnostics_add(binder->diagnostics, node->place, "there is no invariant '%.40s'", node->text);
    shape_suggest(binder, &suggestion, "`isrsim help invariants` lists them");
    return false;
}

static bool bind_invariants(struct binder *binder, const struct field *field, const struct tree_node *node,
                            void *target)
{
    uint32_t bits = 0;
    (void)field;
    if (node->kind == TREE_LIST) {
        for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
            if (!bind_invariant(binder, child, &bits))
                return false;
        }
        if (bits == 0)
            return shape_expected(binder, node, "at least one invariant");
    } else if (!bind_invariant(binder, node, &bits)) {
        return false;
    }
    memcpy(target, &bits, sizeof bits);
    return true;
}

static void schema_invariants(const struct field *field, struct json *json)
{
    (void)field;
    json_open_list(json, "anyOf");
    for (int list = 0; list < 2; list++) {
        json_open_object(json, NULL);
        if (list == 1) {
            json_string(json, "type", "array");
            json_integer(json, "minItems", 1);
            json_open_object(json, "items");
        }
        json_open_list(json, "enum");
        for (uint32_t i = 0; i < SIM_INVARIANTS; i++)
            json_string(json, NULL, sim_invariant_name(i));
        json_close_list(json);
        if (list == 1)
            json_close_object(json);
        json_close_object(json);
    }
    json_close_list(json);
}

/* One by its name, several as a list. */
static void write_invariants(struct writer *writer, const struct field *field, const void *source)
{
    uint32_t bits;
    (void)field;
    memcpy(&bits, source, sizeof bits);
    bool several = (bits & (bits - 1)) != 0 || bits == 0;
    if (several)
        writer_open(writer, '[');
    for (uint32_t i = 0; i < SIM_INVARIANTS; i++) {
        if ((bits >> i & 1) == 0)
            continue;
        if (several)
            writer_item(writer);
        writer_word(writer, sim_invariant_name(i));
    }
    if (several)
        writer_close(writer, ']');
}

const struct shape shape_invariants = {bind_invariants, schema_invariants, write_invariants};

static bool bind_finally(struct binder *binder, const struct field *field, const struct tree_node *node,
                         void *target)
{
    struct scenario_expectation *expectation = target;
    (void)field;
    if (node->kind != TREE_LIST || node->count == 0)
        return shape_expected(binder, node, "a list of conditions such as [\"acked records >= 100\"]");
    if (!shape_few(binder, node, FINALLY_MAX, "conditions"))
        return false;
    expectation->finally = pool_array(binder->pool, node->count, sizeof *expectation->finally);
    expectation->finally_texts = pool_array(binder->pool, node->count, sizeof *expectation->finally_texts);
    bool good = true;
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        if (!condition_bind(binder, child, &expectation->finally[expectation->finally_count])) {
            good = false;
            continue;
        }
        expectation->finally_texts[expectation->finally_count++] =
            pool_text(binder->pool, child->text, child->length);
    }
    return good;
}

static void schema_finally(const struct field *field, struct json *json)
{
    json_string(json, "type", "array");
    json_integer(json, "minItems", 1);
    json_open_object(json, "items");
    shape_condition.schema(field, json);
    json_close_object(json);
}

static void write_finally(struct writer *writer, const struct field *field, const void *source)
{
    const struct scenario_expectation *expectation = source;
    (void)field;
    writer_open(writer, '[');
    for (uint32_t i = 0; i < expectation->finally_count; i++) {
        writer_item(writer);
        shape_condition.write(writer, field, &expectation->finally[i]);
    }
    writer_close(writer, ']');
}

static const struct shape shape_finally = {bind_finally, schema_finally, write_finally};
static const struct choice true_word[] = {{"true", 0}, {NULL, 0}};

#define EXPECTATION(member) FIELD(struct scenario_expectation, member)
static const struct field expect_fields[] = {
    {"holds", &shape_choice, EXPECTATION(outcome), .extra = true_word,
     .meaning = "true: every promise is kept"},
    {"finally", &shape_finally, .meaning = "with holds: conditions that are true at the end of the run"},
    {"violates", &shape_invariants, EXPECTATION(invariants),
     .meaning = "the invariant that breaks, or a list of which any may"},
    {"with", &shape_sentence, EXPECTATION(with), .meaning = "with violates: words that the message contains"},
    END_OF_FIELDS,
};
static const struct choice outcome_words[] = {
    {"holds", SCENARIO_HOLDS}, {"vacuous", SCENARIO_VACUOUS}, {NULL, 0}};
static const struct field outcome_field = {.name = "expect", .size = sizeof(int64_t), .extra = outcome_words};

static bool check_expectation(struct binder *binder, const struct tree_node *node)
{
    const struct tree_node *holds = tree_find(node, "holds"), *violates = tree_find(node, "violates");
    const struct tree_node *with = tree_find(node, "with"), *finally = tree_find(node, "finally");
    if ((holds == NULL) == (violates == NULL)) {
        diagnostics_add(binder->diagnostics, node->place, "say either 'holds: true' or 'violates: ...'");
        return false;
    }
    if (with != NULL && violates == NULL) {
        diagnostics_add(binder->diagnostics, with->key_place, "'with' belongs to 'violates'");
        return false;
    }
    if (finally != NULL && holds == NULL) {
        diagnostics_add(binder->diagnostics, finally->key_place, "'finally' belongs to 'holds'");
        diagnostics_hint(binder->diagnostics, "a run ends at the violation");
        return false;
    }
    return true;
}

static bool bind_expect(struct binder *binder, const struct field *field, const struct tree_node *node,
                        void *target)
{
    struct scenario_expectation *expectation = target;
    *expectation = (struct scenario_expectation){.outcome = SCENARIO_HOLDS};
    if (node->kind != TREE_MAP) {
        int64_t outcome;
        if (!shape_choice.bind(binder, &outcome_field, node, &outcome)) {
            diagnostics_hint(binder->diagnostics, "an expected violation is written {violates: I3}");
            return false;
        }
        expectation->outcome = (enum scenario_outcome)outcome;
        return true;
    }
    if (!shape_bind_map(binder, expect_fields, node, expectation, field->name) ||
        !check_expectation(binder, node))
        return false;
    if (expectation->invariants != 0)
        expectation->outcome = SCENARIO_VIOLATES;
    return true;
}

static void schema_expect(const struct field *field, struct json *json)
{
    (void)field;
    json_open_list(json, "anyOf");
    json_open_object(json, NULL);
    shape_choice.schema(&outcome_field, json);
    json_close_object(json);
    json_open_object(json, NULL);
    shape_schema_map(expect_fields, json);
    json_close_object(json);
    json_close_list(json);
}

static void write_expect(struct writer *writer, const struct field *field, const void *source)
{
    const struct scenario_expectation *expectation = source;
    int64_t outcome = expectation->outcome;
    (void)field;
    if (outcome != SCENARIO_VIOLATES && expectation->finally_count == 0) {
        shape_choice.write(writer, &outcome_field, &outcome);
        return;
    }
    writer_open(writer, '{');
    for (const struct field *key = expect_fields; key->name != NULL; key++) {
        bool of_violation = strcmp(key->name, "violates") == 0 || strcmp(key->name, "with") == 0;
        bool said = of_violation == (outcome == SCENARIO_VIOLATES) &&
                    (strcmp(key->name, "with") != 0 || expectation->with[0] != '\0');
        if (said)
            shape_write_field(writer, key, expectation);
    }
    writer_close(writer, '}');
}

const struct shape shape_expect = {bind_expect, schema_expect, write_expect};

/* ---- variants ---- */

#define VARIANT(member) FIELD(struct scenario_variant, member)
static const struct field variant_fields[] = {
    {"about", &shape_prose, VARIANT(about), .meaning = "what differs here"},
    {"rules", &shape_map, VARIANT(spec.rules), .extra = scenario_rule_fields,
     .meaning = "on top of the file's rules"},
    {"consensus", &shape_choice, VARIANT(spec.consensus), .extra = scenario_consensus_words,
     .meaning = "in place of the cluster's"},
    {"config", &shape_map, VARIANT(spec.config), .extra = scenario_config_fields,
     .meaning = "on top of the file's config"},
    {"network", &shape_map, VARIANT(spec.network), .extra = scenario_network_fields,
     .meaning = "on top of the file's network"},
    {"schedule", &shape_map, VARIANT(spec.schedule), .extra = scenario_schedule_fields,
     .meaning = "on top of the file's schedule"},
    {"disks", &shape_map, VARIANT(spec.disk), .extra = scenario_disk_fields,
     .meaning = "on top of the file's disks"},
    {"seed", &shape_seed, VARIANT(spec.seed), .meaning = "in place of the file's"},
    {"gone", &shape_nodes, VARIANT(spec.gone), .meaning = "in place of the file's"},
    {"gone_how", &shape_choice, VARIANT(spec.gone_how), .extra = scenario_gone_words,
     .meaning = "in place of the file's"},
    {"unchecked", &shape_invariants, VARIANT(spec.unchecked), .meaning = "in place of the file's"},
    {"expect", &shape_expect, VARIANT(expectation), .meaning = "in place of the file's"},
    END_OF_FIELDS,
};

static bool bind_variant(struct binder *binder, const struct tree_node *node, const struct scenario *scenario,
                         struct scenario_variant *variant)
{
    char what[SIM_LABEL_BYTES + 16];
    variant->spec = scenario->base;
    variant->expectation = scenario->expectation;
    if (!shape_copy_label(binder, NULL, node->key, node->key_place, variant->name, "a variant's name"))
        return false;
    snprintf(what, sizeof what, "variant '%s'", variant->name);
    return shape_bind_map(binder, variant_fields, node, variant, what);
}

static bool bind_variants(struct binder *binder, const struct field *field, const struct tree_node *node,
                          void *target)
{
    struct scenario *scenario = target;
    (void)field;
    if (node->kind != TREE_MAP || node->count == 0)
        return shape_expected(binder, node, "variants by name such as {wrong: {rules: {trunc: hw}}}");
    if (!shape_few(binder, node, VARIANTS_MAX, "variants"))
        return false;
    scenario->variants = pool_array(binder->pool, node->count, sizeof *scenario->variants);
    bool good = true;
    for (const struct tree_node *child = node->first; child != NULL; child = child->next)
        good = bind_variant(binder, child, scenario, &scenario->variants[scenario->variants_count++]) && good;
    return good;
}

static void schema_variants(const struct field *field, struct json *json)
{
    static const struct field *const tables[] = {variant_fields, NULL};
    (void)field;
    scenario_schema_named(tables, json);
}

const struct shape shape_variants = {bind_variants, schema_variants, NULL};

/* ---- the file ---- */

static const char *const file_endings[] = {".isr.yaml", ".isr.yml", ".isr.json"};

bool scenario_is_file_name(const char *name)
{
    for (size_t i = 0; i < sizeof file_endings / sizeof file_endings[0]; i++) {
        size_t length = strlen(name), ending = strlen(file_endings[i]);
        if (length > ending && strcmp(name + length - ending, file_endings[i]) == 0)
            return true;
    }
    return false;
}

/* The file's name without folder and ending, with '-' for what a name may not have. */
static void name_after_file(char label[SIM_LABEL_BYTES], const char *file)
{
    const char *slash = strrchr(file, '/'), *start = slash != NULL ? slash + 1 : file;
    size_t length = strlen(start);
    const char *dot = strchr(start, '.');
    if (dot != NULL && dot != start)
        length = (size_t)(dot - start);
    memset(label, 0, SIM_LABEL_BYTES);
    for (size_t i = 0; i < length && i < SIM_LABEL_BYTES - 1; i++) {
        char c = start[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                     c == '.';
        label[i] = plain ? c : '-';
    }
    if (label[0] == '\0')
        memcpy(label, "scenario", 9);
}

/* Steps that come too late are an error unless steps may remain. */
static void check_times(struct binder *binder, const struct tree_node *root, const struct sim_spec *spec)
{
    const struct tree_node *settle = tree_find(root, "settle"), *steps = tree_find(root, "steps");
    char duration[32], time[32];
    if (spec->settle_ns >= spec->duration_ns) {
        const struct tree_node *at = settle != NULL ? settle : tree_find(root, "duration");
        diagnostics_add(binder->diagnostics, at != NULL ? at->place : root->place,
                        "settle (%s) must be shorter than duration (%s)",
                        value_print_duration(spec->settle_ns, time),
                        value_print_duration(spec->duration_ns, duration));
        diagnostics_hint(binder->diagnostics, "settle is the last part of the run, after the steps");
        return;
    }
    uint32_t number = 0;
    for (const struct tree_node *child = steps != NULL && !spec->steps_may_remain ? steps->first : NULL;
         child != NULL; child = child->next) {
        const struct sim_step *step = &spec->steps[number++];
        if (step->gate != SIM_GATE_AT || step->time_ns < spec->duration_ns - spec->settle_ns)
            continue;
        diagnostics_add(binder->diagnostics, tree_find(child, "at")->place,
                        "this is never reached: steps end at %s",
                        value_print_duration(spec->duration_ns - spec->settle_ns, time));
        diagnostics_hint(binder->diagnostics, "duration minus settle is left for steps");
    }
}

static void check_size(struct binder *binder, const struct tree_node *root, const struct sim_spec *spec)
{
    int64_t nodes = (int64_t)spec->brokers + sim_spec_own_controllers(spec) + spec->clients_count + 1;
    if (nodes > SIM_NODES_MAX)
        diagnostics_add(binder->diagnostics, root->place,
                        "brokers, controllers and clients are %d nodes; there may be %d", (int)nodes,
                        SIM_NODES_MAX);
    diagnostics_hint_rest(binder->diagnostics, 0, "have fewer clients, or brokers that are controllers too");
}

/* Topics are what a cluster is there for; consensus alone has none. */
static void check_topics(struct binder *binder, const struct tree_node *root)
{
    const struct tree_node *cluster = tree_find(root, "cluster"), *topics = tree_find(root, "topics");
    bool alone = cluster != NULL && tree_find(cluster, "raft") != NULL;
    if (topics == NULL && !alone) {
        diagnostics_add(binder->diagnostics, root->place, "the scenario needs 'topics'");
        diagnostics_hint(binder->diagnostics, "topics: %s",
                         shape_field_named(scenario_fields, "topics")->meaning);
    } else if (topics != NULL && alone) {
        diagnostics_add(binder->diagnostics, topics->key_place, "consensus alone has no topics");
        diagnostics_hint(binder->diagnostics, "clients propose entries: {p1: {propose: true, rate: 100/s}}");
    }
}

/* What the simulator itself would refuse: a rule that our tables do not know. */
static void check_spec(struct binder *binder, const struct sim_spec *spec)
{
    char buffer[200];
    uint32_t step = 0;
    const char *sentence = sim_spec_check(spec, buffer, sizeof buffer, &step);
    if (sentence == NULL)
        return;
    struct place place = {1, 1};
    if (step > 0 && step <= spec->steps_count)
        place.line = (uint32_t)spec->steps[step - 1].line;
    diagnostics_add(binder->diagnostics, place, "%s", sentence);
}

/* What is searched for must be there. */
static void check_search(struct binder *binder, const struct tree_node *root, struct scenario *scenario)
{
    struct scenario_search *search = &scenario->exhibit.search;
    const struct tree_node *exhibit = tree_find(root, "exhibit");
    const struct tree_node *at = exhibit != NULL ? tree_find(exhibit, "search") : NULL;
    if (at == NULL)
        return;
    if (search->variant[0] == '\0')
        memcpy(search->variant, "wrong", sizeof "wrong");
    if (scenario_variant_named(scenario, search->variant) != NULL)
        return;
    diagnostics_add(binder->diagnostics, at->place, "there is no variant '%s' to search with",
                    search->variant);
    diagnostics_hint(binder->diagnostics,
                     "search has a key `variant`; without it the variant `wrong` is meant");
}

static void complete_variants(struct scenario *scenario)
{
    if (scenario->variants_count == 0) {
        scenario->variants = pool_allocate(&scenario->pool, sizeof *scenario->variants);
        scenario->variants_count = 1;
        scenario->variants[0] = (struct scenario_variant){
            .name = "default", .spec = scenario->base, .expectation = scenario->expectation};
    }
}

bool scenario_read(struct scenario *scenario, struct diagnostics *diagnostics)
{
    memset(scenario, 0, sizeof *scenario);
    struct pool tree_pool = {NULL};
    scenario->base = sim_spec_default();
    scenario->base.seed = 1;
    name_after_file(scenario->base.name, diagnostics->file);
    struct binder binder = {.diagnostics = diagnostics, .pool = &scenario->pool, .spec = &scenario->base};
    const struct tree_node *root = tree_load(&tree_pool, diagnostics);
    if (root != NULL) {
        if (root->kind == TREE_MAP)
            check_topics(&binder, root);
        bool bound = shape_bind_map(&binder, scenario_fields, root, scenario, "the scenario");
        if (bound && !diagnostics_any(diagnostics)) {
            check_times(&binder, root, &scenario->base);
            check_size(&binder, root, &scenario->base);
        }
        complete_variants(scenario);
        check_search(&binder, root, scenario);
        for (uint32_t i = 0; i < scenario->variants_count && !diagnostics_any(diagnostics); i++)
            check_spec(&binder, &scenario->variants[i].spec);
    }
    pool_free(&tree_pool);
    diagnostics_hint_rest(diagnostics, 0, "`isrsim help scenario` tells what a scenario holds");
    diagnostics_sort(diagnostics);
    if (!diagnostics_any(diagnostics))
        return true;
    scenario_free(scenario);
    return false;
}

void scenario_free(struct scenario *scenario)
{
    pool_free(&scenario->pool);
}

const struct scenario_variant *scenario_variant_named(const struct scenario *scenario, const char *name)
{
    for (uint32_t i = 0; i < scenario->variants_count; i++) {
        if (strcmp(scenario->variants[i].name, name) == 0)
            return &scenario->variants[i];
    }
    return NULL;
}

void scenario_schema(FILE *out)
{
    struct json json = json_to(out, true);
    json_open_object(&json, NULL);
    json_string(&json, "$schema", "http://json-schema.org/draft-07/schema#");
    json_string(&json, "title", "isrsim scenario");
    json_string(&json, "description",
                "A history of a replicated log: the cluster, what is done to it, what is expected.");
    shape_schema_map(scenario_fields, &json);
    json_close_object(&json);
    json_end(&json);
}

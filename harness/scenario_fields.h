/* The tables that say what may stand in a scenario file. */
#ifndef HARNESS_SCENARIO_FIELDS_H
#define HARNESS_SCENARIO_FIELDS_H

#include "harness/scenario.h"
#include "harness/shape.h"

/* The whole file, into struct scenario. Also printed by `isrsim help scenario`. */
extern const struct field scenario_fields[];
/* One of `rules` and of `config`, into struct isr_rules and struct isr_config. */
extern const struct field scenario_rule_fields[], scenario_config_fields[];
extern const struct choice scenario_consensus_words[], scenario_gone_words[];
extern const struct field scenario_cluster_fields[], scenario_network_fields[], scenario_disk_fields[],
    scenario_schedule_fields[];

/* Larger sections, in files of their own. */
extern const struct shape shape_topics;        /* struct sim_spec */
extern const struct shape shape_clients;       /* struct sim_spec */
extern const struct shape shape_node_settings; /* struct sim_spec */
extern const struct shape shape_expect;        /* struct scenario_expectation */
extern const struct shape shape_invariants;    /* uint32_t, bits by enum sim_invariant */
extern const struct shape shape_variants;      /* struct scenario */

/* A mapping of names to mappings ("topics", "clients", "variants"): its schema. */
void scenario_schema_named(const struct field *const *alternatives, struct json *json);

#endif

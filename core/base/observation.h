/* Observations of core/observations.def, and the causes that they name. */
#ifndef ISR_BASE_OBSERVATION_H
#define ISR_BASE_OBSERVATION_H

#include <stdint.h>

enum { ISR_OBSERVATION_FIELDS = 8 };

enum isr_cause {
#define X(NAME, words) ISR_CAUSE_##NAME,
#include "core/causes.def"
#undef X
    ISR_CAUSE_COUNT
};

const char *isr_cause_words(int64_t cause);

enum isr_observation_kind {
#define X(NAME, name, importance, fields) ISR_OBSERVED_##NAME,
#include "core/observations.def"
#undef X
    ISR_OBSERVED_KINDS
};

enum isr_importance { ISR_IMPORTANCE_story, ISR_IMPORTANCE_normal, ISR_IMPORTANCE_detail };

enum isr_field_kind {
    ISR_FIELD_NONE,
    ISR_FIELD_tp, /* isr_tp_key */
    ISR_FIELD_node,
    ISR_FIELD_offset,
    ISR_FIELD_epoch,
    ISR_FIELD_index,
    ISR_FIELD_term,
    ISR_FIELD_count,
    ISR_FIELD_size,
    ISR_FIELD_time,
    ISR_FIELD_cause,
    ISR_FIELD_error,
    ISR_FIELD_flag,
    ISR_FIELD_phase,   /* of a peer */
    ISR_FIELD_refusal, /* of a candidate by a peer */
    ISR_FIELD_set,     /* isr_replicas_pack */
    ISR_FIELD_hash,
};

struct isr_observation {
    enum isr_observation_kind kind;
    union {
        int64_t fields[ISR_OBSERVATION_FIELDS];
#define F(kind, name) int64_t name;
#define X(NAME, name, importance, field_list) \
    struct {                                  \
        field_list                            \
    } name;
#include "core/observations.def"
#undef X
#undef F
    };
};

struct isr_observation_info {
    const char *name;
    enum isr_importance importance;
    struct { /* ends with an ISR_FIELD_NONE where there are fewer */
        enum isr_field_kind kind;
        const char *name;
    } fields[ISR_OBSERVATION_FIELDS];
};

const struct isr_observation_info *isr_observation_info(enum isr_observation_kind kind);

#endif

/* What clients are told to do, and the history of it.
 *
 * The world's own client (sim_spec_own_client) creates the spec's topics at the start and does what steps ask
 * without naming a client. Producers send batches at their interval, consumers read their partitions from
 * offset 0 on once the topic exists. Where consensus is alone, proposers propose numbered entries instead.
 * When the settle phase begins, producers stop and every partition is sent a few probe records instead, which
 * prove that it takes writes again.
 *
 * A record's value is unique in a world: (id of the client's node << 40) | the client's own counter. */
#ifndef SIM_WORKLOAD_H
#define SIM_WORKLOAD_H

#include "core/base/event.h"
#include "sim/spec.h"

struct sim_world;
struct sim_workload;

/* One command and its outcome, or one batch read. */
enum sim_operation_kind {
    SIM_OPERATION_PRODUCE,
    SIM_OPERATION_CONSUME,
    SIM_OPERATION_CREATE_TOPIC,
    SIM_OPERATION_ADMINISTER, /* what an administrator asks for in a step */
    SIM_OPERATION_POOL_READ,  /* of the newest committed record, by a pool: offset */
    SIM_OPERATION_PROPOSE,    /* an entry, where consensus is alone: first_value; offset: its index */
    SIM_OPERATION_RECORDS,    /* a consumer read a batch: first_value, offset, count */
};
enum sim_outcome { SIM_OUTCOME_UNKNOWN, SIM_OUTCOME_OK, SIM_OUTCOME_FAILED };

struct sim_operation {
    int64_t asked_ns;
    int64_t answered_ns; /* 0 while unknown */
    uint64_t first_value;
    int64_t offset; /* PRODUCE that was acknowledged, READ, RECORDS; else ISR_OFFSET_NONE */
    uint32_t count;
    struct isr_tp tp; /* topic 0 while unknown; spec_topic tells the topic that was asked for */
    uint16_t spec_topic;
    uint16_t partition;
    int16_t client;
    int16_t acks;
    uint8_t kind;    /* enum sim_operation_kind */
    uint8_t outcome; /* enum sim_outcome */
    uint8_t error;   /* enum isr_error */
    bool probe;
    uint8_t action; /* ADMINISTER: enum sim_action_kind */
    uint16_t step;  /* ADMINISTER: that asked for it (sim_world.acting) */
};

/* In world's heap, with its first events queued. The processes exist already. */
struct sim_workload *sim_workload_new(struct sim_world *world);
/* An event queued with sim_world_wake_workload is due. */
void sim_workload_event(struct sim_world *world, uint64_t argument);
/* A client node's step had a REPLY or RECORDS effect. The effect is borrowed. */
void sim_workload_client(struct sim_world *world, int32_t node, const struct isr_effect *effect);
/* A client process came up again (its commands died with it): consumers are told to read on. */
void sim_workload_started(struct sim_world *world, int32_t node);
/* The steps PRODUCE, PROPOSE and TRAFFIC, and those of administrators. */
void sim_workload_produce(struct sim_world *world, const struct sim_action *action);
void sim_workload_propose(struct sim_world *world, const struct sim_action *action);
void sim_workload_administer(struct sim_world *world, const struct sim_action *action);
/* The step CREATE_TOPIC: of one that was deleted, or is being deleted. Its producers went on meanwhile; its
 * consumers begin at its start. */
void sim_workload_create_topic(struct sim_world *world, const struct sim_action *action);
void sim_workload_traffic(struct sim_world *world, const struct sim_action *action);

/* The history, in the order in which commands were given and batches read; operation ids of commands are 1 +
 * place. */
uint32_t sim_workload_operations_count(const struct sim_world *world);
const struct sim_operation *sim_workload_operation(const struct sim_world *world, uint32_t place);
/* Probe records of the settle phase: sent, and not acknowledged so far. For L1. */
/* Is the last one to the partition of the topic of that name unanswered, or is there none? */
bool sim_workload_probe_waits(const struct sim_world *world, const char *topic, uint16_t partition);
void sim_workload_probes(const struct sim_world *world, uint32_t *sent, uint32_t *unanswered);

#endif

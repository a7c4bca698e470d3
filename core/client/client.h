/* A client of the cluster in one node: producer, consumer and administrator share what is known of topics and
 * leaders.
 *
 * Metadata:  IDLE --(age, or somebody was led astray)--> ASKING --(answer)--> IDLE
 *                                                          \--(timeout)--> ASKING the next bootstrap broker
 * After an answer everything that waits for metadata looks again. Two questions lie at least retry_backoff
 * apart. */
#ifndef ISR_CLIENT_CLIENT_H
#define ISR_CLIENT_CLIENT_H

#include "core/base/tp_table.h"
#include "core/client/cache.h"
#include "core/client/request.h"

struct isr_sender;
struct isr_consumer;
struct isr_reader_link;
struct isr_operation;
struct isr_read_pool;

struct isr_client {
    struct isr_env *env;
    struct isr_replicas bootstrap;
    uint32_t bootstrap_next; /* place of the broker to ask next */
    struct isr_client_requests requests;
    struct isr_cache cache;
    /* metadata */
    uint32_t metadata_correlation; /* 0: not asking */
    int64_t metadata_asked_ns;
    struct isr_timer metadata_timer;
    /* producer_id.c */
    int64_t producer_id;                /* -1: none */
    uint32_t producer_correlation;      /* 0: not asking */
    uint32_t producer_broker_next;      /* place of the broker to ask next, in bootstrap */
    struct isr_timer producer_id_timer; /* set: the pause before it is asked for again */
    /* producer.c: one sender a topic partition, ordered by name and partition */
    struct isr_sender **senders;
    uint32_t senders_count, senders_capacity;
    /* consumer.c: what is read, in the order of the first commands; by partition once their topic is known */
    struct isr_consumer **consumers;
    uint32_t consumers_count, consumers_capacity;
    struct isr_tp_table consumers_of;
    struct isr_reader_link *links[ISR_NODE_MAX + 1]; /* reader_link.c: by broker; NULL: none yet */
    struct isr_reader_link *links_pending;           /* those with somebody due, to be gone on with */
    /* read_pool.c: one a topic partition and mode */
    struct isr_read_pool **pools;
    uint32_t pools_count, pools_capacity;
    /* admin.c: in the order of their commands */
    struct isr_operation *operations;
};

/* bootstrap: brokers to ask first; copied, at least one. */
struct isr_client *isr_client_new(struct isr_env *env, const struct isr_replicas *bootstrap);
void isr_client_start(struct isr_client *client);
/* False when the message is none that clients understand. */
/* No answer comes from that node any more. */
void isr_client_disconnected(struct isr_client *client, int32_t node);
bool isr_client_message(struct isr_client *client, int32_t from, const struct isr_message *message);
/* Every command but CONSUME ends in exactly one isr_env_reply while the process lives. */
void isr_client_command(struct isr_client *client, const struct isr_command *command);
uint64_t isr_client_digest(const struct isr_client *client, uint64_t hash);

/* ---- for the parts of the client ---- */

/* Something turned out to be stale: ask for metadata soon. */
void isr_client_refresh(struct isr_client *client);
/* A retry's pause with jitter, so that clients do not come back in step. */
int64_t isr_client_backoff(struct isr_client *client);
/* An answer of the tp's broker named the leader; refreshes when that was no news. True when it was. */
bool isr_client_learn_leader(struct isr_client *client, struct isr_tp tp, int32_t leader,
                             int32_t leader_epoch);
/* Whom to ask for a partition of a named topic, in *tp; NULL, and a refresh is on the way, when that is not
 * known. *tp changes when the topic it was of is gone and there is another one of that name (KIP-516). */
const struct isr_cached_partition *isr_client_leader_of(struct isr_client *client, const char *topic,
                                                        uint16_t partition, struct isr_tp *tp);

void isr_producer_id_init(struct isr_client *client);
/* The id to write with, another one than spent; -1: there is none yet, it is asked for, and
 * isr_producer_go_on will be called. */
int64_t isr_producer_id_take(struct isr_client *client, int64_t spent);

/* Metadata came, or the producer's id: what waits for it looks again. */
void isr_producer_go_on(struct isr_client *client);
void isr_producer_command(struct isr_client *client, const struct isr_command *command);
uint64_t isr_producer_digest(const struct isr_client *client, uint64_t hash);

void isr_consumer_command(struct isr_client *client, const struct isr_command *command);
void isr_consumer_metadata_came(struct isr_client *client);
uint64_t isr_consumer_digest(const struct isr_client *client, uint64_t hash);

void isr_read_pool_command(struct isr_client *client, const struct isr_command *command);
void isr_read_pool_metadata_came(struct isr_client *client);
uint64_t isr_read_pool_digest(const struct isr_client *client, uint64_t hash);

void isr_admin_command(struct isr_client *client, const struct isr_command *command);
void isr_admin_metadata_came(struct isr_client *client);

#endif

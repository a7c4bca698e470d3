/* A broker: the partitions it replicates, the metadata it follows, and who it is to the controller.
 *
 *   starting --isr_broker_init--> passive --isr_broker_activate--> active --isr_broker_stop--> stopped
 *
 *   passive  metadata is followed, but no role is taken: it may still name the process' former life as leader
 *            of an epoch whose records it lost. Kafka publishes metadata to its replicas only once it has
 *            caught up with the broker's own registration.
 *   active   every partition whose replicas name this broker is led, followed, or waits for a leader; of
 *            others there is no log.
 *   stopped  no role, no timer, no request under way; the log store may be closed.
 *
 * Who writes which field: lifecycle.c broker_epoch, running, stopping; metadata_follower.c image and
 * controller (through core/metadata); all else belongs to broker.c and the files of the replica roles. */
#ifndef ISR_BROKER_BROKER_H
#define ISR_BROKER_BROKER_H

#include "core/base/tp_table.h"
#include "core/broker/partition.h"
#include "core/metadata/image.h"
#include "core/wire/message.h"

struct isr_fetch_loop;
struct isr_push_sender;
struct isr_fetch_session;
struct isr_produce_waiter;
struct isr_lifecycle;
struct isr_metadata_follower;
struct isr_producer_ids;

struct isr_broker {
    struct isr_env *env;
    struct isr_log_store *store;
    struct isr_image image; /* the metadata followed */
    uint8_t rack;           /* where it stands (KIP-392) */
    int64_t broker_epoch;   /* index of its register record; -1 before registration */
    bool running;           /* unfenced, as far as this broker knows */
    bool stopping;          /* in controlled shutdown */
    int32_t controller;     /* whom to talk to; ISR_NODE_NONE while unknown */
    uint32_t correlation;   /* the last one given out, 0 before the first */
    bool active;            /* roles are taken */
    struct {
        int32_t controller_epoch;      /* the highest obeyed, 0 before the first */
        int64_t index;                 /* of the last LeaderAndIsr or StopReplica obeyed in it */
        bool roles;                    /* it was, or was followed by, the LeaderAndIsr of that index */
    } pushed;                          /* metadata_push.c */
    int64_t image_floor;               /* roles were taken up to there: what an image that was lost and is
                                          fetched again says before is history */
    struct isr_partition **partitions; /* ordered by isr_tp_key */
    uint32_t partitions_count, partitions_capacity;
    struct isr_tp_table table;                                  /* the same, to be found at once */
    struct isr_fetch_loop *loops[ISR_NODE_MAX + 1];             /* by leader's node id; NULL: none yet */
    struct isr_fetch_session *fetch_sessions[ISR_NODE_MAX + 1]; /* by peer; NULL: none with an id */
    uint32_t fetch_sessions_count;
    struct isr_fetch_session *fetch_sessions_free;
    struct isr_fetch_wait *fetch_waits_free;
    struct isr_produce_waiter *produce_waiters_free;
    struct isr_push_sender *senders[ISR_NODE_MAX + 1]; /* by follower's node id; NULL: none yet, push.c */
    struct isr_timer push_timer; /* looks for followers without news, every fetch_max_wait */
    struct isr_timer lag_timer;  /* looks for members that fell out of sync, every replica_lag_time_max / 2 */
    struct isr_timer retention_timer;                /* retention.c */
    struct isr_timer compaction_timer;               /* compaction.c: set while some topic is compacted */
    bool compacting;                                 /* the cleaner is at a log */
    struct isr_lifecycle *lifecycle;                 /* lifecycle.c */
    struct isr_metadata_follower *metadata_follower; /* metadata_follower.c */
    struct isr_producer_ids *producer_ids;           /* producer_ids.c */
};

/* Fills broker; env and store are borrowed for its life. Initialises the image. */
void isr_broker_init(struct isr_broker *broker, struct isr_env *env, struct isr_log_store *store);

/* Takes the roles that the image gives, and from then on every role that isr_broker_partition_changed tells.
 * To be called once, when the store is ready, the broker is registered and image.index >= broker_epoch. With
 * metadata_push no role is in the image, and whoever pushes answers for the rest. */
void isr_broker_activate(struct isr_broker *broker);

/* For every partition record applied, in order, after the change was applied to the image; and for every
 * partition of the image after a snapshot was loaded (isr_broker_image_loaded does that). Nothing happens
 * while not active, and for partitions that do not concern this broker. */
void isr_broker_partition_changed(struct isr_broker *broker, const struct isr_image_partition *partition,
                                  const struct isr_image_topic *topic, enum isr_cause cause);
void isr_broker_image_loaded(struct isr_broker *broker);
/* Deletes the logs of partitions that, by the image, this broker is no replica of. For a broker that follows
 * the metadata: to be called after isr_broker_activate; isr_broker_image_loaded does it too. */
void isr_broker_drop_strays(struct isr_broker *broker);
/* For every topic whose settings changed or that was removed. A partition that this broker is no replica of
 * any more, by this or by one of the above, is gone with its log. */
void isr_broker_topic_changed(struct isr_broker *broker, const struct isr_image_topic *topic);

/* This broker is no replica of it any more, and is to forget its log. */
void isr_broker_partition_stop(struct isr_broker *broker, struct isr_partition *partition);

/* PRODUCE_REQUEST, FETCH_REQUEST, FETCH_RESPONSE, OFFSETS_FOR_EPOCH_REQUEST and _RESPONSE,
 * LIST_OFFSETS_REQUEST and _RESPONSE, DELETE_RECORDS_REQUEST, LOG_STATE_REQUEST and _RESPONSE,
 * COMPACTION_REQUEST and _RESPONSE, LOG_INFO_REQUEST, PUSH_REQUEST and _RESPONSE, ALTER_PARTITION_RESPONSE.
 * False for every other kind. The message is borrowed. */
bool isr_broker_message(struct isr_broker *broker, int32_t from, const struct isr_message *message);

/* No answer comes from that node any more to what replicas asked it. */
void isr_broker_disconnected(struct isr_broker *broker, int32_t node);

/* Gives up every role: requests that wait are answered NOT_LEADER_OR_FOLLOWER, fetching ends. For the end of
 * a controlled shutdown, before the store is closed. */
void isr_broker_stop(struct isr_broker *broker);

/* NULL when this broker has no such partition. */
static inline struct isr_partition *isr_broker_partition(const struct isr_broker *broker, struct isr_tp tp)
{
    return isr_tp_table_get(&broker->table, tp);
}

/* A fresh correlation id for a request to another node; never 0. Each life of the process begins somewhere
 * else, so that an answer to a request of the life before is not taken for one of this. */
static inline uint32_t isr_broker_correlation(struct isr_broker *broker)
{
    if (broker->correlation == 0)
        broker->correlation =
            (uint32_t)isr_hash_combine(isr_mix(broker->env->random.key), (uint64_t)broker->env->now_ns);
    if (++broker->correlation == 0)
        broker->correlation = 1;
    return broker->correlation;
}

static inline int32_t isr_broker_controller(const struct isr_broker *broker)
{
    return broker->controller;
}

/* The protocol state of all partitions, by field, combined into hash. */
uint64_t isr_broker_digest(const struct isr_broker *broker, uint64_t hash);

#endif

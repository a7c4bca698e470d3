/* The border of the engine: what comes in (struct isr_event) and what goes out (struct isr_effects). */
#ifndef ISR_BASE_EVENT_H
#define ISR_BASE_EVENT_H

#include "core/base/observation.h"
#include "core/base/topic_settings.h"
#include "core/base/types.h"

/* ---- files: named by what they hold, never by a path ---- */

enum isr_file_kind {
    ISR_FILE_SEGMENT,         /* tp, number = base offset: record batches */
    ISR_FILE_EPOCHS,          /* tp: leader-epoch checkpoint */
    ISR_FILE_PRODUCERS,       /* tp, number = offset: producer-state snapshot */
    ISR_FILE_HIGH_WATERMARKS, /* high-watermark checkpoint of all partitions */
    ISR_FILE_RECOVERY_POINTS, /* recovery points and log starts of all partitions */
    ISR_FILE_CLEAN_SHUTDOWN,  /* clean-shutdown marker with the broker epoch */
    ISR_FILE_QUORUM_VOTE,     /* Raft term and vote */
    ISR_FILE_QUORUM_LOG,      /* number = first index: Raft entries */
    ISR_FILE_QUORUM_SNAPSHOT, /* number = last index: Raft snapshot */
    ISR_FILE_PEER,            /* a peer's term, vote and group (struct isr_peer_state) */
    ISR_FILE_CLEANED,         /* tp: up to where the log is compacted */
    ISR_FILE_KINDS
};

struct isr_file {
    enum isr_file_kind kind;
    struct isr_tp tp;
    int64_t number;
};

static inline bool isr_file_equal(struct isr_file a, struct isr_file b)
{
    return a.kind == b.kind && isr_tp_equal(a.tp, b.tp) && a.number == b.number;
}
/* Total order: kind, partition, number. Negative, zero or positive. */
int isr_file_compare(struct isr_file a, struct isr_file b);

struct isr_file_entry {
    struct isr_file file;
    int64_t size_bytes;
};

/* DAMAGED: never of an operation; the reason of a node that halts over what it read. */
enum isr_io_status { ISR_IO_OK, ISR_IO_ERROR, ISR_IO_NO_SPACE, ISR_IO_NO_FILE, ISR_IO_DAMAGED };

/* ---- what clients are told to do ---- */

enum isr_command_kind {
    ISR_COMMAND_PRODUCE,      /* topic, partition, acks, records */
    ISR_COMMAND_CONSUME,      /* topic, partition: read from offset on, for ever; from_follower */
    ISR_COMMAND_READ,         /* topic, partition, pool_mode: the newest committed record; answers its end */
    ISR_COMMAND_CREATE_TOPIC, /* create */
    ISR_COMMAND_DELETE_TOPIC, /* topic */
    ISR_COMMAND_ALTER_TOPIC,  /* topic, settings, settings_given */
    ISR_COMMAND_REASSIGN,     /* topic, partition, replicas (none: cancel) */
    ISR_COMMAND_ELECT,        /* topic, partition, elect_kind (as in ELECT_LEADERS_REQUEST) */
    ISR_COMMAND_ALTER_QUORUM, /* quorum_change, node, controller */
    ISR_COMMAND_CAMPAIGN,     /* to a peer: stand for election, whoever leads; not answered */
    ISR_COMMAND_DELETE_RECORDS, /* topic, partition: those below offset; -1: below the high watermark */
    ISR_COMMAND_PROPOSE, /* first_value, value_bytes: an entry for the numbered entries; answers its index */
};

/* From whom a READ reads; see core/client/read_pool.c. */
enum isr_pool_mode { ISR_POOL_IN_SYNC, ISR_POOL_ROUND_ROBIN, ISR_POOL_LEADER };
/* Where a consumer goes on whose offset is no longer there, or not any more (Kafka: auto.offset.reset). */
enum isr_consumer_reset { ISR_RESET_EARLIEST, ISR_RESET_LATEST, ISR_RESET_NONE /* it stops */ };

/* A command to a client node; the answer is an ISR_EFFECT_REPLY with the same id. Records of a PRODUCE: each
 * a value of value_bytes whose first 8 bytes are first_value, first_value + 1, ...; with keys, which follow
 * from the values (core/log/batch.h), where the topic is compacted. */
struct isr_command {
    enum isr_command_kind kind;
    uint64_t id;
    const char *topic; /* borrowed */
    uint16_t partition;
    int16_t acks;
    uint64_t first_value;
    uint32_t record_count;
    uint32_t value_bytes;
    uint32_t keys;              /* PRODUCE: so many keys; 0: records have none */
    uint32_t tombstone_percent; /* PRODUCE: of the records with keys */
    int64_t offset;             /* CONSUME: -1 latest, -2 earliest */
    uint8_t rack;       /* CONSUME: the leader may send it to an in-sync replica in this rack (KIP-392) */
    bool from_follower; /* CONSUME: or to any follower, when it has no rack */
    uint8_t reset;      /* CONSUME: enum isr_consumer_reset */
    enum isr_pool_mode pool_mode;
    uint8_t elect_kind;
    uint8_t quorum_change; /* ALTER_QUORUM: as in ALTER_QUORUM_REQUEST */
    int32_t node;          /* ALTER_QUORUM: whom it concerns, ISR_NODE_NONE: anybody */
    int32_t controller;    /* ALTER_QUORUM: whom to ask, ISR_NODE_NONE: whoever leads */
    /* CREATE_TOPIC */
    int32_t partitions;
    int16_t replication_factor;
    struct isr_topic_settings settings;
    const struct isr_replicas *assignments; /* borrowed: partitions many, or NULL */
    /* ALTER_TOPIC: bit i: the i-th setting of core/topic.def changes to what settings says */
    uint64_t settings_given;
    struct isr_replicas replicas; /* REASSIGN */
};

/* ---- in ---- */

enum isr_event_kind {
    ISR_EVENT_START,        /* the process started; once, first */
    ISR_EVENT_MESSAGE,      /* a frame arrived */
    ISR_EVENT_WAKE,         /* the time asked for by the last effects came */
    ISR_EVENT_IO_DONE,      /* a disk operation finished or failed */
    ISR_EVENT_COMMAND,      /* to a client */
    ISR_EVENT_SHUTDOWN,     /* asked to stop cleanly; the node answers with ISR_EFFECT_EXIT when it is done */
    ISR_EVENT_DISCONNECTED, /* the connection to a node broke: answers that are still awaited from it will not
                               come. Transports without connections never say so; timeouts then find out */
};

struct isr_event {
    enum isr_event_kind kind;
    int64_t now_ns;    /* the node's own monotonic clock; never goes back while the process lives */
    int64_t real_ns;   /* the node's wall clock; may be set forward and back at any time. For records'
                          timestamps and what is judged by them, never for timeouts */
    int64_t behind_ns; /* how long the first of the events that came and still wait has waited; 0: none does,
                          or who runs the node keeps none waiting */
    union {
        struct {
            uint64_t random_key; /* fresh for each start */
        } start;
        struct {
            int32_t from;
            struct isr_bytes frame; /* borrowed */
        } message;
        struct {
            uint32_t io; /* as in the effect */
            enum isr_io_status status;
            struct isr_bytes bytes;             /* READ; borrowed */
            const struct isr_file_entry *files; /* LIST, in isr_file_compare order; borrowed */
            uint32_t files_count;
        } io_done;
        const struct isr_command *command; /* borrowed: in here it would make every event large */
        struct {
            int32_t peer;
        } disconnected;
    };
};

/* ---- out ---- */

enum isr_effect_kind {
    ISR_EFFECT_SEND,    /* frame to a node */
    ISR_EFFECT_WRITE,   /* bytes at position of a file, made if absent; done = in the page cache */
    ISR_EFFECT_SYNC,    /* done = all earlier writes and truncations of the file, and its name, are durable */
    ISR_EFFECT_REPLACE, /* the whole file, atomically (write aside, sync, rename, sync); done = durable */
    ISR_EFFECT_TRUNCATE, /* to position bytes; done = in the page cache */
    ISR_EFFECT_DELETE,   /* the file; no error when it is absent */
    ISR_EFFECT_READ,     /* the whole file */
    ISR_EFFECT_LIST,     /* all files of the node */
    ISR_EFFECT_REPLY,    /* a client's answer to a command */
    ISR_EFFECT_RECORDS,  /* a consumer read one batch: frame holds it */
    ISR_EFFECT_EXIT,     /* the process ends by itself: cleanly, or halted after a disk error */
};

/* Disk operations on one file take effect and complete in the order in which they were asked. */
struct isr_effect {
    enum isr_effect_kind kind;
    uint8_t error; /* REPLY: enum isr_error */
    bool clean;    /* EXIT */
    int32_t to;    /* SEND */
    uint32_t io;   /* disk operations: echoed by ISR_EVENT_IO_DONE */
    struct isr_file file;
    int64_t position;       /* WRITE, TRUNCATE */
    struct isr_bytes bytes; /* SEND, WRITE, REPLACE, RECORDS: valid until the node's next step */
    uint64_t id;            /* REPLY: the command's */
    int64_t offset;         /* REPLY: base offset of what was produced; RECORDS: offset of the batch */
    struct isr_tp tp;       /* REPLY, RECORDS */
};

/* Filled by a step; everything in it belongs to the node and is valid until its next step. */
struct isr_effects {
    const struct isr_effect *items;
    uint32_t count;
    const struct isr_observation *observations;
    uint32_t observations_count;
    int64_t wake_ns; /* node-local time of the wake-up that is wanted; replaces the earlier wish;
                        ISR_TIME_NEVER */
};

#endif

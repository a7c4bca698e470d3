/* What the two files of the consumer share: consumer.c decides where each partition is read from,
 * reader_link.c reads from one broker all that is read from there. Internal to core/client. */
#ifndef ISR_CLIENT_CONSUMER_H
#define ISR_CLIENT_CONSUMER_H

#include "core/client/client.h"
#include "core/wire/fetch_session.h"

/* One partition that is read. */
struct isr_consumer {
    struct isr_client *client;
    struct isr_name topic;
    uint16_t partition;
    uint8_t rack;           /* where the leader may send it, ISR_RACK_NONE: nowhere (KIP-392) */
    uint8_t reset;          /* enum isr_consumer_reset: where it goes on when its position is out of range */
    bool stopped;           /* reset is NONE, and it was */
    struct isr_tp tp;       /* topic 0: not known yet */
    int64_t position;       /* the next offset, or POSITION_* */
    int32_t position_epoch; /* leader epoch of the last batch delivered, ISR_EPOCH_NONE when there is none */
    int32_t checked_epoch;  /* the leader's epoch for which the position was found good */
    int32_t asked_epoch;    /* the leader's epoch known when the request was sent */
    uint32_t correlation;   /* of its own request for an offset or an epoch; 0: none under way */
    int32_t reads_from;     /* the broker of its link */
    int32_t preferred;      /* the leader said to read there, ISR_NODE_NONE: read at the leader */
    int64_t preferred_until_ns;
    int64_t leader_only_until_ns;
    struct isr_timer pause_timer; /* set: nothing is asked until then */
    /* reader_link.c */
    struct isr_reader_link *link; /* whence it is read; NULL: it is not, for now */
    struct isr_consumer *link_next, *link_previous;
    struct isr_consumer *due_next, *due_previous;
    bool due;    /* the broker may have to be told where it is */
    bool listed; /* the broker knows, as below, and answers about it */
    int64_t sent_position;
    int32_t sent_epoch;
    uint8_t sent_rack;
};

/* ---- reader_link.c ---- */

/* From now on it is read from the broker, from its position on; what has changed is told. */
void isr_reader_link_join(struct isr_consumer *consumer, int32_t node);
/* It is not read from anywhere. */
void isr_reader_link_leave(struct isr_consumer *consumer);
/* Sends what has gathered; for who changed many at once. */
void isr_reader_links_go_on(struct isr_client *client);

/* ---- consumer.c ---- */

/* What comes next for it, after whatever happened. */
void isr_consumer_go_on(struct isr_consumer *consumer);
/* The broker it is read from answered; told: NULL when it did not. The consumer has left the link unless all
 * is well. */
void isr_consumer_answered(struct isr_consumer *consumer, const struct isr_fetch_answer *told);
/* The rack to send along: none while only the leader will do. */
uint8_t isr_consumer_rack(const struct isr_consumer *consumer);

#endif

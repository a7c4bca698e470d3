/* A broker's life as the controller sees it (KIP-500, KIP-631, KIP-966).
 *
 *   RECOVERING --logs ready--> REGISTERING --accepted--> CATCHING_UP --image reaches registration--> SERVING
 *                                   ^                         |                                        |
 *                                   +--- the controller does not know the registration any more -------+
 *   CATCHING_UP, SERVING     --shutdown asked--> LEAVING --the controller agrees, or time is up--> CLOSING
 *   RECOVERING, REGISTERING  --shutdown asked--> CLOSING --everything on disk--> STOPPED
 *
 *   RECOVERING   the log store reads the disk
 *   REGISTERING  asks the controller for a broker epoch, until it gets one
 *   CATCHING_UP  registered, but the image is older than the registration: roles found in it may be of a
 *                former life, so none is taken (isr_broker_activate comes with SERVING). Heartbeats ask to
 *                stay fenced.
 *   SERVING      heartbeats; they ask to be unfenced. A broker that was fenced (paused, cut off) learns it
 *                from the answers and the metadata, and comes back by going on.
 *   LEAVING      controlled shutdown: heartbeats ask to stop, until the controller has moved leadership
 *                away, at most broker_session_timeout long
 *   CLOSING      no roles; the log store writes its marker with the broker epoch
 *
 * A heartbeat that is refused with STALE_BROKER_EPOCH or BROKER_ID_NOT_REGISTERED registers again with the
 * same incarnation: the process still holds all that it ever held in this life, so that it is no new life to
 * the controller (registration.c), and it names the broker epoch that it had, which makes the registration
 * clean. Kafka's broker goes on with refused heartbeats for ever, and needs a restart. */
#ifndef ISR_BROKER_LIFECYCLE_H
#define ISR_BROKER_LIFECYCLE_H

#include "core/broker/broker.h"

enum isr_lifecycle_state {
    ISR_LIFECYCLE_RECOVERING,
    ISR_LIFECYCLE_REGISTERING,
    ISR_LIFECYCLE_CATCHING_UP,
    ISR_LIFECYCLE_SERVING,
    ISR_LIFECYCLE_LEAVING,
    ISR_LIFECYCLE_CLOSING,
    ISR_LIFECYCLE_STOPPED,
};

struct isr_lifecycle {
    struct isr_broker *broker;
    enum isr_lifecycle_state state;
    uint64_t incarnation;
    bool shutdown_wanted; /* while recovering */
    bool hurry;           /* a heartbeat is due as soon as the one under way is answered */
    uint32_t correlation; /* 0: no request under way */
    int32_t asked;
    struct isr_timer timer;         /* of the answer, or of the next request */
    struct isr_timer leaving_timer; /* the end of patience with the controller */
    void (*stopped)(void *object);  /* everything is on disk: the process may end */
    void *object;
};

/* Sets broker->lifecycle. stopped: called once, at the end of a shutdown. */
void isr_lifecycle_init(struct isr_broker *broker, void (*stopped)(void *object), void *object);
/* Starts recovery, then goes on by itself. */
void isr_lifecycle_start(struct isr_broker *broker);
/* The process was asked to stop cleanly. Again: no effect. */
void isr_lifecycle_shutdown(struct isr_broker *broker);
/* No answer comes from that node any more. */
void isr_lifecycle_disconnected(struct isr_broker *broker, int32_t node);
/* The image moved on. */
void isr_lifecycle_metadata_came(struct isr_broker *broker);
/* BROKER_REGISTRATION_RESPONSE and BROKER_HEARTBEAT_RESPONSE; stale ones change nothing. */
void isr_lifecycle_registration_answered(struct isr_broker *broker, int32_t from,
                                         const struct isr_broker_registration_response *answer);
void isr_lifecycle_heartbeat_answered(struct isr_broker *broker, int32_t from,
                                      const struct isr_broker_heartbeat_response *answer);

#endif

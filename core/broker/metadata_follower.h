/* A broker follows the metadata log of the controller (KIP-500): it fetches what is committed, applies it to
 * its image, and tells the replicas what changed.
 *
 *   PAUSED --timer--> ASKING --answer--> ASKING, for the next entries; the controller holds the question
 *      ^                |                when there is nothing new
 *      +----------------+ timeout, refusal without a hint, damage
 *
 * It also knows whom the broker should take for the active controller: told by answers, else guessed in
 * turn. */
#ifndef ISR_BROKER_METADATA_FOLLOWER_H
#define ISR_BROKER_METADATA_FOLLOWER_H

#include "core/broker/broker.h"

struct isr_metadata_follower {
    struct isr_broker *broker;
    struct isr_replicas controllers;
    uint32_t guess;       /* place of the voter to try while the controller is unknown */
    int64_t next_index;   /* the first entry that was not applied */
    uint32_t correlation; /* 0: not asking */
    int32_t asked;
    bool redirected;        /* the last question followed a hint: a second one in a row waits */
    struct isr_timer timer; /* of the answer, or of the pause */
};

/* Sets broker->metadata_follower. voters: the controller quorum. */
void isr_metadata_follower_init(struct isr_broker *broker, const struct isr_replicas *controllers);
void isr_metadata_follower_start(struct isr_broker *broker);
void isr_metadata_follower_stop(struct isr_broker *broker);
/* No answer comes from that node any more. */
void isr_metadata_follower_disconnected(struct isr_broker *broker, int32_t node);
void isr_metadata_follower_message(struct isr_broker *broker, int32_t from,
                                   const struct isr_metadata_fetch_response *answer);

/* With metadata_push the same news come unasked. Either a snapshot, or entries in order. */
bool isr_metadata_follower_push_is_sane(const struct isr_update_metadata_request *request);
/* The request is sane and passed the fences. Fills the image, gives no roles. OFFSET_OUT_OF_RANGE: something
 * before it is missing; CORRUPT_MESSAGE: the image is lost. */
enum isr_error isr_metadata_follower_pushed(struct isr_broker *broker,
                                            const struct isr_update_metadata_request *request);

/* Whom to send a request for the controller: the active one as far as known, else a voter in turn. */
int32_t isr_controller_guess(const struct isr_broker *broker);
/* It is a controller, or may become one. */
bool isr_controller_is_one(const struct isr_broker *broker, int32_t node);
/* The node told metadata as the active controller does. */
void isr_controller_found(struct isr_broker *broker, int32_t node);
/* The node answered a registration or a heartbeat as the active controller does, when none is known: with
 * metadata_push nothing else comes from it while there is no news, and who wants another ISR waits for it. A
 * deposed one that answers late displaces nobody. */
void isr_controller_answered(struct isr_broker *broker, int32_t node);
/* The node did not answer, or said that it is not the active controller. */
void isr_controller_failed(struct isr_broker *broker, int32_t node);

#endif

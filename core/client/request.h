/* A client's requests that wait for an answer.
 *
 *   add -> WAITING -> answered (from the node asked, with the kind expected)      -> gone
 *                  -> timed out (client_request_timeout; told as an absent answer) -> gone
 *                  -> forgotten by who asked                                       -> gone
 *
 * An answer that nobody waits for is dropped: late, repeated or forged answers change nothing. All requests
 * have the same timeout: they expire in the order in which they were sent, and one timer serves all. */
#ifndef ISR_CLIENT_REQUEST_H
#define ISR_CLIENT_REQUEST_H

#include "core/wire/message.h"

/* answer: NULL when the request timed out. */
typedef void isr_client_answered(void *object, uint32_t correlation, const struct isr_message *answer);

struct isr_client_request {
    uint32_t correlation;
    int32_t to;
    enum isr_message_kind expects;
    isr_client_answered *answered;
    void *object;
    int64_t deadline_ns;
    struct isr_client_request *previous, *next; /* oldest first; next also links free ones */
};

struct isr_client_requests {
    struct isr_env *env;
    struct isr_client_request **slots; /* by correlation modulo slots_count, a power of two; NULL = free */
    uint32_t slots_count;
    uint32_t waiting_count;
    uint32_t correlation_last; /* 0 is never used: it means no request */
    struct isr_client_request *oldest, *newest, *free;
    struct isr_timer timer; /* at or before the oldest deadline while a request waits */
};

void isr_client_requests_init(struct isr_client_requests *requests, struct isr_env *env);
/* The correlation for the next request; the caller sends the request with it in the same step. */
uint32_t isr_client_requests_add(struct isr_client_requests *requests, int32_t to,
                                 enum isr_message_kind expects, isr_client_answered *answered, void *object);
/* Nothing is told of it any more. 0 and unknown ones are allowed. */
void isr_client_requests_forget(struct isr_client_requests *requests, uint32_t correlation);
/* No answer comes from that node any more: tells all who wait for one, as at a timeout. */
void isr_client_requests_disconnected(struct isr_client_requests *requests, int32_t node);
/* Tells who waits. False when nobody does. */
bool isr_client_requests_answer(struct isr_client_requests *requests, int32_t from, uint32_t correlation,
                                const struct isr_message *answer);

#endif

/* Fetch sessions, the side of who fetches (KIP-227): followers and consumers alike.
 *
 *   NEW --answered with an id--> OPEN, next epoch 1 --each answer--> next epoch + 1
 *   NEW --answered without one--> NEW
 *   any --no answer in time, an error of the session--> NEW
 *
 * NEW: the next request lists everything and asks for a session; OPEN: only what changed. With fetch_sessions
 * off every request is one without a session. */
#ifndef ISR_WIRE_FETCH_SESSION_H
#define ISR_WIRE_FETCH_SESSION_H

#include "core/wire/message.h"

enum { ISR_FETCH_SESSION_NEW = 0, ISR_FETCH_SESSION_NONE = -1 };

struct isr_fetch_handle {
    uint32_t id;   /* 0 while NEW */
    int32_t epoch; /* of the next request */
};

static inline void isr_fetch_handle_reset(struct isr_fetch_handle *handle)
{
    *handle = (struct isr_fetch_handle){.epoch = ISR_FETCH_SESSION_NEW};
}

static inline bool isr_fetch_handle_open(const struct isr_fetch_handle *handle)
{
    return handle->id != 0;
}

static inline void isr_fetch_handle_ask(const struct isr_fetch_handle *handle,
                                        const struct isr_config *config, struct isr_fetch_request *request)
{
    request->session_id = handle->id;
    request->session_epoch = config->fetch_sessions != 0 ? handle->epoch : ISR_FETCH_SESSION_NONE;
}

/* An answer to the last request. False when it says that the session is gone. */
static inline bool isr_fetch_handle_answered(struct isr_fetch_handle *handle,
                                             const struct isr_fetch_response *response)
{
    if (response->error != ISR_ERROR_NONE || (handle->id != 0 && response->session_id != handle->id)) {
        isr_fetch_handle_reset(handle);
        return false;
    }
    handle->id = response->session_id;
    if (handle->id == 0)
        handle->epoch = ISR_FETCH_SESSION_NEW;
    else
        handle->epoch = handle->epoch == INT32_MAX ? 1 : handle->epoch + 1;
    return true;
}

#endif

/* What replicas tell a controller of their logs. */
#ifndef CTL_TESTS_LOG_INFO_H
#define CTL_TESTS_LOG_INFO_H

#include "core/controller/tests/fixture.h"

struct told {
    int32_t leader_epoch, last_epoch;
    int64_t log_end;
    enum isr_error error;
    int64_t broker_epoch; /* 0: the registered one */
};

static inline void tell(struct fixture *f, int32_t from, struct told what)
{
    struct isr_log_info_answer answer = {.tp = orders,
                                         .error = (uint8_t)what.error,
                                         .leader_epoch = what.leader_epoch,
                                         .last_epoch = what.last_epoch,
                                         .log_end = what.log_end};
    struct isr_message message = {
        .kind = ISR_MESSAGE_LOG_INFO_RESPONSE,
        .log_info_response = {.broker_epoch = what.broker_epoch != 0
                                                  ? what.broker_epoch
                                                  : f->controller.committed.brokers[from].epoch,
                              .partitions = &answer,
                              .partitions_count = 1}};
    deliver(f, from, &message);
}

static inline bool asked(struct fixture *f, int32_t node)
{
    struct isr_message message;
    return sent(f, node, ISR_MESSAGE_LOG_INFO_REQUEST, &message) &&
           message.log_info_request.partitions_count == 1 &&
           message.log_info_request.partitions[0].leader_epoch == committed(f)->leader_epoch;
}

#endif

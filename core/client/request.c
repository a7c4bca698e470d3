#include "core/client/request.h"

enum { SLOTS_AT_FIRST = 16 };

static void expire(void *object);

void isr_client_requests_init(struct isr_client_requests *requests, struct isr_env *env)
{
    *requests = (struct isr_client_requests){.env = env, .slots_count = SLOTS_AT_FIRST};
    requests->slots = isr_heap_allocate(env->heap, SLOTS_AT_FIRST * sizeof *requests->slots);
    isr_timer_init(&requests->timer, expire, requests);
}

/* Correlations that differ modulo n also differ modulo 2n: everything finds its place again. */
static void slots_double(struct isr_client_requests *requests)
{
    uint32_t wider = requests->slots_count * 2;
    struct isr_client_request **slots = isr_heap_allocate(requests->env->heap, wider * sizeof *slots);
    for (struct isr_client_request *at = requests->oldest; at != NULL; at = at->next)
        slots[at->correlation & (wider - 1)] = at;
    isr_heap_release(requests->env->heap, requests->slots);
    requests->slots = slots;
    requests->slots_count = wider;
}

static struct isr_client_request **slot_of(struct isr_client_requests *requests, uint32_t correlation)
{
    return &requests->slots[correlation & (requests->slots_count - 1)];
}

/* The next number whose slot is free; at most half of the slots are taken. */
static uint32_t correlation_take(struct isr_client_requests *requests)
{
    do {
        requests->correlation_last++;
    } while (requests->correlation_last == 0 || *slot_of(requests, requests->correlation_last) != NULL);
    return requests->correlation_last;
}

static struct isr_client_request *request_new(struct isr_client_requests *requests)
{
    struct isr_client_request *request = requests->free;
    if (request == NULL)
        return isr_heap_allocate(requests->env->heap, sizeof *request);
    requests->free = request->next;
    return request;
}

uint32_t isr_client_requests_add(struct isr_client_requests *requests, int32_t to,
                                 enum isr_message_kind expects, isr_client_answered *answered, void *object)
{
    struct isr_env *env = requests->env;
    if (requests->waiting_count * 2 >= requests->slots_count)
        slots_double(requests);
    struct isr_client_request *request = request_new(requests);
    *request = (struct isr_client_request){
        .correlation = correlation_take(requests),
        .to = to,
        .expects = expects,
        .answered = answered,
        .object = object,
        .deadline_ns = env->now_ns + env->config.client_request_timeout,
        .previous = requests->newest,
    };
    *slot_of(requests, request->correlation) = request;
    *(requests->newest != NULL ? &requests->newest->next : &requests->oldest) = request;
    requests->newest = request;
    requests->waiting_count++;
    if (!isr_timer_is_set(&requests->timer))
        isr_timer_set(&env->timers, &requests->timer, request->deadline_ns);
    return request->correlation;
}

static void request_remove(struct isr_client_requests *requests, struct isr_client_request *request)
{
    *slot_of(requests, request->correlation) = NULL;
    *(request->previous != NULL ? &request->previous->next : &requests->oldest) = request->next;
    *(request->next != NULL ? &request->next->previous : &requests->newest) = request->previous;
    requests->waiting_count--;
    *request = (struct isr_client_request){.next = requests->free};
    requests->free = request;
}

static struct isr_client_request *request_find(struct isr_client_requests *requests, uint32_t correlation)
{
    struct isr_client_request *request = *slot_of(requests, correlation);
    return request != NULL && request->correlation == correlation ? request : NULL;
}

void isr_client_requests_forget(struct isr_client_requests *requests, uint32_t correlation)
{
    struct isr_client_request *request = request_find(requests, correlation);
    if (request != NULL)
        request_remove(requests, request);
}

bool isr_client_requests_answer(struct isr_client_requests *requests, int32_t from, uint32_t correlation,
                                const struct isr_message *answer)
{
    struct isr_client_request *request = request_find(requests, correlation);
    if (request == NULL || request->to != from || request->expects != answer->kind)
        return false;
    struct isr_client_request copy = *request;
    request_remove(requests, request);
    copy.answered(copy.object, correlation, answer);
    return true;
}

static struct isr_client_request *oldest_to(const struct isr_client_requests *requests, int32_t node)
{
    struct isr_client_request *request = requests->oldest;
    while (request != NULL && request->to != node)
        request = request->next;
    return request;
}

void isr_client_requests_disconnected(struct isr_client_requests *requests, int32_t node)
{
    uint32_t count = 0; /* who is told may ask again at once: those requests are not meant */
    for (const struct isr_client_request *request = requests->oldest; request != NULL;
         request = request->next)
        count += request->to == node;
    struct isr_client_request *request;
    for (; count > 0 && (request = oldest_to(requests, node)) != NULL; count--) {
        struct isr_client_request copy = *request;
        request_remove(requests, request);
        copy.answered(copy.object, copy.correlation, NULL);
    }
}

/* The timer is not moved by every answer: it fires at what was the oldest deadline and looks again. */
static void expire(void *object)
{
    struct isr_client_requests *requests = object;
    struct isr_env *env = requests->env;
    while (requests->oldest != NULL && requests->oldest->deadline_ns <= env->now_ns) {
        struct isr_client_request copy = *requests->oldest;
        request_remove(requests, requests->oldest);
        copy.answered(copy.object, copy.correlation, NULL);
    }
    if (requests->oldest != NULL)
        isr_timer_set(&env->timers, &requests->timer, requests->oldest->deadline_ns);
}

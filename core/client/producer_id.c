/* The producer's id, which brokers hand out (KIP-98: InitProducerId): all senders of a client write with it.
 *
 *   NONE --first record that is to be idempotent--> ASKING --answer--> KNOWN
 *    ^                                              |  ^                |
 *    |              refusal, timeout: the next broker  |                |
 *    |                                              v  |                |
 *    |                                             PAUSED               |
 *    +------------------ a sender used up its epochs -------------------+
 *
 * A producer that a leader does not know any more goes on with the next epoch of its id (KIP-360), not with
 * another id. */
#include "core/client/client.h"

static void ask(struct isr_client *client);

static void pause_over(void *object)
{
    ask(object);
}

void isr_producer_id_init(struct isr_client *client)
{
    client->producer_id = -1;
    client->producer_broker_next = client->bootstrap_next;
    isr_timer_init(&client->producer_id_timer, pause_over, client);
}

static void answered(void *object, uint32_t correlation, const struct isr_message *answer)
{
    struct isr_client *client = object;
    struct isr_env *env = client->env;
    ISR_ASSERT(correlation == client->producer_correlation);
    client->producer_correlation = 0;
    if (answer == NULL || answer->init_producer_id_response.error != ISR_ERROR_NONE ||
        answer->init_producer_id_response.producer_id < 0) {
        env->metrics.client_retries++;
        isr_env_timer_in(env, &client->producer_id_timer, isr_client_backoff(client));
        return;
    }
    client->producer_id = answer->init_producer_id_response.producer_id;
    uint32_t asked = (client->producer_broker_next + client->bootstrap.count - 1) % client->bootstrap.count;
    struct isr_observation *seen = isr_observe(env, ISR_OBSERVED_PRODUCER_ID_TAKEN);
    seen->producer_id_taken.broker = client->bootstrap.ids[asked];
    seen->producer_id_taken.producer = client->producer_id;
    isr_producer_go_on(client);
}

static void ask(struct isr_client *client)
{
    int32_t broker = client->bootstrap.ids[client->producer_broker_next];
    client->producer_broker_next = (client->producer_broker_next + 1) % client->bootstrap.count;
    client->producer_correlation = isr_client_requests_add(
        &client->requests, broker, ISR_MESSAGE_INIT_PRODUCER_ID_RESPONSE, answered, client);
    struct isr_message message = {.kind = ISR_MESSAGE_INIT_PRODUCER_ID_REQUEST,
                                  .init_producer_id_request = {.correlation = client->producer_correlation}};
    isr_send(client->env, broker, &message);
}

int64_t isr_producer_id_take(struct isr_client *client, int64_t spent)
{
    if (client->producer_id >= 0 && client->producer_id != spent)
        return client->producer_id;
    client->producer_id = -1;
    if (client->producer_correlation == 0 && !isr_timer_is_set(&client->producer_id_timer))
        ask(client);
    return -1;
}

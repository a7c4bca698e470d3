/* What a peer keeps on disk beside its log: struct isr_peer_state in one file, replaced whole.
 *
 *   wanted == durable                  nothing to write
 *   wanted >  durable, writing == 0    cannot be: a write is asked for with every change
 *   writing > durable                  one replacement under way; when it is done the next begins, if wanted
 * grew
 *
 * File: u32 CRC-32C of what follows, then the fields of peer_state. A file that is damaged cannot come from a
 * crash, since a replacement is atomic: the node halts rather than vote twice. */
#include "core/peer/internal.h"

static struct isr_file state_file(void)
{
    return (struct isr_file){.kind = ISR_FILE_PEER};
}

static bool state_is_sane(const struct isr_peer_state *state)
{
    return state->term >= 0 && state->term <= PEER_TERM_MAX && state->mark_term <= state->term &&
           state->mark_start >= 0 && state->config_term >= 0 && state->config_version >= 0;
}

static void state_came(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct isr_peer *peer = object;
    (void)argument;
    if (peer->env->exiting)
        return;
    if (result->status == ISR_IO_OK) {
        struct isr_reader reader = {
            .data = result->bytes.data, .size_bytes = result->bytes.size, .scratch = &peer->env->scratch};
        uint32_t crc = isr_get_u32(&reader);
        isr_get_peer_state(&reader, &peer->state);
        if (reader.failed || reader.position != reader.size_bytes ||
            crc != isr_crc32c(0, result->bytes.data + 4, result->bytes.size - 4) ||
            !state_is_sane(&peer->state)) {
            isr_env_exit(peer->env, false, ISR_IO_ERROR);
            return;
        }
    } else if (result->status != ISR_IO_NO_FILE) {
        isr_env_exit(peer->env, false, (int64_t)result->status);
        return;
    }
    peer->state_read = true;
    peer_recovered(peer);
}

void peer_state_recover(struct isr_peer *peer)
{
    peer->state = (struct isr_peer_state){.voted_for = ISR_NODE_NONE, .mark_term = ISR_EPOCH_NONE};
    isr_env_read(peer->env, state_file(), state_came, peer, 0);
}

static void state_write(struct isr_peer *peer);

static void state_written(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct isr_peer *peer = object;
    if (result->status != ISR_IO_OK) {
        isr_env_exit(peer->env, false, (int64_t)result->status);
        return;
    }
    peer->state_writing = 0;
    peer->state_durable = (uint32_t)argument;
    if (!peer_state_is_durable(peer)) {
        state_write(peer);
        return;
    }
    peer_election_settled(peer);
    peer_replication_settled(peer);
}

static void state_write(struct isr_peer *peer)
{
    size_t size = 4 + isr_size_peer_state(&peer->state);
    uint8_t *bytes = isr_scratch_allocate(&peer->env->scratch, size);
    uint8_t *end = isr_put_peer_state(bytes + 4, &peer->state);
    ISR_ASSERT(end == bytes + size);
    isr_put_u32(bytes, isr_crc32c(0, bytes + 4, size - 4));
    peer->state_writing = peer->state_wanted;
    isr_env_replace(peer->env, state_file(), (struct isr_bytes){bytes, (uint32_t)size}, state_written, peer,
                    peer->state_wanted);
}

void peer_state_save(struct isr_peer *peer)
{
    peer->state_wanted++;
    if (peer->state_writing == 0)
        state_write(peer);
}

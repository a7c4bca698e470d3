/* Messages between nodes and their frames.
 *
 * Frame: u32 CRC-32C of what follows, u8 kind, then the fields of messages.def in order. A frame whose
 * checksum, kind, or any field is wrong, or that has bytes left over, is rejected whole. */
#ifndef ISR_WIRE_MESSAGE_H
#define ISR_WIRE_MESSAGE_H

#include "core/base/env.h"
#include "core/wire/codec.h"
#include "core/wire/messages.def"

enum isr_message_kind {
#define X(NAME, name, group) ISR_MESSAGE_##NAME,
    ISR_MESSAGES(X)
#undef X
        ISR_MESSAGE_KINDS
};

enum isr_message_group { ISR_GROUP_CONTROL, ISR_GROUP_ELECTION, ISR_GROUP_HEARTBEAT, ISR_GROUP_DATA };

#define X(name) ISR_CODEC_DECLARE(name)
ISR_MESSAGE_PARTS(X)
#undef X
#define X(NAME, name, group) ISR_CODEC_DECLARE(name)
ISR_MESSAGES(X)
#undef X

struct isr_message {
    enum isr_message_kind kind;
    union {
#define X(NAME, name, group) struct isr_##name name;
        ISR_MESSAGES(X)
#undef X
    };
};

/* Makes it a message of that kind with these fields: (&message, FETCH_RESPONSE, fetch_response, .error = e,
 * ...). Unlike an initialiser of the whole, which clears the widest member of the union, it costs what the
 * kind does: for what is sent all the time. */
#define ISR_MESSAGE_SET(message, NAME, name, ...) \
    ((message)->kind = ISR_MESSAGE_##NAME, (message)->name = (struct isr_##name){__VA_ARGS__})

enum { ISR_FRAME_HEADER_BYTES = 5 };

const char *isr_message_name(enum isr_message_kind kind);
enum isr_message_group isr_message_group(enum isr_message_kind kind);
/* The kind of an intact frame, ISR_MESSAGE_KINDS when it is too short or unknown. Reads no more than the
 * head. */
enum isr_message_kind isr_frame_kind(struct isr_bytes frame);

/* The encoded frame, in scratch. */
struct isr_bytes isr_message_encode(const struct isr_message *message, struct isr_scratch *scratch);
/* Fills message; its arrays are in scratch, its bytes point into frame. False when the frame is damaged. */
bool isr_message_decode(struct isr_bytes frame, struct isr_scratch *scratch, struct isr_message *message);
/* The same without a look at the checksum. */
bool isr_message_decode_unchecked(struct isr_bytes frame, struct isr_scratch *scratch,
                                  struct isr_message *message);
/* "FETCH_REQUEST correlation=3 replica_id=2 ...", for people. */
void isr_message_print(const struct isr_message *message, struct isr_text *text);
uint64_t isr_message_hash(const struct isr_message *message);

/* Encodes and sends. */
static inline void isr_send(struct isr_env *env, int32_t to, const struct isr_message *message)
{
    isr_env_send_frame(env, to, isr_message_encode(message, &env->scratch));
}

#endif

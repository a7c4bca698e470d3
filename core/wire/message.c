#include "core/wire/message.h"

#include "core/base/assert.h"

#define X(name) ISR_CODEC_DEFINE(name)
ISR_MESSAGE_PARTS(X)
#undef X
#define X(NAME, name, group) ISR_CODEC_DEFINE(name)
ISR_MESSAGES(X)
#undef X

const char *isr_message_name(enum isr_message_kind kind)
{
    static const char *const names[] = {
#define X(NAME, name, group) #NAME,
        ISR_MESSAGES(X)
#undef X
    };
    return kind < ISR_MESSAGE_KINDS ? names[kind] : "?";
}

enum isr_message_group isr_message_group(enum isr_message_kind kind)
{
    static const uint8_t groups[] = {
#define X(NAME, name, group) ISR_GROUP_##group,
        ISR_MESSAGES(X)
#undef X
    };
    ISR_ASSERT(kind < ISR_MESSAGE_KINDS);
    return (enum isr_message_group)groups[kind];
}

enum isr_message_kind isr_frame_kind(struct isr_bytes frame)
{
    if (frame.size < ISR_FRAME_HEADER_BYTES || frame.data[4] >= ISR_MESSAGE_KINDS)
        return ISR_MESSAGE_KINDS;
    return (enum isr_message_kind)frame.data[4];
}

static size_t payload_size(const struct isr_message *message)
{
    switch (message->kind) {
#define X(NAME, name, group) \
    case ISR_MESSAGE_##NAME: \
        return isr_size_##name(&message->name);
        ISR_MESSAGES(X)
#undef X
    case ISR_MESSAGE_KINDS:
        break;
    }
    ISR_ASSERT(false && "a known kind of message");
    return 0;
}

static uint8_t *payload_put(uint8_t *out, const struct isr_message *message)
{
    switch (message->kind) {
#define X(NAME, name, group) \
    case ISR_MESSAGE_##NAME: \
        return isr_put_##name(out, &message->name);
        ISR_MESSAGES(X)
#undef X
    case ISR_MESSAGE_KINDS:
        break;
    }
    ISR_ASSERT(false && "a known kind of message");
    return out;
}

struct isr_bytes isr_message_encode(const struct isr_message *message, struct isr_scratch *scratch)
{
    size_t size = ISR_FRAME_HEADER_BYTES + payload_size(message);
    uint8_t *frame = isr_scratch_allocate(scratch, size);
    frame[4] = (uint8_t)message->kind;
    uint8_t *end = payload_put(frame + ISR_FRAME_HEADER_BYTES, message);
    ISR_ASSERT(end == frame + size);
    isr_put_u32(frame, isr_crc32c(0, frame + 4, size - 4));
    return (struct isr_bytes){.data = frame, .size = (uint32_t)size};
}

bool isr_message_decode(struct isr_bytes frame, struct isr_scratch *scratch, struct isr_message *message)
{
    uint32_t crc;
    if (frame.size < ISR_FRAME_HEADER_BYTES)
        return false;
    memcpy(&crc, frame.data, sizeof crc);
    return crc == isr_crc32c(0, frame.data + 4, frame.size - 4) &&
           isr_message_decode_unchecked(frame, scratch, message);
}

bool isr_message_decode_unchecked(struct isr_bytes frame, struct isr_scratch *scratch,
                                  struct isr_message *message)
{
    message->kind = isr_frame_kind(frame);
    if (message->kind == ISR_MESSAGE_KINDS)
        return false;
    struct isr_reader reader = {
        .data = frame.data, .size_bytes = frame.size, .position = ISR_FRAME_HEADER_BYTES, .scratch = scratch};
    switch (message->kind) {
#define X(NAME, name, group)                     \
    case ISR_MESSAGE_##NAME:                     \
        isr_get_##name(&reader, &message->name); \
        break;
        ISR_MESSAGES(X)
#undef X
    case ISR_MESSAGE_KINDS:
        return false;
    }
    return !reader.failed && reader.position == reader.size_bytes;
}

void isr_message_print(const struct isr_message *message, struct isr_text *text)
{
    isr_text_format(text, "%s", isr_message_name(message->kind));
    switch (message->kind) {
#define X(NAME, name, group)                    \
    case ISR_MESSAGE_##NAME:                    \
        isr_print_##name(text, &message->name); \
        break;
        ISR_MESSAGES(X)
#undef X
    case ISR_MESSAGE_KINDS:
        break;
    }
}

uint64_t isr_message_hash(const struct isr_message *message)
{
    uint64_t hash = (uint64_t)message->kind;
    switch (message->kind) {
#define X(NAME, name, group) \
    case ISR_MESSAGE_##NAME: \
        return isr_hash_##name(hash, &message->name);
        ISR_MESSAGES(X)
#undef X
    case ISR_MESSAGE_KINDS:
        break;
    }
    return hash;
}

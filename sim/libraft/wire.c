/* The library's messages as bytes: u8 type, then the fields of one of the lists below. Sizes and memory of
 * what is decoded are bounded by the input. */
#include "sim/libraft/internal.h"

#define ISR_FIELDS_libraft_server(SCALAR, BYTES, ARRAY) SCALAR(i32, id) SCALAR(u8, role)
#define ISR_FIELDS_libraft_wired(SCALAR, BYTES, ARRAY) SCALAR(u64, term) SCALAR(u8, type) BYTES(data)
#define ISR_FIELDS_libraft_append(SCALAR, BYTES, ARRAY) \
    SCALAR(u64, term)                                   \
    SCALAR(u64, prev_log_index)                         \
    SCALAR(u64, prev_log_term)                          \
    SCALAR(u64, leader_commit)                          \
    ARRAY(libraft_wired, entries)
#define ISR_FIELDS_libraft_append_result(SCALAR, BYTES, ARRAY) \
    SCALAR(u64, term) SCALAR(u64, rejected) SCALAR(u64, last_log_index)
#define ISR_FIELDS_libraft_vote(SCALAR, BYTES, ARRAY) \
    SCALAR(u64, term)                                 \
    SCALAR(i32, candidate)                            \
    SCALAR(u64, last_log_index)                       \
    SCALAR(u64, last_log_term)                        \
    SCALAR(u8, disrupt_leader)                        \
    SCALAR(u8, pre_vote)
#define ISR_FIELDS_libraft_vote_result(SCALAR, BYTES, ARRAY) \
    SCALAR(u64, term) SCALAR(u8, granted) SCALAR(u8, pre_vote)
#define ISR_FIELDS_libraft_install(SCALAR, BYTES, ARRAY) \
    SCALAR(u64, term)                                    \
    SCALAR(u64, last_index)                              \
    SCALAR(u64, last_term)                               \
    SCALAR(u64, conf_index)                              \
    ARRAY(libraft_server, servers)                       \
    BYTES(data)
#define ISR_FIELDS_libraft_timeout_now(SCALAR, BYTES, ARRAY) \
    SCALAR(u64, term) SCALAR(u64, last_log_index) SCALAR(u64, last_log_term)

#define LIBRAFT_WIRED(X)     \
    X(libraft_server)        \
    X(libraft_wired)         \
    X(libraft_append)        \
    X(libraft_append_result) \
    X(libraft_vote)          \
    X(libraft_vote_result)   \
    X(libraft_install)       \
    X(libraft_timeout_now)
#define X(name) ISR_CODEC_DECLARE(name)
LIBRAFT_WIRED(X)
#undef X
#define X(name) ISR_CODEC_DEFINE(name)
LIBRAFT_WIRED(X)
#undef X

/* ---- out ---- */

static struct isr_bytes wired(struct isr_scratch *scratch, unsigned short type, size_t size_bytes,
                              uint8_t **at)
{
    uint8_t *frame = isr_scratch_allocate(scratch, 1 + size_bytes);
    frame[0] = (uint8_t)type;
    *at = frame + 1;
    return (struct isr_bytes){.data = frame, .size = (uint32_t)(1 + size_bytes)};
}

#define WIRE(name, ...)                                                        \
    do {                                                                       \
        const struct isr_##name fields = {__VA_ARGS__};                        \
        uint8_t *at;                                                           \
        *frame = wired(scratch, message->type, isr_size_##name(&fields), &at); \
        isr_put_##name(at, &fields);                                           \
    } while (0)

static void append_encode(const struct raft_message *message, struct isr_scratch *scratch,
                          struct isr_bytes *frame)
{
    const struct raft_append_entries *args = &message->append_entries;
    struct isr_libraft_wired *entries =
        isr_scratch_allocate(scratch, (args->n_entries + 1) * sizeof *entries);
    for (unsigned i = 0; i < args->n_entries; i++)
        entries[i] = (struct isr_libraft_wired){
            .term = args->entries[i].term,
            .type = (uint8_t)args->entries[i].type,
            .data = {.data = args->entries[i].buf.base, .size = (uint32_t)args->entries[i].buf.len}};
    WIRE(libraft_append, .term = args->term, .prev_log_index = args->prev_log_index,
         .prev_log_term = args->prev_log_term, .leader_commit = args->leader_commit, .entries = entries,
         .entries_count = args->n_entries);
}

static void install_encode(const struct raft_message *message, struct isr_scratch *scratch,
                           struct isr_bytes *frame)
{
    const struct raft_install_snapshot *args = &message->install_snapshot;
    struct isr_libraft_server *servers = isr_scratch_allocate(scratch, (args->conf.n + 1) * sizeof *servers);
    for (unsigned i = 0; i < args->conf.n; i++)
        servers[i] = (struct isr_libraft_server){.id = (int32_t)args->conf.servers[i].id,
                                                 .role = (uint8_t)args->conf.servers[i].role};
    WIRE(libraft_install, .term = args->term, .last_index = args->last_index, .last_term = args->last_term,
         .conf_index = args->conf_index, .servers = servers, .servers_count = args->conf.n,
         .data = {.data = args->data.base, .size = (uint32_t)args->data.len});
}

bool libraft_message_encode(const struct raft_message *message, struct isr_scratch *scratch,
                            struct isr_bytes *frame)
{
    switch (message->type) {
    case RAFT_IO_APPEND_ENTRIES:
        append_encode(message, scratch, frame);
        return true;
    case RAFT_IO_APPEND_ENTRIES_RESULT:
        WIRE(libraft_append_result, .term = message->append_entries_result.term,
             .rejected = message->append_entries_result.rejected,
             .last_log_index = message->append_entries_result.last_log_index);
        return true;
    case RAFT_IO_REQUEST_VOTE:
        WIRE(libraft_vote, .term = message->request_vote.term,
             .candidate = (int32_t)message->request_vote.candidate_id,
             .last_log_index = message->request_vote.last_log_index,
             .last_log_term = message->request_vote.last_log_term,
             .disrupt_leader = message->request_vote.disrupt_leader,
             .pre_vote = message->request_vote.pre_vote);
        return true;
    case RAFT_IO_REQUEST_VOTE_RESULT:
        WIRE(libraft_vote_result, .term = message->request_vote_result.term,
             .granted = message->request_vote_result.vote_granted,
             .pre_vote = (uint8_t)message->request_vote_result.pre_vote);
        return true;
    case RAFT_IO_INSTALL_SNAPSHOT:
        install_encode(message, scratch, frame);
        return true;
    case RAFT_IO_TIMEOUT_NOW:
        WIRE(libraft_timeout_now, .term = message->timeout_now.term,
             .last_log_index = message->timeout_now.last_log_index,
             .last_log_term = message->timeout_now.last_log_term);
        return true;
    }
    return false;
}

/* ---- in ---- */

static bool number_is_sane(uint64_t number)
{
    return number <= LIBRAFT_NUMBER_MAX;
}

static bool term_is_sane(uint64_t term)
{
    return term <= LIBRAFT_TERM_MAX;
}

static bool whole(const struct isr_reader *reader)
{
    return !reader->failed && reader->position == reader->size_bytes;
}

/* All data of the entries lies in one block, which the library releases once. */
static void entries_take(const struct isr_libraft_append *fields, struct raft_append_entries *args)
{
    size_t bytes = 0;
    if (fields->entries_count == 0)
        return;
    for (uint32_t i = 0; i < fields->entries_count; i++)
        bytes += fields->entries[i].data.size;
    uint8_t *batch = raft_malloc(bytes);
    args->entries = raft_malloc(fields->entries_count * sizeof *args->entries);
    args->n_entries = fields->entries_count;
    for (uint32_t i = 0; i < fields->entries_count; i++) {
        const struct isr_libraft_wired *entry = &fields->entries[i];
        args->entries[i] = (struct raft_entry){.term = entry->term,
                                               .type = entry->type,
                                               .buf = {.base = batch, .len = entry->data.size},
                                               .batch = i == 0 ? batch : args->entries[0].batch};
        if (entry->data.size > 0)
            memcpy(batch, entry->data.data, entry->data.size);
        batch += entry->data.size;
    }
}

static bool append_decode(struct isr_reader *reader, struct raft_append_entries *args)
{
    struct isr_libraft_append fields;
    isr_get_libraft_append(reader, &fields);
    if (!whole(reader) || !term_is_sane(fields.term) || !number_is_sane(fields.prev_log_index) ||
        !term_is_sane(fields.prev_log_term) || !number_is_sane(fields.leader_commit))
        return false;
    for (uint32_t i = 0; i < fields.entries_count; i++) {
        if (fields.entries[i].type < RAFT_COMMAND || fields.entries[i].type > RAFT_CHANGE ||
            fields.entries[i].term == 0 || fields.entries[i].term > fields.term)
            return false;
    }
    *args = (struct raft_append_entries){.term = fields.term,
                                         .prev_log_index = fields.prev_log_index,
                                         .prev_log_term = fields.prev_log_term,
                                         .leader_commit = fields.leader_commit};
    entries_take(&fields, args);
    return true;
}

static bool servers_take(const struct isr_libraft_install *fields, struct raft_configuration *configuration)
{
    raft_configuration_init(configuration);
    for (uint32_t i = 0; i < fields->servers_count; i++) {
        if (!libraft_member_add(configuration, fields->servers[i].id, fields->servers[i].role))
            return false;
    }
    return true;
}

static bool install_decode(struct isr_reader *reader, struct raft_install_snapshot *args)
{
    struct isr_libraft_install fields;
    isr_get_libraft_install(reader, &fields);
    if (!whole(reader) || !term_is_sane(fields.term) || !number_is_sane(fields.last_index) ||
        fields.last_index == 0 || !term_is_sane(fields.last_term) || fields.last_term == 0 ||
        fields.conf_index > fields.last_index)
        return false;
    if (!servers_take(&fields, &args->conf)) {
        raft_configuration_close(&args->conf);
        return false;
    }
    args->term = fields.term;
    args->last_index = fields.last_index;
    args->last_term = fields.last_term;
    args->conf_index = fields.conf_index;
    args->data.len = fields.data.size;
    args->data.base = raft_malloc(fields.data.size);
    if (fields.data.size > 0)
        memcpy(args->data.base, fields.data.data, fields.data.size);
    return true;
}

static bool vote_decode(struct isr_reader *reader, struct raft_request_vote *args)
{
    struct isr_libraft_vote fields;
    isr_get_libraft_vote(reader, &fields);
    *args = (struct raft_request_vote){.term = fields.term,
                                       .candidate_id = (raft_id)fields.candidate,
                                       .last_log_index = fields.last_log_index,
                                       .last_log_term = fields.last_log_term,
                                       .disrupt_leader = fields.disrupt_leader != 0,
                                       .pre_vote = fields.pre_vote != 0};
    return whole(reader) && term_is_sane(fields.term) && number_is_sane(fields.last_log_index) &&
           term_is_sane(fields.last_log_term) && fields.candidate >= 1 && fields.candidate <= ISR_NODE_MAX;
}

static bool vote_result_decode(struct isr_reader *reader, struct raft_request_vote_result *args)
{
    struct isr_libraft_vote_result fields;
    isr_get_libraft_vote_result(reader, &fields);
    *args = (struct raft_request_vote_result){
        .term = fields.term, .vote_granted = fields.granted != 0, .pre_vote = (raft_tribool)fields.pre_vote};
    return whole(reader) && term_is_sane(fields.term) && fields.pre_vote <= raft_tribool_false;
}

static bool append_result_decode(struct isr_reader *reader, struct raft_append_entries_result *args)
{
    struct isr_libraft_append_result fields;
    isr_get_libraft_append_result(reader, &fields);
    *args = (struct raft_append_entries_result){
        .term = fields.term, .rejected = fields.rejected, .last_log_index = fields.last_log_index};
    return whole(reader) && term_is_sane(fields.term) && number_is_sane(fields.rejected) &&
           number_is_sane(fields.last_log_index);
}

static bool timeout_now_decode(struct isr_reader *reader, struct raft_timeout_now *args)
{
    struct isr_libraft_timeout_now fields;
    isr_get_libraft_timeout_now(reader, &fields);
    *args = (struct raft_timeout_now){
        .term = fields.term, .last_log_index = fields.last_log_index, .last_log_term = fields.last_log_term};
    return whole(reader) && term_is_sane(fields.term) && number_is_sane(fields.last_log_index) &&
           term_is_sane(fields.last_log_term);
}

bool libraft_message_decode(struct isr_bytes frame, struct isr_scratch *scratch, struct raft_message *message)
{
    struct isr_reader reader = {.data = frame.data, .size_bytes = frame.size, .scratch = scratch};
    memset(message, 0, sizeof *message);
    message->type = isr_get_u8(&reader);
    switch (message->type) {
    case RAFT_IO_APPEND_ENTRIES:
        return append_decode(&reader, &message->append_entries);
    case RAFT_IO_APPEND_ENTRIES_RESULT:
        return append_result_decode(&reader, &message->append_entries_result);
    case RAFT_IO_REQUEST_VOTE:
        return vote_decode(&reader, &message->request_vote);
    case RAFT_IO_REQUEST_VOTE_RESULT:
        return vote_result_decode(&reader, &message->request_vote_result);
    case RAFT_IO_INSTALL_SNAPSHOT:
        return install_decode(&reader, &message->install_snapshot);
    case RAFT_IO_TIMEOUT_NOW:
        return timeout_now_decode(&reader, &message->timeout_now);
    }
    return false;
}

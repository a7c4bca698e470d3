/* Runs an engine over a program's own storage and transport, in the program's own event loop and over real
 * time (or any other). An engine is a step function: a whole node (core/node.h) or a replication manager
 * (replication_manager.h).
 *
 *   program --start, message, advance, command, shutdown--> runner --event--> engine
 *                                                             |  <--effects--
 *                                   storage, transport, listener
 *
 * Disk operations are done at once, in the order asked, and their completions are given back as events of
 * their own, never from inside a step. A program whose disk is asynchronous carries out the effects itself:
 * that is all a runner does. Nothing here blocks, waits or reads a clock; the storage's functions may. */
#ifndef ISR_EMBED_RUNNER_H
#define ISR_EMBED_RUNNER_H

#include "core/base/error.h"
#include "core/base/event.h"
#include "core/base/heap.h"

/* Where the files of a node are. Each function returns how it went; bytes are borrowed until it returns. What
 * they promise is in core/base/event.h, at the effects of the same names; a SYNC that lies, or a REPLACE that
 * is not atomic, loses records. Not thread-safe: called from inside the runner's functions only. */
struct isr_storage {
    enum isr_io_status (*write)(void *object, struct isr_file file, int64_t position, struct isr_bytes bytes);
    enum isr_io_status (*sync)(void *object, struct isr_file file);
    enum isr_io_status (*replace)(void *object, struct isr_file file, struct isr_bytes bytes);
    enum isr_io_status (*truncate)(void *object, struct isr_file file, int64_t size_bytes);
    enum isr_io_status (*remove)(void *object, struct isr_file file); /* OK when it is absent */
    /* The whole file; ISR_IO_NO_FILE when it is absent. What is filled in stays valid until the next call. */
    enum isr_io_status (*read)(void *object, struct isr_file file, struct isr_bytes *bytes);
    /* All files, in any order; valid until the next call. */
    enum isr_io_status (*list)(void *object, const struct isr_file_entry **files, uint32_t *count);
    void *object;
};

/* How frames reach other nodes. They may be lost, doubled and reordered: each has a checksum, and every
 * request is repeated. frame is borrowed until send returns. */
struct isr_transport {
    void (*send)(void *object, int32_t to, struct isr_bytes frame);
    void *object;
};

/* Who is told what comes out besides. Each function may be NULL. Called from inside the runner's functions;
 * it must not call the runner again. */
struct isr_listener {
    void (*reply)(void *object, uint64_t id, enum isr_error error, struct isr_tp tp, int64_t offset);
    void (*records)(void *object, struct isr_tp tp, int64_t offset, struct isr_bytes batch);
    void (*observed)(void *object, const struct isr_observation *observation);
    void (*exited)(void *object, bool clean);
    void *object;
};

struct isr_engine {
    void (*step)(void *object, const struct isr_event *event, struct isr_effects *effects);
    void *object;
};

struct isr_completion;
struct isr_runner {
    struct isr_engine engine;
    struct isr_storage storage;
    struct isr_transport transport;
    struct isr_listener listener;
    struct isr_heap *heap;
    int64_t now_ns, real_ns; /* of the call under way */
    int64_t wake_ns;         /* when the engine wants to be woken; ISR_TIME_NEVER */
    bool exited;
    struct isr_completion *completions; /* not given back yet, in order */
    uint32_t completions_count, completions_capacity;
};

/* The time of each call: a monotonic clock that never goes back, and the wall clock, both in ns. */
struct isr_reading {
    int64_t now_ns;
    int64_t real_ns;
};

/* The tables are copied, what they point at is borrowed; completions are kept in heap. */
void isr_runner_init(struct isr_runner *runner, struct isr_engine engine, const struct isr_storage *storage,
                     const struct isr_transport *transport, const struct isr_listener *listener,
                     struct isr_heap *heap);
/* Gives back what the runner itself took from the heap. */
void isr_runner_free(struct isr_runner *runner);

/* First, once. random_key: fresh for each start of the process (from /dev/urandom, say). */
void isr_runner_start(struct isr_runner *runner, struct isr_reading at, uint64_t random_key);
/* A frame arrived; borrowed. */
void isr_runner_message(struct isr_runner *runner, struct isr_reading at, int32_t from,
                        struct isr_bytes frame);
/* To be called at wake_ns, and harmless at any other time. */
void isr_runner_advance(struct isr_runner *runner, struct isr_reading at);
/* A command to a client node. */
void isr_runner_command(struct isr_runner *runner, struct isr_reading at, const struct isr_command *command);
/* Asks for a clean stop; listener.exited is told when it is done. */
void isr_runner_shutdown(struct isr_runner *runner, struct isr_reading at);
/* Carries out effects that the engine gave by another way than its step (a replication manager's functions).
 */
void isr_runner_carry_out(struct isr_runner *runner, struct isr_reading at,
                          const struct isr_effects *effects);

#endif

#include "core/embed/runner.h"

#include <string.h>

#include "core/base/assert.h"

/* An operation that was done and not yet told. bytes and files are copies in the heap. */
struct isr_completion {
    uint32_t io;
    enum isr_io_status status;
    uint8_t *bytes;
    uint32_t bytes_size;
    struct isr_file_entry *files;
    uint32_t files_count;
};

void isr_runner_init(struct isr_runner *runner, struct isr_engine engine, const struct isr_storage *storage,
                     const struct isr_transport *transport, const struct isr_listener *listener,
                     struct isr_heap *heap)
{
    *runner = (struct isr_runner){.engine = engine,
                                  .storage = *storage,
                                  .transport = *transport,
                                  .listener = *listener,
                                  .heap = heap,
                                  .wake_ns = ISR_TIME_NEVER};
}

static void completion_free(struct isr_runner *runner, struct isr_completion *completion)
{
    isr_heap_release(runner->heap, completion->bytes);
    isr_heap_release(runner->heap, completion->files);
}

void isr_runner_free(struct isr_runner *runner)
{
    for (uint32_t i = 0; i < runner->completions_count; i++)
        completion_free(runner, &runner->completions[i]);
    isr_heap_release(runner->heap, runner->completions);
    runner->completions = NULL;
    runner->completions_count = runner->completions_capacity = 0;
}

/* ---- effects ---- */

static void read_file(struct isr_runner *runner, struct isr_file file, struct isr_completion *done)
{
    struct isr_bytes bytes = {0};
    done->status = runner->storage.read(runner->storage.object, file, &bytes);
    if (done->status != ISR_IO_OK || bytes.size == 0)
        return;
    done->bytes = isr_heap_allocate(runner->heap, bytes.size);
    done->bytes_size = bytes.size;
    memcpy(done->bytes, bytes.data, bytes.size);
}

/* The engine wants them in order; insertion sort, for a directory that is mostly listed in some order. */
static void sort_files(struct isr_file_entry *files, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct isr_file_entry entry = files[i];
        uint32_t place = i;
        for (; place > 0 && isr_file_compare(files[place - 1].file, entry.file) > 0; place--)
            files[place] = files[place - 1];
        files[place] = entry;
    }
}

static void list_files(struct isr_runner *runner, struct isr_completion *done)
{
    const struct isr_file_entry *files = NULL;
    uint32_t count = 0;
    done->status = runner->storage.list(runner->storage.object, &files, &count);
    if (done->status != ISR_IO_OK || count == 0)
        return;
    done->files = isr_heap_allocate(runner->heap, count * sizeof *files);
    done->files_count = count;
    memcpy(done->files, files, count * sizeof *files);
    sort_files(done->files, count);
}

static void operate(struct isr_runner *runner, const struct isr_effect *effect)
{
    const struct isr_storage *storage = &runner->storage;
    struct isr_completion done = {.io = effect->io};
    switch (effect->kind) {
    case ISR_EFFECT_WRITE:
        done.status = storage->write(storage->object, effect->file, effect->position, effect->bytes);
        break;
    case ISR_EFFECT_SYNC:
        done.status = storage->sync(storage->object, effect->file);
        break;
    case ISR_EFFECT_REPLACE:
        done.status = storage->replace(storage->object, effect->file, effect->bytes);
        break;
    case ISR_EFFECT_TRUNCATE:
        done.status = storage->truncate(storage->object, effect->file, effect->position);
        break;
    case ISR_EFFECT_DELETE:
        done.status = storage->remove(storage->object, effect->file);
        break;
    case ISR_EFFECT_READ:
        read_file(runner, effect->file, &done);
        break;
    case ISR_EFFECT_LIST:
        list_files(runner, &done);
        break;
    case ISR_EFFECT_SEND:
    case ISR_EFFECT_REPLY:
    case ISR_EFFECT_RECORDS:
    case ISR_EFFECT_EXIT:
        ISR_ASSERT(false);
        break;
    }
    runner->completions =
        ISR_GROW(runner->heap, runner->completions, runner->completions_count, runner->completions_capacity);
    runner->completions[runner->completions_count++] = done;
}

static void perform(struct isr_runner *runner, const struct isr_effect *effect)
{
    const struct isr_listener *listener = &runner->listener;
    switch (effect->kind) {
    case ISR_EFFECT_SEND:
        runner->transport.send(runner->transport.object, effect->to, effect->bytes);
        break;
    case ISR_EFFECT_REPLY:
        if (listener->reply != NULL)
            listener->reply(listener->object, effect->id, (enum isr_error)effect->error, effect->tp,
                            effect->offset);
        break;
    case ISR_EFFECT_RECORDS:
        if (listener->records != NULL)
            listener->records(listener->object, effect->tp, effect->offset, effect->bytes);
        break;
    case ISR_EFFECT_EXIT:
        runner->exited = true;
        if (listener->exited != NULL)
            listener->exited(listener->object, effect->clean);
        break;
    case ISR_EFFECT_WRITE:
    case ISR_EFFECT_SYNC:
    case ISR_EFFECT_REPLACE:
    case ISR_EFFECT_TRUNCATE:
    case ISR_EFFECT_DELETE:
    case ISR_EFFECT_READ:
    case ISR_EFFECT_LIST:
        operate(runner, effect);
        break;
    }
}

static void perform_all(struct isr_runner *runner, const struct isr_effects *effects)
{
    for (uint32_t i = 0; i < effects->count; i++)
        perform(runner, &effects->items[i]);
    if (runner->listener.observed != NULL) {
        for (uint32_t i = 0; i < effects->observations_count; i++)
            runner->listener.observed(runner->listener.object, &effects->observations[i]);
    }
    runner->wake_ns = effects->wake_ns;
}

/* ---- events ---- */

static void step(struct isr_runner *runner, struct isr_event *event)
{
    struct isr_effects effects;
    event->now_ns = runner->now_ns;
    event->real_ns = runner->real_ns;
    runner->engine.step(runner->engine.object, event, &effects);
    perform_all(runner, &effects);
}

/* Tells what the disk did, which may lead to more of it. A process that ended hears nothing more. */
static void settle(struct isr_runner *runner)
{
    for (uint32_t next = 0; next < runner->completions_count; next++) {
        struct isr_completion done = runner->completions[next];
        struct isr_event event = {.kind = ISR_EVENT_IO_DONE,
                                  .io_done = {.io = done.io,
                                              .status = done.status,
                                              .bytes = {.data = done.bytes, .size = done.bytes_size},
                                              .files = done.files,
                                              .files_count = done.files_count}};
        if (!runner->exited)
            step(runner, &event);
        completion_free(runner, &done);
    }
    runner->completions_count = 0;
}

static void give(struct isr_runner *runner, struct isr_reading at, struct isr_event *event)
{
    ISR_ASSERT(at.now_ns >= runner->now_ns);
    runner->now_ns = at.now_ns;
    runner->real_ns = at.real_ns;
    if (runner->exited)
        return;
    step(runner, event);
    settle(runner);
}

void isr_runner_start(struct isr_runner *runner, struct isr_reading at, uint64_t random_key)
{
    give(runner, at, &(struct isr_event){.kind = ISR_EVENT_START, .start.random_key = random_key});
}

void isr_runner_message(struct isr_runner *runner, struct isr_reading at, int32_t from,
                        struct isr_bytes frame)
{
    give(runner, at,
         &(struct isr_event){.kind = ISR_EVENT_MESSAGE, .message = {.from = from, .frame = frame}});
}

void isr_runner_advance(struct isr_runner *runner, struct isr_reading at)
{
    if (at.now_ns >= runner->wake_ns)
        give(runner, at, &(struct isr_event){.kind = ISR_EVENT_WAKE});
}

void isr_runner_command(struct isr_runner *runner, struct isr_reading at, const struct isr_command *command)
{
    give(runner, at, &(struct isr_event){.kind = ISR_EVENT_COMMAND, .command = command});
}

void isr_runner_shutdown(struct isr_runner *runner, struct isr_reading at)
{
    give(runner, at, &(struct isr_event){.kind = ISR_EVENT_SHUTDOWN});
}

void isr_runner_carry_out(struct isr_runner *runner, struct isr_reading at, const struct isr_effects *effects)
{
    ISR_ASSERT(at.now_ns >= runner->now_ns);
    runner->now_ns = at.now_ns;
    runner->real_ns = at.real_ns;
    if (runner->exited)
        return;
    perform_all(runner, effects);
    settle(runner);
}

#include "sim/disk.h"

#include <string.h>

#include "sim/disk_internal.h"

enum { SLOTS_FIRST = 32 };

void *sim_disk_take(struct sim_disk *disk, size_t size_bytes)
{
    void *block = arena_allocate(disk->memory, size_bytes);
    ISR_ASSERT(block != NULL);
    return block;
}

struct sim_disk *sim_disk_new(struct arena_owner *memory, int32_t node, const struct sim_disk_spec *spec)
{
    struct sim_disk *disk = arena_allocate(memory, sizeof *disk);
    ISR_ASSERT(disk != NULL);
    disk->memory = memory;
    disk->node = node;
    disk->spec = *spec;
    disk->slots_count = SLOTS_FIRST;
    disk->slots = sim_disk_take(disk, SLOTS_FIRST * sizeof(struct sim_file *));
    sim_disk_free(disk);
    return disk;
}

/* ---- files by name: open addressing, linear probing ---- */

static inline uint64_t name_hash(struct isr_file name)
{
    return isr_hash_combine((uint64_t)name.kind << 32 | isr_tp_key(name.tp), (uint64_t)name.number);
}

static inline uint32_t slot_of(const struct sim_disk *disk, struct isr_file name, uint64_t hash)
{
    uint32_t slot = (uint32_t)hash & (disk->slots_count - 1);
    while (disk->slots[slot] != NULL && !isr_file_equal(disk->slots[slot]->name, name))
        slot = (slot + 1) & (disk->slots_count - 1);
    return slot;
}

static void slots_grow(struct sim_disk *disk)
{
    struct sim_file **old = disk->slots;
    disk->slots_count *= 2;
    disk->slots = sim_disk_take(disk, disk->slots_count * sizeof(struct sim_file *));
    for (uint32_t i = 0; i < disk->files_count; i++)
        disk->slots[slot_of(disk, disk->files[i]->name, disk->files[i]->hash)] = disk->files[i];
    arena_release(disk->memory, old);
}

/* The file, which may be one that does not exist (yet, or any more). */
static struct sim_file *file_of(struct sim_disk *disk, struct isr_file name)
{
    uint64_t hash = name_hash(name);
    uint32_t slot = slot_of(disk, name, hash);
    if (disk->slots[slot] != NULL)
        return disk->slots[slot];
    if (2 * (disk->files_count + 1) > disk->slots_count) {
        slots_grow(disk);
        slot = slot_of(disk, name, hash);
    }
    struct sim_file *file = sim_disk_take(disk, sizeof *file);
    file->name = name;
    file->hash = hash;
    struct isr_heap heap = arena_owner_heap(disk->memory);
    disk->files = ISR_GROW(&heap, disk->files, disk->files_count, disk->files_capacity);
    disk->files[disk->files_count++] = file;
    disk->slots[slot] = file;
    return file;
}

/* A name that stands for nothing any more goes; the entries behind it move up so that probing still finds
 * them. */
void sim_file_forget_when_gone(struct sim_disk *disk, struct sim_file *file)
{
    if (file == &disk->directory || file->exists || file->changes != NULL || file->pending != NULL)
        return;
    uint32_t mask = disk->slots_count - 1;
    uint32_t hole = slot_of(disk, file->name, file->hash);
    for (uint32_t next = (hole + 1) & mask; disk->slots[next] != NULL; next = (next + 1) & mask) {
        uint32_t home = (uint32_t)disk->slots[next]->hash & mask;
        if (((next - home) & mask) >= ((next - hole) & mask)) {
            disk->slots[hole] = disk->slots[next];
            hole = next;
        }
    }
    disk->slots[hole] = NULL;
    uint32_t place = 0;
    while (disk->files[place] != file)
        place++;
    memmove(&disk->files[place], &disk->files[place + 1],
            (disk->files_count - place - 1) * sizeof(struct sim_file *));
    disk->files_count--;
    sim_content_free(&file->content, disk->memory);
    arena_release(disk->memory, file);
}

const struct sim_file *sim_disk_file(const struct sim_disk *disk, struct isr_file name)
{
    const struct sim_file *file = disk->slots[slot_of(disk, name, name_hash(name))];
    return file != NULL && file->exists ? file : NULL;
}

/* ---- carrying out operations on the page cache ---- */

static void create_when_absent(struct sim_disk *disk, struct sim_file *file)
{
    if (file->exists)
        return;
    file->exists = true;
    sim_content_truncate(&file->content, disk->memory, 0);
    sim_file_change_add(disk, file, SIM_CHANGE_CREATE, 0, 0);
}

static void apply_write(struct sim_disk *disk, struct sim_file *file, int64_t position,
                        struct isr_bytes bytes, bool lost)
{
    create_when_absent(disk, file);
    int64_t size = file->content.size_bytes;
    int64_t end = position + bytes.size;
    if (position < size && bytes.size > 0) {
        int64_t over_end = end < size ? end : size;
        struct sim_change *change = sim_file_change_add(disk, file, SIM_CHANGE_OVERWRITE, position, over_end);
        change->former = arena_allocate_raw(disk->memory, (size_t)(over_end - position));
        ISR_ASSERT(change->former != NULL);
        sim_content_copy(&file->content, position, change->former, over_end - position);
        change->phantom = lost;
    }
    if (end > size) {
        struct sim_change *last = file->changes_last;
        if (last == NULL || last->kind != SIM_CHANGE_APPEND || last->closed || last->end != size || lost)
            last = sim_file_change_add(disk, file, SIM_CHANGE_APPEND, size, end);
        last->end = end;
        last->phantom = last->closed = lost;
    }
    sim_content_write(&file->content, disk->memory, position, bytes);
}

static enum isr_io_status apply_truncate(struct sim_disk *disk, struct sim_file *file, int64_t position)
{
    if (!file->exists)
        return ISR_IO_NO_FILE;
    int64_t size = file->content.size_bytes;
    if (position >= size)
        return ISR_IO_OK;
    struct sim_change *change = sim_file_change_add(disk, file, SIM_CHANGE_TRUNCATE, position, size);
    change->former = arena_allocate_raw(disk->memory, (size_t)(size - position));
    ISR_ASSERT(change->former != NULL);
    sim_content_copy(&file->content, position, change->former, size - position);
    sim_content_truncate(&file->content, disk->memory, position);
    return ISR_IO_OK;
}

static void apply_replace(struct sim_disk *disk, struct sim_file *file, struct isr_bytes bytes)
{
    struct sim_change *change = sim_file_change_add(disk, file, SIM_CHANGE_REPLACE, 0, 0);
    change->content = file->content;
    change->existed = file->exists;
    file->content = (struct sim_content){0};
    sim_content_write(&file->content, disk->memory, 0, bytes);
    file->exists = true;
}

static void apply_delete(struct sim_disk *disk, struct sim_file *file)
{
    if (!file->exists)
        return;
    struct sim_change *change = sim_file_change_add(disk, file, SIM_CHANGE_DELETE, 0, 0);
    change->content = file->content;
    change->existed = true;
    file->content = (struct sim_content){0};
    file->exists = false;
}

static enum isr_io_status apply_read(struct sim_disk *disk, const struct sim_file *file,
                                     struct sim_disk_operation *operation)
{
    if (!file->exists)
        return ISR_IO_NO_FILE;
    if (file->content.size_bytes > 0) {
        uint8_t *bytes = arena_allocate_raw(disk->memory, (size_t)file->content.size_bytes);
        ISR_ASSERT(bytes != NULL);
        sim_content_copy(&file->content, 0, bytes, file->content.size_bytes);
        operation->bytes = (struct isr_bytes){.data = bytes, .size = (uint32_t)file->content.size_bytes};
    }
    return ISR_IO_OK;
}

static void sort_entries(struct isr_file_entry *entries, uint32_t count)
{
    for (uint32_t gap = count / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < count; i++) {
            struct isr_file_entry entry = entries[i];
            uint32_t place = i;
            for (; place >= gap && isr_file_compare(entries[place - gap].file, entry.file) > 0; place -= gap)
                entries[place] = entries[place - gap];
            entries[place] = entry;
        }
    }
}

static void apply_list(struct sim_disk *disk, struct sim_disk_operation *operation)
{
    struct isr_file_entry *entries = sim_disk_take(disk, (disk->files_count + 1) * sizeof *entries);
    uint32_t count = 0;
    for (uint32_t i = 0; i < disk->files_count; i++) {
        const struct sim_file *file = disk->files[i];
        if (file->exists)
            entries[count++] =
                (struct isr_file_entry){.file = file->name, .size_bytes = file->content.size_bytes};
    }
    sort_entries(entries, count);
    operation->files = entries;
    operation->files_count = count;
}

/* ---- refusals ---- */

static unsigned failing_kinds(enum isr_effect_kind kind)
{
    switch (kind) {
    case ISR_EFFECT_WRITE:
    case ISR_EFFECT_TRUNCATE:
    case ISR_EFFECT_DELETE:
        return SIM_OPERATION_WRITE;
    case ISR_EFFECT_SYNC:
        return SIM_OPERATION_SYNC;
    case ISR_EFFECT_REPLACE:
        return SIM_OPERATION_WRITE | SIM_OPERATION_SYNC;
    case ISR_EFFECT_READ:
    case ISR_EFFECT_LIST:
        return SIM_OPERATION_READ;
    case ISR_EFFECT_SEND:
    case ISR_EFFECT_REPLY:
    case ISR_EFFECT_RECORDS:
    case ISR_EFFECT_EXIT:
        break;
    }
    return 0;
}

static bool has_room(const struct sim_disk *disk, const struct sim_file *file,
                     const struct isr_effect *effect)
{
    if (disk->limit_bytes == INT64_MAX)
        return true;
    int64_t end = effect->bytes.size + (effect->kind == ISR_EFFECT_WRITE ? effect->position : 0);
    int64_t more = end - sim_file_bytes(file);
    return more <= 0 || disk->used_bytes + more <= disk->limit_bytes;
}

static enum isr_io_status refusal(struct sim_world *world, struct sim_disk *disk, const struct sim_file *file,
                                  const struct isr_effect *effect)
{
    if (sim_disk_struck(&disk->fail, failing_kinds(effect->kind), effect->file.kind)) {
        world->counters.disk_errors++;
        sim_world_bite(world, disk->steps[SIM_ACTION_DISK_FAIL]);
        return ISR_IO_ERROR;
    }
    if ((effect->kind == ISR_EFFECT_WRITE || effect->kind == ISR_EFFECT_REPLACE) &&
        !has_room(disk, file, effect)) {
        world->counters.disk_full_errors++;
        sim_world_bite(world, disk->steps[SIM_ACTION_DISK_FULL]);
        return ISR_IO_NO_SPACE;
    }
    return ISR_IO_OK;
}

/* ---- the life of an operation ---- */

static void write(struct sim_world *world, struct sim_disk *disk, struct sim_file *file,
                  const struct isr_effect *effect)
{
    bool astray = sim_disk_struck(&disk->misdirect, SIM_OPERATION_WRITE, file->name.kind);
    if (astray)
        sim_disk_misdirect(world, disk, file, effect->bytes);
    bool lost = astray || sim_disk_struck(&disk->lose, SIM_OPERATION_WRITE, file->name.kind);
    apply_write(disk, file, effect->position, effect->bytes, lost);
}

static enum isr_io_status apply(struct sim_world *world, struct sim_disk *disk, struct sim_file *file,
                                const struct isr_effect *effect, struct sim_disk_operation *operation)
{
    switch (effect->kind) {
    case ISR_EFFECT_WRITE:
        write(world, disk, file, effect);
        return ISR_IO_OK;
    case ISR_EFFECT_SYNC:
        if (file->changes_last != NULL)
            file->changes_last->closed = true;
        return file->exists ? ISR_IO_OK : ISR_IO_NO_FILE;
    case ISR_EFFECT_REPLACE:
        apply_replace(disk, file, effect->bytes);
        if (!sim_disk_struck(&disk->lose, SIM_OPERATION_WRITE, file->name.kind))
            return ISR_IO_OK;
        operation->lies = true;
        sim_disk_note(world, disk, file, SIM_DAMAGE_WRITE_LOST, 0, effect->bytes.size);
        return ISR_IO_OK;
    case ISR_EFFECT_TRUNCATE:
        return apply_truncate(disk, file, effect->position);
    case ISR_EFFECT_DELETE:
        apply_delete(disk, file);
        return ISR_IO_OK;
    case ISR_EFFECT_READ:
        return apply_read(disk, file, operation);
    case ISR_EFFECT_LIST:
        apply_list(disk, operation);
        return ISR_IO_OK;
    case ISR_EFFECT_SEND:
    case ISR_EFFECT_REPLY:
    case ISR_EFFECT_RECORDS:
    case ISR_EFFECT_EXIT:
        break;
    }
    ISR_ASSERT(false && "an effect on the disk");
    return ISR_IO_ERROR;
}

static int64_t latency(struct sim_world *world, const struct sim_disk *disk, enum isr_effect_kind kind)
{
    uint64_t draw = sim_random_draw(&world->random, SIM_RANDOM_DISK_LATENCY, (uint32_t)disk->node);
    const struct sim_disk_spec *spec = &disk->spec;
    switch (kind) {
    case ISR_EFFECT_WRITE:
    case ISR_EFFECT_TRUNCATE:
        return sim_distribution_at(&spec->write_latency, draw);
    case ISR_EFFECT_SYNC:
    case ISR_EFFECT_DELETE:
        return sim_distribution_at(&spec->sync_latency, draw);
    case ISR_EFFECT_REPLACE:
        return sim_distribution_at(&spec->write_latency, draw) +
               sim_distribution_at(&spec->sync_latency, isr_mix(draw));
    case ISR_EFFECT_READ:
    case ISR_EFFECT_LIST:
        return sim_distribution_at(&spec->read_latency, draw);
    case ISR_EFFECT_SEND:
    case ISR_EFFECT_REPLY:
    case ISR_EFFECT_RECORDS:
    case ISR_EFFECT_EXIT:
        break;
    }
    return 0;
}

static void pending_add(struct sim_file *file, struct sim_disk_operation *operation)
{
    operation->file = file;
    if (file->pending_last != NULL)
        file->pending_last->next = operation;
    else
        file->pending = operation;
    file->pending_last = operation;
}

static void pending_remove_first(struct sim_file *file)
{
    file->pending = file->pending->next;
    if (file->pending == NULL)
        file->pending_last = NULL;
}

static void operation_queue(struct sim_world *world, const struct sim_disk *disk,
                            struct sim_disk_operation *operation)
{
    operation->entries++;
    sim_queue_push_pointer(&world->queue, operation->done_ns, SIM_EVENT_DISK, disk->node, operation);
}

void sim_disk_submit(struct sim_world *world, struct sim_disk *disk, uint32_t incarnation,
                     const struct isr_effect *effect)
{
    world->counters.disk_operations++;
    if (disk->slow) {
        world->counters.operations_slowed++;
        sim_world_bite(world, disk->steps[SIM_ACTION_DISK]);
    }
    struct sim_disk_operation *operation = sim_disk_take(disk, sizeof *operation);
    struct sim_file *file = effect->kind == ISR_EFFECT_LIST ? &disk->directory : file_of(disk, effect->file);
    operation->kind = effect->kind;
    operation->io = effect->io;
    operation->incarnation = incarnation;
    operation->changes_before = file->changes_made;
    operation->size_before = file->content.size_bytes;
    operation->order = ++disk->operations_asked;
    operation->status = refusal(world, disk, file, effect);
    operation->lies = disk->lying && (disk->lying_files == 0 || (disk->lying_files >> effect->file.kind & 1));
    operation->cleans =
        operation->status == ISR_IO_ERROR && effect->kind == ISR_EFFECT_SYNC && disk->fail_cleans;
    disk->used_bytes -= sim_file_bytes(file);
    if (operation->status == ISR_IO_OK)
        operation->status = apply(world, disk, file, effect, operation);
    disk->used_bytes += sim_file_bytes(file);
    operation->changes_after = file->changes_made;
    pending_add(file, operation);
    operation->done_ns = world->now_ns + latency(world, disk, effect->kind);
    if (operation->done_ns < file->busy_until_ns)
        operation->done_ns = file->busy_until_ns;
    file->busy_until_ns = operation->done_ns;
    operation_queue(world, disk, operation);
}

/* Operations that would complete later than new ones do are brought forward; the order of those on a file
 * stays, which an entry queued earlier for the same time would break. */
void sim_disk_bring_forward(struct sim_world *world, struct sim_disk *disk, struct sim_file *file)
{
    int64_t before_ns = 0;
    bool brought = false;
    for (struct sim_disk_operation *operation = file->pending; operation != NULL;
         operation = operation->next) {
        int64_t done_ns = world->now_ns + latency(world, disk, operation->kind);
        if (done_ns < before_ns)
            done_ns = before_ns;
        brought = done_ns < operation->done_ns || (brought && operation->done_ns == before_ns);
        if (brought) {
            operation->done_ns = done_ns < operation->done_ns ? done_ns : operation->done_ns;
            operation_queue(world, disk, operation);
        }
        before_ns = operation->done_ns;
    }
    if (file->pending != NULL)
        file->busy_until_ns = before_ns;
}

static void complete(struct sim_world *world, struct sim_disk *disk, struct sim_disk_operation *operation)
{
    struct sim_file *file = operation->file;
    ISR_ASSERT(file->pending == operation);
    if (operation->status == ISR_IO_ERROR || operation->status == ISR_IO_NO_SPACE)
        SIM_TRACE(world, disk->node, DISK_FAILED, operation->kind, file->name.kind, isr_tp_key(file->name.tp),
                  file->name.number, operation->status);
    else
        SIM_TRACE(world, disk->node, DISK_COMPLETED, operation->kind, file->name.kind,
                  isr_tp_key(file->name.tp), file->name.number, operation->status);
    sim_disk_settle(world, disk, operation);
    pending_remove_first(file);
    operation->file = NULL;
    operation->completed = true;
    sim_file_forget_when_gone(disk, file);
}

static void queue_again(struct sim_world *world, struct sim_disk *disk, struct sim_disk_operation *operation,
                        int64_t done_ns)
{
    operation->done_ns = done_ns;
    if (operation->file->busy_until_ns < done_ns)
        operation->file->busy_until_ns = done_ns;
    operation_queue(world, disk, operation);
}

/* The disk stands still, or one before it on the same file had to wait. Without an end in sight nothing is
 * queued: sim_disk_go_on does. */
static bool waits(struct sim_world *world, struct sim_disk *disk, struct sim_disk_operation *operation)
{
    if (world->now_ns < disk->stalled_until_ns) {
        world->counters.operations_stalled += !operation->stalled;
        sim_world_bite(world, disk->steps[SIM_ACTION_STALL]);
        operation->stalled = true;
        if (disk->stalled_until_ns != ISR_TIME_NEVER)
            queue_again(world, disk, operation, disk->stalled_until_ns);
        return true;
    }
    if (operation->file->pending == operation)
        return false;
    int64_t first_ns = operation->file->pending->done_ns;
    queue_again(world, disk, operation, first_ns > world->now_ns ? first_ns : world->now_ns);
    return true;
}

bool sim_disk_due(struct sim_world *world, struct sim_disk *disk, struct sim_disk_operation *operation,
                  uint32_t incarnation)
{
    operation->entries--;
    if (operation->told || operation->incarnation != incarnation) {
        sim_disk_release(disk, operation);
        return false;
    }
    if (!operation->completed && waits(world, disk, operation))
        return false;
    if (!operation->completed)
        complete(world, disk, operation);
    return true;
}

void sim_disk_drop(struct sim_disk *disk, struct sim_disk_operation *operation)
{
    operation->entries--;
    sim_disk_release(disk, operation);
}

void sim_disk_release(struct sim_disk *disk, struct sim_disk_operation *operation)
{
    operation->told = true;
    if (operation->entries > 0)
        return;
    if (operation->bytes.data != NULL)
        arena_release(disk->memory, (void *)(uintptr_t)operation->bytes.data);
    if (operation->files != NULL)
        arena_release(disk->memory, operation->files);
    arena_release(disk->memory, operation);
}

/* ---- knobs ---- */

void sim_disk_change(struct sim_world *world, struct sim_disk *disk, const struct sim_disk_spec *spec,
                     unsigned fields)
{
    if (fields & SIM_DISK_WRITE)
        disk->spec.write_latency = spec->write_latency;
    if (fields & SIM_DISK_SYNC)
        disk->spec.sync_latency = spec->sync_latency;
    if (fields & SIM_DISK_READ)
        disk->spec.read_latency = spec->read_latency;
    const struct sim_disk_spec *usual = &world->spec->disk;
    disk->slow = disk->spec.write_latency.median_ns > usual->write_latency.median_ns ||
                 disk->spec.sync_latency.median_ns > usual->sync_latency.median_ns ||
                 disk->spec.read_latency.median_ns > usual->read_latency.median_ns;
    if (fields & SIM_DISK_CAPACITY) {
        disk->spec.capacity_bytes = spec->capacity_bytes;
        sim_disk_free(disk);
    }
    if (fields & (SIM_DISK_WRITE | SIM_DISK_SYNC | SIM_DISK_READ)) {
        for (uint32_t i = 0; i < disk->files_count; i++)
            sim_disk_bring_forward(world, disk, disk->files[i]);
        sim_disk_bring_forward(world, disk, &disk->directory);
    }
}

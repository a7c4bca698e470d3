#include "sim/disk.h"

#include <string.h>

#include "sim/world.h"

enum { SLOTS_FIRST = 32 };

static void *take(struct sim_disk *disk, size_t size_bytes)
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
    disk->slots = take(disk, SLOTS_FIRST * sizeof(struct sim_file *));
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
    disk->slots = take(disk, disk->slots_count * sizeof(struct sim_file *));
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
    struct sim_file *file = take(disk, sizeof *file);
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
static void file_forget_when_gone(struct sim_disk *disk, struct sim_file *file)
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

static inline int64_t file_bytes(const struct sim_file *file)
{
    return file->exists ? file->content.size_bytes : 0;
}

/* ---- changes not synced ---- */

static struct sim_change *change_add(struct sim_disk *disk, struct sim_file *file, enum sim_change_kind kind,
                                     int64_t position, int64_t end)
{
    struct sim_change *change = take(disk, sizeof *change);
    change->number = ++file->changes_made;
    change->kind = kind;
    change->position = position;
    change->end = end;
    change->previous = file->changes_last;
    if (file->changes_last != NULL)
        file->changes_last->next = change;
    else
        file->changes = change;
    file->changes_last = change;
    return change;
}

static void change_free(struct sim_disk *disk, struct sim_file *file, struct sim_change *change)
{
    if (change->previous != NULL)
        change->previous->next = change->next;
    else
        file->changes = change->next;
    if (change->next != NULL)
        change->next->previous = change->previous;
    else
        file->changes_last = change->previous;
    if (change->former != NULL)
        arena_release(disk->memory, change->former);
    sim_content_free(&change->content, disk->memory);
    arena_release(disk->memory, change);
}

/* Everything up to the change of that number is durable. */
static void changes_settle(struct sim_disk *disk, struct sim_file *file, uint64_t number)
{
    while (file->changes != NULL && file->changes->number <= number)
        change_free(disk, file, file->changes);
}

static void restore_bytes(struct sim_disk *disk, struct sim_file *file, const struct sim_change *change,
                          int64_t from)
{
    struct isr_bytes former = {.data = change->former + (from - change->position),
                               .size = (uint32_t)(change->end - from)};
    sim_content_write(&file->content, disk->memory, from, former);
}

/* Takes back the file's last change, but keeps the first `kept` bytes that it wrote. */
static void change_undo(struct sim_disk *disk, struct sim_file *file, int64_t kept)
{
    struct sim_change *change = file->changes_last;
    disk->used_bytes -= file_bytes(file);
    switch (change->kind) {
    case SIM_CHANGE_CREATE:
        file->exists = false;
        break;
    case SIM_CHANGE_APPEND:
        sim_content_truncate(&file->content, disk->memory, change->position + kept);
        break;
    case SIM_CHANGE_OVERWRITE:
        restore_bytes(disk, file, change, change->position + kept);
        break;
    case SIM_CHANGE_TRUNCATE:
        restore_bytes(disk, file, change, change->position);
        break;
    case SIM_CHANGE_REPLACE:
    case SIM_CHANGE_DELETE:
        sim_content_free(&file->content, disk->memory);
        file->content = change->content;
        change->content = (struct sim_content){0};
        file->exists = change->existed;
        break;
    }
    disk->used_bytes += file_bytes(file);
    file->changes_made--; /* numbers stay without gaps */
    change_free(disk, file, change);
}

/* ---- carrying out operations on the page cache ---- */

static void create_when_absent(struct sim_disk *disk, struct sim_file *file)
{
    if (file->exists)
        return;
    file->exists = true;
    sim_content_truncate(&file->content, disk->memory, 0);
    change_add(disk, file, SIM_CHANGE_CREATE, 0, 0);
}

static void apply_write(struct sim_disk *disk, struct sim_file *file, int64_t position,
                        struct isr_bytes bytes)
{
    create_when_absent(disk, file);
    int64_t size = file->content.size_bytes;
    int64_t end = position + bytes.size;
    if (position < size && bytes.size > 0) {
        int64_t over_end = end < size ? end : size;
        struct sim_change *change = change_add(disk, file, SIM_CHANGE_OVERWRITE, position, over_end);
        change->former = arena_allocate_raw(disk->memory, (size_t)(over_end - position));
        ISR_ASSERT(change->former != NULL);
        sim_content_copy(&file->content, position, change->former, over_end - position);
    }
    if (end > size) {
        struct sim_change *last = file->changes_last;
        if (last != NULL && last->kind == SIM_CHANGE_APPEND && !last->closed && last->end == size)
            last->end = end;
        else
            change_add(disk, file, SIM_CHANGE_APPEND, size, end);
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
    struct sim_change *change = change_add(disk, file, SIM_CHANGE_TRUNCATE, position, size);
    change->former = arena_allocate_raw(disk->memory, (size_t)(size - position));
    ISR_ASSERT(change->former != NULL);
    sim_content_copy(&file->content, position, change->former, size - position);
    sim_content_truncate(&file->content, disk->memory, position);
    return ISR_IO_OK;
}

static void apply_replace(struct sim_disk *disk, struct sim_file *file, struct isr_bytes bytes)
{
    struct sim_change *change = change_add(disk, file, SIM_CHANGE_REPLACE, 0, 0);
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
    struct sim_change *change = change_add(disk, file, SIM_CHANGE_DELETE, 0, 0);
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
    struct isr_file_entry *entries = take(disk, (disk->files_count + 1) * sizeof *entries);
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
    int64_t more = end - file_bytes(file);
    return more <= 0 || disk->used_bytes + more <= disk->limit_bytes;
}

static enum isr_io_status refusal(struct sim_world *world, struct sim_disk *disk, const struct sim_file *file,
                                  const struct isr_effect *effect)
{
    if (disk->fail_count > 0 && (failing_kinds(effect->kind) & disk->fail_operations) != 0) {
        disk->fail_count--;
        world->counters.disk_errors++;
        return ISR_IO_ERROR;
    }
    if ((effect->kind == ISR_EFFECT_WRITE || effect->kind == ISR_EFFECT_REPLACE) &&
        !has_room(disk, file, effect)) {
        world->counters.disk_full_errors++;
        return ISR_IO_NO_SPACE;
    }
    return ISR_IO_OK;
}

/* ---- the life of an operation ---- */

static enum isr_io_status apply(struct sim_disk *disk, struct sim_file *file, const struct isr_effect *effect,
                                struct sim_disk_operation *operation)
{
    switch (effect->kind) {
    case ISR_EFFECT_WRITE:
        apply_write(disk, file, effect->position, effect->bytes);
        return ISR_IO_OK;
    case ISR_EFFECT_SYNC:
        if (file->changes_last != NULL)
            file->changes_last->closed = true;
        return file->exists ? ISR_IO_OK : ISR_IO_NO_FILE;
    case ISR_EFFECT_REPLACE:
        apply_replace(disk, file, effect->bytes);
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
    struct sim_disk_operation *operation = take(disk, sizeof *operation);
    struct sim_file *file = effect->kind == ISR_EFFECT_LIST ? &disk->directory : file_of(disk, effect->file);
    operation->kind = effect->kind;
    operation->io = effect->io;
    operation->incarnation = incarnation;
    operation->changes_before = file->changes_made;
    operation->size_before = file->content.size_bytes;
    operation->status = refusal(world, disk, file, effect);
    disk->used_bytes -= file_bytes(file);
    if (operation->status == ISR_IO_OK)
        operation->status = apply(disk, file, effect, operation);
    disk->used_bytes += file_bytes(file);
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
static void bring_forward(struct sim_world *world, struct sim_disk *disk, struct sim_file *file)
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

/* What a finished operation promises: everything before it is durable. */
static void operation_settle(struct sim_disk *disk, const struct sim_disk_operation *operation)
{
    bool durable = operation->kind == ISR_EFFECT_SYNC || operation->kind == ISR_EFFECT_REPLACE ||
                   operation->kind == ISR_EFFECT_DELETE;
    if (durable && operation->status == ISR_IO_OK)
        changes_settle(disk, operation->file, operation->changes_after);
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
    operation_settle(disk, operation);
    pending_remove_first(file);
    operation->file = NULL;
    operation->completed = true;
    file_forget_when_gone(disk, file);
}

bool sim_disk_due(struct sim_world *world, struct sim_disk *disk, struct sim_disk_operation *operation,
                  uint32_t incarnation)
{
    operation->entries--;
    if (operation->told || operation->incarnation != incarnation) {
        sim_disk_release(disk, operation);
        return false;
    }
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

/* ---- crashes ---- */

/* Takes back everything from that operation on, the last first. The changes of an operation are the last ones
 * when those after it are gone. */
static void operations_undo(struct sim_disk *disk, struct sim_file *file,
                            const struct sim_disk_operation *first)
{
    while (file->changes_last != NULL && file->changes_last->number > first->changes_before)
        change_undo(disk, file, 0);
    struct sim_change *last = file->changes_last;
    if (last != NULL && last->kind == SIM_CHANGE_APPEND && last->end > first->size_before) {
        disk->used_bytes -= last->end - first->size_before;
        sim_content_truncate(&file->content, disk->memory, first->size_before);
        last->end = first->size_before;
    }
}

/* Of the operations under way on the file the first ones happened, or nothing. They are released when their
 * time comes. */
static void pending_resolve(struct sim_disk *disk, struct sim_file *file, bool nothing, uint64_t draw)
{
    uint64_t count = 0;
    for (struct sim_disk_operation *operation = file->pending; operation != NULL; operation = operation->next)
        count++;
    uint64_t happened = nothing ? 0 : sim_random_below(draw, count + 1);
    for (; file->pending != NULL && happened > 0; happened--) {
        operation_settle(disk, file->pending);
        file->pending->file = NULL;
        pending_remove_first(file);
    }
    if (file->pending != NULL)
        operations_undo(disk, file, file->pending);
    for (; file->pending != NULL; pending_remove_first(file))
        file->pending->file = NULL;
    file->busy_until_ns = 0;
}

static void resolve_all(struct sim_world *world, struct sim_disk *disk, bool nothing)
{
    uint64_t draw = sim_random_draw(&world->random, SIM_RANDOM_DISK_PENDING, (uint32_t)disk->node);
    for (uint32_t place = disk->files_count; place > 0; place--) { /* from behind: files may go */
        struct sim_file *file = disk->files[place - 1];
        pending_resolve(disk, file, nothing, isr_hash_combine(draw, file->hash));
        file_forget_when_gone(disk, file);
    }
    pending_resolve(disk, &disk->directory, true, 0);
}

void sim_disk_kill(struct sim_world *world, struct sim_disk *disk)
{
    resolve_all(world, disk, false);
}

static int64_t change_bytes(const struct sim_change *change)
{
    return change->kind == SIM_CHANGE_APPEND || change->kind == SIM_CHANGE_OVERWRITE
               ? change->end - change->position
               : 0;
}

/* How many whole changes survive, and how many bytes of the one after them. */
static uint64_t survivors(const struct sim_file *file, uint64_t draw, int64_t *bytes)
{
    uint64_t count = 0;
    for (const struct sim_change *change = file->changes; change != NULL; change = change->next)
        count++;
    *bytes = 0;
    switch (draw & 3) {
    case 0:
        return count;
    case 1:
        return 0;
    }
    uint64_t whole = sim_random_below(draw >> 2 & UINT32_MAX, count);
    const struct sim_change *cut = file->changes;
    for (uint64_t i = 0; i < whole; i++)
        cut = cut->next;
    /* creations, truncations, replacements and deletions are of the file system's journal: whole or not at
     * all */
    if (change_bytes(cut) == 0)
        return whole + (draw >> 63);
    *bytes = (int64_t)sim_random_below(isr_mix(draw), (uint64_t)change_bytes(cut) + 1);
    return whole;
}

static bool file_power_off(struct sim_disk *disk, struct sim_file *file, bool everything, uint64_t draw,
                           int64_t *lost_bytes)
{
    if (file->changes == NULL)
        return false;
    int64_t kept_bytes = 0;
    uint64_t first_lost = file->changes->number + (everything ? 0 : survivors(file, draw, &kept_bytes));
    bool lossy = false;
    while (file->changes_last != NULL && file->changes_last->number >= first_lost) {
        int64_t kept = file->changes_last->number == first_lost ? kept_bytes : 0;
        int64_t lost = change_bytes(file->changes_last) - kept;
        lossy = lossy || lost > 0 || change_bytes(file->changes_last) == 0;
        *lost_bytes += lost;
        change_undo(disk, file, kept);
    }
    changes_settle(disk, file, file->changes_made);
    return lossy;
}

bool sim_disk_power_off(struct sim_world *world, struct sim_disk *disk, bool everything, int64_t *lost_bytes)
{
    resolve_all(world, disk, everything);
    bool lossy = false;
    *lost_bytes = 0;
    uint64_t draw = sim_random_draw(&world->random, SIM_RANDOM_DISK_LOSS, (uint32_t)disk->node);
    for (uint32_t place = disk->files_count; place > 0; place--) {
        struct sim_file *file = disk->files[place - 1];
        lossy =
            file_power_off(disk, file, everything, isr_hash_combine(draw, file->hash), lost_bytes) || lossy;
        file_forget_when_gone(disk, file);
    }
    return lossy;
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
    if (fields & SIM_DISK_CAPACITY) {
        disk->spec.capacity_bytes = spec->capacity_bytes;
        sim_disk_free(disk);
    }
    if (fields & (SIM_DISK_WRITE | SIM_DISK_SYNC | SIM_DISK_READ)) {
        for (uint32_t i = 0; i < disk->files_count; i++)
            bring_forward(world, disk, disk->files[i]);
        bring_forward(world, disk, &disk->directory);
    }
}

void sim_disk_fail(struct sim_disk *disk, unsigned operations, int64_t count)
{
    disk->fail_operations = operations;
    disk->fail_count = count;
}

void sim_disk_fill(struct sim_disk *disk, int64_t free_bytes)
{
    disk->limit_bytes = disk->used_bytes + free_bytes;
}

void sim_disk_free(struct sim_disk *disk)
{
    disk->limit_bytes = disk->spec.capacity_bytes > 0 ? disk->spec.capacity_bytes : INT64_MAX;
}

/* The knobs of a disk, and the damage that it does by itself. See disk.h and damages.def. */
#include <string.h>

#include "sim/disk_internal.h"

enum { TRIES = 16 };

/* ---- notes ---- */

const char *sim_damage_words(int64_t damage)
{
    static const char *const words[] = {
#define X(NAME, counter, betrayal, ACTION, words_) words_,
#include "sim/damages.def"
#undef X
    };
    return damage >= 0 && damage < SIM_DAMAGES ? words[damage] : "?";
}

static bool is_of_quorum(enum isr_file_kind kind)
{
    return kind == ISR_FILE_QUORUM_VOTE || kind == ISR_FILE_QUORUM_LOG || kind == ISR_FILE_QUORUM_SNAPSHOT;
}

static bool is_of_partition(enum isr_file_kind kind)
{
    return kind == ISR_FILE_SEGMENT || kind == ISR_FILE_EPOCHS || kind == ISR_FILE_PRODUCERS ||
           kind == ISR_FILE_CLEANED;
}

static const struct isr_tp quorum_files = {UINT16_MAX, 1}, vote_files = {UINT16_MAX, 2};

static void betrayed(struct sim_disk *disk, struct isr_tp tp)
{
    struct isr_heap heap = arena_owner_heap(disk->memory);
    uint32_t place = 0;
    while (place < disk->betrayals_count && !isr_tp_equal(disk->betrayals[place].tp, tp))
        place++;
    if (place == disk->betrayals_count) {
        disk->betrayals = ISR_GROW(&heap, disk->betrayals, disk->betrayals_count, disk->betrayals_capacity);
        disk->betrayals[disk->betrayals_count++] = (struct sim_disk_betrayals){.tp = tp};
    }
    disk->betrayals[place].count++;
}

static uint64_t betrayals_of(const struct sim_disk *disk, struct isr_tp tp)
{
    for (uint32_t i = 0; i < disk->betrayals_count; i++) {
        if (isr_tp_equal(disk->betrayals[i].tp, tp))
            return disk->betrayals[i].count;
    }
    return 0;
}

uint64_t sim_disk_betrayed(const struct sim_disk *disk, struct isr_tp tp)
{
    return betrayals_of(disk, tp);
}

uint64_t sim_disk_quorum_betrayed(const struct sim_disk *disk)
{
    return betrayals_of(disk, quorum_files);
}

uint64_t sim_disk_votes_betrayed(const struct sim_disk *disk)
{
    return betrayals_of(disk, vote_files);
}

void sim_disk_note(struct sim_world *world, struct sim_disk *disk, const struct sim_file *file,
                   enum sim_damage damage, int64_t position, int64_t bytes)
{
    static const int betrayals[] = {
#define X(NAME, counter, betrayal, ACTION, words) betrayal,
#include "sim/damages.def"
#undef X
    };
    switch (damage) {
#define X(NAME, counter, betrayal, ACTION, words)                \
    case SIM_DAMAGE_##NAME:                                      \
        world->counters.counter++;                               \
        sim_world_bite(world, disk->steps[SIM_ACTION_##ACTION]); \
        break;
#include "sim/damages.def"
#undef X
    case SIM_DAMAGES:
        break;
    }
    enum isr_file_kind kind = file->name.kind;
    if (is_of_quorum(kind) && betrayals[damage] == 2)
        betrayed(disk, quorum_files);
    else if (kind == ISR_FILE_PEER && betrayals[damage] == 2)
        betrayed(disk, vote_files);
    else if (kind == ISR_FILE_SEGMENT && betrayals[damage] > 0) /* nothing else costs a record */
        betrayed(disk, file->name.tp);
    SIM_TRACE(world, disk->node, DISK_DAMAGED, damage, kind, isr_tp_key(file->name.tp), file->name.number,
              position, bytes);
}

/* ---- knobs ---- */

bool sim_disk_struck(struct sim_disk_strike *strike, unsigned operations, enum isr_file_kind kind)
{
    if (strike->count == 0 || (operations & strike->operations) == 0 ||
        (strike->files != 0 && (strike->files >> kind & 1) == 0))
        return false;
    strike->count--;
    return true;
}

void sim_disk_fail(struct sim_disk *disk, struct sim_disk_strike strike, bool cleans)
{
    disk->fail = strike;
    disk->fail_cleans = cleans;
}

void sim_disk_lie(struct sim_disk *disk, bool on, unsigned files)
{
    disk->lying = on;
    disk->lying_files = files;
}

void sim_disk_lose_writes(struct sim_disk *disk, unsigned files, int64_t count)
{
    disk->lose = (struct sim_disk_strike){.operations = SIM_OPERATION_WRITE, .files = files, .count = count};
}

void sim_disk_misdirect_writes(struct sim_disk *disk, unsigned files, int64_t count)
{
    disk->misdirect =
        (struct sim_disk_strike){.operations = SIM_OPERATION_WRITE, .files = files, .count = count};
}

void sim_disk_lose_names(struct sim_disk *disk, bool on)
{
    disk->names_volatile = on;
}

void sim_disk_fill(struct sim_disk *disk, int64_t free_bytes)
{
    disk->limit_bytes = disk->used_bytes + free_bytes;
}

void sim_disk_free(struct sim_disk *disk)
{
    disk->limit_bytes = disk->spec.capacity_bytes > 0 ? disk->spec.capacity_bytes : INT64_MAX;
}

void sim_disk_heal(struct sim_world *world, struct sim_disk *disk, const struct sim_disk_spec *spec)
{
    sim_disk_change(world, disk, spec, SIM_DISK_WRITE | SIM_DISK_SYNC | SIM_DISK_READ | SIM_DISK_CAPACITY);
    disk->fail = disk->lose = disk->misdirect = (struct sim_disk_strike){0};
    sim_disk_lie(disk, false, 0);
    sim_disk_lose_names(disk, false);
    sim_disk_go_on(world, disk);
}

/* ---- standing still ---- */

void sim_disk_stall(struct sim_disk *disk, int64_t until_ns)
{
    disk->stalled_until_ns = until_ns;
}

static void file_go_on(struct sim_world *world, struct sim_disk *disk, struct sim_file *file)
{
    for (struct sim_disk_operation *operation = file->pending; operation != NULL;
         operation = operation->next) {
        if (operation->stalled)
            operation->done_ns = ISR_TIME_NEVER; /* no entry of the queue may stand for it */
    }
    sim_disk_bring_forward(world, disk, file);
}

void sim_disk_go_on(struct sim_world *world, struct sim_disk *disk)
{
    if (disk->stalled_until_ns == 0)
        return;
    disk->stalled_until_ns = 0;
    for (uint32_t i = 0; i < disk->files_count; i++)
        file_go_on(world, disk, disk->files[i]);
    file_go_on(world, disk, &disk->directory);
}

/* ---- damage to what is stored ---- */

/* Up to here the file is on the medium as the page cache has it. */
static int64_t stored_bytes(const struct sim_file *file)
{
    int64_t stored = sim_file_bytes(file);
    for (const struct sim_change *change = file->changes; change != NULL; change = change->next) {
        bool whole = change->kind == SIM_CHANGE_CREATE || change->kind == SIM_CHANGE_REPLACE ||
                     change->kind == SIM_CHANGE_DELETE;
        if (whole)
            return 0;
        stored = change->position < stored ? change->position : stored;
    }
    return stored;
}

static bool is_candidate(const struct sim_file *file, unsigned files, const struct isr_tp *tp)
{
    return (files == 0 || (files >> file->name.kind & 1) != 0) &&
           (tp == NULL || (is_of_partition(file->name.kind) && isr_tp_equal(file->name.tp, *tp))) &&
           stored_bytes(file) > 0;
}

/* One of the files that qualify, NULL when there is none. */
static struct sim_file *any_file(struct sim_disk *disk, unsigned files, const struct isr_tp *tp,
                                 uint64_t draw)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < disk->files_count; i++)
        count += is_candidate(disk->files[i], files, tp);
    uint64_t which = sim_random_below(draw, count);
    for (uint32_t i = 0; i < disk->files_count; i++) {
        if (is_candidate(disk->files[i], files, tp) && which-- == 0)
            return disk->files[i];
    }
    return NULL;
}

void sim_disk_rot(struct sim_world *world, struct sim_disk *disk, unsigned files, const struct isr_tp *tp,
                  int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        uint64_t draw = sim_random_draw(&world->random, SIM_RANDOM_DISK_DAMAGE, (uint32_t)disk->node);
        struct sim_file *file = any_file(disk, files, tp, draw);
        if (file == NULL)
            return;
        int64_t position = (int64_t)sim_random_below(isr_mix(draw), (uint64_t)stored_bytes(file));
        uint8_t byte;
        sim_content_copy(&file->content, position, &byte, 1);
        byte = (uint8_t)(byte ^ 1u << (draw >> 61));
        sim_content_write(&file->content, disk->memory, position,
                          (struct isr_bytes){.data = &byte, .size = 1});
        sim_disk_note(world, disk, file, SIM_DAMAGE_ROTTEN, position, 1);
    }
}

/* Not where the file already holds these very bytes: that would be no damage. */
void sim_disk_misdirect(struct sim_world *world, struct sim_disk *disk, const struct sim_file *meant,
                        struct isr_bytes bytes)
{
    for (int i = 0; i < TRIES; i++) {
        uint64_t draw = sim_random_draw(&world->random, SIM_RANDOM_DISK_DAMAGE, (uint32_t)disk->node);
        struct sim_file *file = any_file(disk, 1u << meant->name.kind, NULL, draw);
        if (file == NULL)
            return;
        int64_t stored = stored_bytes(file);
        int64_t position = (int64_t)sim_random_below(isr_mix(draw), (uint64_t)stored);
        uint32_t size = bytes.size < stored - position ? bytes.size : (uint32_t)(stored - position);
        uint8_t *there = sim_disk_take(disk, size);
        sim_content_copy(&file->content, position, there, size);
        bool same = memcmp(there, bytes.data, size) == 0;
        arena_release(disk->memory, there);
        if (same)
            continue;
        sim_content_write(&file->content, disk->memory, position,
                          (struct isr_bytes){.data = bytes.data, .size = size});
        sim_disk_note(world, disk, file, SIM_DAMAGE_MISDIRECTED, position, size);
        return;
    }
}

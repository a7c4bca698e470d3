/* Changes not synced, ghosts, and what a crash makes of them. See disk.h. */
#include <string.h>

#include "sim/canary.h"
#include "sim/disk_internal.h"

enum { SECTOR_BYTES = 512, PAGE_BYTES = 4096 };

static uint8_t *copy_range(struct sim_disk *disk, const struct sim_file *file, int64_t position, int64_t end)
{
    uint8_t *bytes = arena_allocate_raw(disk->memory, (size_t)(end - position));
    ISR_ASSERT(bytes != NULL);
    sim_content_copy(&file->content, position, bytes, end - position);
    return bytes;
}

static void write_range(struct sim_disk *disk, struct sim_file *file, int64_t position, int64_t end,
                        const uint8_t *bytes)
{
    sim_content_write(&file->content, disk->memory, position,
                      (struct isr_bytes){.data = bytes, .size = (uint32_t)(end - position)});
}

/* ---- ghosts ---- */

/* No NULL and no empty range. */
static void ghost_push(struct sim_disk *disk, struct sim_file *file, int64_t position, int64_t end,
                       const uint8_t *bytes, bool lost_write)
{
    struct sim_ghost *ghost = sim_disk_take(disk, sizeof *ghost);
    *ghost =
        (struct sim_ghost){.next = file->ghosts, .position = position, .end = end, .lost_write = lost_write};
    if (bytes != NULL) {
        ghost->bytes = arena_allocate_raw(disk->memory, (size_t)(end - position));
        ISR_ASSERT(ghost->bytes != NULL);
        memcpy(ghost->bytes, bytes, (size_t)(end - position));
    }
    file->ghosts = ghost;
}

static void ghost_free(struct sim_disk *disk, struct sim_ghost *ghost)
{
    if (ghost->bytes != NULL)
        arena_release(disk->memory, ghost->bytes);
    arena_release(disk->memory, ghost);
}

/* The medium has [from, to) again, or nobody has it any more. */
static void ghosts_cut(struct sim_disk *disk, struct sim_file *file, int64_t from, int64_t to)
{
    struct sim_ghost *ghost = file->ghosts;
    file->ghosts = NULL;
    while (ghost != NULL) {
        struct sim_ghost *next = ghost->next;
        if (ghost->end <= from || to <= ghost->position) {
            ghost->next = file->ghosts;
            file->ghosts = ghost;
        } else {
            const uint8_t *bytes = ghost->bytes;
            if (ghost->position < from)
                ghost_push(disk, file, ghost->position, from, bytes, ghost->lost_write);
            if (to < ghost->end)
                ghost_push(disk, file, to, ghost->end, bytes != NULL ? bytes + (to - ghost->position) : NULL,
                           ghost->lost_write);
            ghost_free(disk, ghost);
        }
        ghost = next;
    }
}

/* The medium does not get [position, end); where it did not have what was there before, it has still what it
 * had. */
static void ghosts_add(struct sim_disk *disk, struct sim_file *file, int64_t position, int64_t end,
                       const uint8_t *bytes, bool lost_write)
{
    int64_t from = position;
    while (from < end) {
        int64_t to = end;
        bool covered = false;
        for (const struct sim_ghost *ghost = file->ghosts; ghost != NULL; ghost = ghost->next) {
            if (ghost->position <= from && from < ghost->end) {
                covered = true;
                to = ghost->end;
                break;
            }
            if (from < ghost->position && ghost->position < to)
                to = ghost->position;
        }
        if (!covered)
            ghost_push(disk, file, from, to, bytes != NULL ? bytes + (from - position) : NULL, lost_write);
        from = to;
    }
}

/* The file is read anew from the medium where the page cache had a ghost; lost writes only, or all. */
static bool ghosts_show(struct sim_disk *disk, struct sim_file *file, bool lost_writes_only)
{
    static const uint8_t zeroes[PAGE_BYTES];
    bool shown = false;
    struct sim_ghost *ghost = file->ghosts;
    file->ghosts = NULL;
    while (ghost != NULL) {
        struct sim_ghost *next = ghost->next;
        int64_t end = ghost->end < file->content.size_bytes ? ghost->end : file->content.size_bytes;
        if (lost_writes_only && !ghost->lost_write) {
            ghost->next = file->ghosts;
            file->ghosts = ghost;
            ghost = next;
            continue;
        }
        for (int64_t from = ghost->position; from < end;) {
            int64_t to = end - from < PAGE_BYTES ? end : from + PAGE_BYTES;
            write_range(disk, file, from, to,
                        ghost->bytes != NULL ? ghost->bytes + (from - ghost->position) : zeroes);
            shown = true;
            from = to;
        }
        ghost_free(disk, ghost);
        ghost = next;
    }
    return shown;
}

/* ---- the list of changes ---- */

struct sim_change *sim_file_change_add(struct sim_disk *disk, struct sim_file *file,
                                       enum sim_change_kind kind, int64_t position, int64_t end)
{
    struct sim_change *change = sim_disk_take(disk, sizeof *change);
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

static bool is_data(const struct sim_change *change)
{
    return change->kind == SIM_CHANGE_APPEND || change->kind == SIM_CHANGE_OVERWRITE;
}

static void content_swap(struct sim_file *file, struct sim_change *change)
{
    struct sim_content content = file->content;
    bool exists = file->exists;
    file->content = change->content;
    file->exists = change->existed;
    change->content = content;
    change->existed = exists;
}

static void range_swap(struct sim_disk *disk, struct sim_file *file, struct sim_change *change)
{
    uint8_t *bytes = copy_range(disk, file, change->position, change->end);
    write_range(disk, file, change->position, change->end, change->former);
    arena_release(disk->memory, change->former);
    change->former = bytes;
}

/* Takes the file from after its change to before it. The change keeps what it takes to do it again. */
static void change_turn_back(struct sim_disk *disk, struct sim_file *file, struct sim_change *change)
{
    switch (change->kind) {
    case SIM_CHANGE_CREATE:
        file->exists = false;
        break;
    case SIM_CHANGE_APPEND:
        change->former = copy_range(disk, file, change->position, change->end);
        sim_content_truncate(&file->content, disk->memory, change->position);
        break;
    case SIM_CHANGE_OVERWRITE:
        range_swap(disk, file, change);
        break;
    case SIM_CHANGE_TRUNCATE:
        write_range(disk, file, change->position, change->end, change->former);
        arena_release(disk->memory, change->former);
        change->former = NULL;
        break;
    case SIM_CHANGE_REPLACE:
    case SIM_CHANGE_DELETE:
        content_swap(file, change);
        break;
    }
}

/* The opposite. */
static void change_do_again(struct sim_disk *disk, struct sim_file *file, struct sim_change *change)
{
    switch (change->kind) {
    case SIM_CHANGE_CREATE:
        file->exists = true;
        break;
    case SIM_CHANGE_APPEND:
        write_range(disk, file, change->position, change->end, change->former);
        arena_release(disk->memory, change->former);
        change->former = NULL;
        break;
    case SIM_CHANGE_OVERWRITE:
        range_swap(disk, file, change);
        break;
    case SIM_CHANGE_TRUNCATE:
        change->former = copy_range(disk, file, change->position, change->end);
        sim_content_truncate(&file->content, disk->memory, change->position);
        break;
    case SIM_CHANGE_REPLACE:
    case SIM_CHANGE_DELETE:
        content_swap(file, change);
        break;
    }
}

/* Takes back the file's last change for good. */
static void change_undo(struct sim_disk *disk, struct sim_file *file)
{
    disk->used_bytes -= sim_file_bytes(file);
    change_turn_back(disk, file, file->changes_last);
    disk->used_bytes += sim_file_bytes(file);
    file->changes_made--; /* numbers stay without gaps */
    change_free(disk, file, file->changes_last);
}

/* ---- what becomes durable ---- */

/* What the medium has of a change that was synced. */
static void change_reaches(struct sim_world *world, struct sim_disk *disk, struct sim_file *file,
                           const struct sim_change *change)
{
    if (change->phantom) {
        sim_disk_note(world, disk, file, SIM_DAMAGE_WRITE_LOST, change->position,
                      change->end - change->position);
        ghosts_add(disk, file, change->position, change->end, change->former, true);
    } else if (file->ghosts != NULL) {
        ghosts_cut(disk, file, is_data(change) ? change->position : 0,
                   is_data(change) ? change->end : INT64_MAX);
    }
}

static void deletion_is_durable(struct sim_disk *disk, struct sim_file *file)
{
    if (file->deleted_order == 0)
        return;
    file->deleted_order = 0;
    disk->deletions_open--;
}

/* Everything up to the change of that number is durable. */
static void changes_settle(struct sim_world *world, struct sim_disk *disk, struct sim_file *file,
                           uint64_t number)
{
    while (file->changes != NULL && file->changes->number <= number) {
        if (file->changes->kind == SIM_CHANGE_DELETE)
            deletion_is_durable(disk, file);
        if (file->changes->phantom || file->ghosts != NULL)
            change_reaches(world, disk, file, file->changes);
        change_free(disk, file, file->changes);
    }
}

/* A lying disk called everything up to that change durable. */
static bool changes_promise(struct sim_file *file, uint64_t number)
{
    bool promised = false;
    for (struct sim_change *change = file->changes; change != NULL && change->number <= number;
         change = change->next)
        promised = change->promised = true;
    return promised;
}

/* A sync failed and left its pages marked clean: nobody will write them again. The journal is not concerned.
 */
static void changes_forget(struct sim_world *world, struct sim_disk *disk, struct sim_file *file,
                           uint64_t number)
{
    int64_t position = INT64_MAX, bytes = 0;
    while (file->changes != NULL && file->changes->number <= number) {
        const struct sim_change *change = file->changes;
        if (is_data(change)) {
            ghosts_add(disk, file, change->position, change->end,
                       change->kind == SIM_CHANGE_OVERWRITE ? change->former : NULL, false);
            position = change->position < position ? change->position : position;
            bytes += change->end - change->position;
        } else if (change->kind != SIM_CHANGE_CREATE) {
            ghosts_cut(disk, file, change->kind == SIM_CHANGE_TRUNCATE ? change->position : 0, INT64_MAX);
        }
        change_free(disk, file, file->changes);
    }
    if (bytes > 0)
        sim_disk_note(world, disk, file, SIM_DAMAGE_CLEANED, position, bytes);
}

static void deletions_settle(struct sim_world *world, struct sim_disk *disk, uint64_t order)
{
    for (uint32_t place = disk->files_count; place > 0 && disk->deletions_open > 0; place--) {
        struct sim_file *file = disk->files[place - 1];
        if (file->deleted_order == 0 || file->deleted_order >= order)
            continue;
        uint64_t number = 0;
        for (const struct sim_change *change = file->changes; change != NULL; change = change->next)
            number = change->kind == SIM_CHANGE_DELETE ? change->number : number;
        changes_settle(world, disk, file, number);
        sim_file_forget_when_gone(disk, file);
    }
}

static void succeeded(struct sim_world *world, struct sim_disk *disk,
                      const struct sim_disk_operation *operation)
{
    struct sim_file *file = operation->file;
    if (operation->lies) {
        if (changes_promise(file, operation->changes_after))
            sim_disk_note(world, disk, file, SIM_DAMAGE_LIED, 0, 0);
        return;
    }
    if (operation->kind == ISR_EFFECT_DELETE && disk->names_volatile) {
        if (operation->changes_after > operation->changes_before && file->deleted_order == 0) {
            file->deleted_order = disk->operations_asked;
            disk->deletions_open++;
        }
        return;
    }
    changes_settle(world, disk, file, operation->changes_after);
    if (disk->deletions_open > 0 && operation->kind != ISR_EFFECT_DELETE)
        deletions_settle(world, disk, operation->order);
}

void sim_disk_settle(struct sim_world *world, struct sim_disk *disk,
                     const struct sim_disk_operation *operation)
{
    bool durable = operation->kind == ISR_EFFECT_SYNC || operation->kind == ISR_EFFECT_REPLACE ||
                   operation->kind == ISR_EFFECT_DELETE;
    if (SIM_CANARY(lying_sync) && operation->kind == ISR_EFFECT_SYNC)
        return;
    if (durable && operation->status == ISR_IO_OK)
        succeeded(world, disk, operation);
    else if (operation->cleans)
        changes_forget(world, disk, operation->file, operation->changes_after);
}

/* ---- death of the process ---- */

static void pending_remove_first(struct sim_file *file)
{
    file->pending = file->pending->next;
    if (file->pending == NULL)
        file->pending_last = NULL;
}

/* Takes back everything from that operation on, the last first. The changes of an operation are the last ones
 * when those after it are gone. */
static void operations_undo(struct sim_disk *disk, struct sim_file *file,
                            const struct sim_disk_operation *first)
{
    while (file->changes_last != NULL && file->changes_last->number > first->changes_before)
        change_undo(disk, file);
    struct sim_change *last = file->changes_last;
    if (last != NULL && last->kind == SIM_CHANGE_APPEND && last->end > first->size_before) {
        disk->used_bytes -= last->end - first->size_before;
        sim_content_truncate(&file->content, disk->memory, first->size_before);
        last->end = first->size_before;
    }
}

/* Released when its time comes, or now when it never will. */
static void pending_detach_first(struct sim_disk *disk, struct sim_file *file)
{
    struct sim_disk_operation *operation = file->pending;
    pending_remove_first(file);
    operation->file = NULL;
    if (operation->entries == 0)
        sim_disk_release(disk, operation);
}

/* Of the operations under way on the file the first ones happened, or nothing. */
static void pending_resolve(struct sim_world *world, struct sim_disk *disk, struct sim_file *file,
                            bool nothing, uint64_t draw)
{
    uint64_t count = 0;
    for (struct sim_disk_operation *operation = file->pending; operation != NULL; operation = operation->next)
        count++;
    uint64_t happened = nothing ? 0 : sim_random_below(draw, count + 1);
    for (; file->pending != NULL && happened > 0; happened--) {
        sim_disk_settle(world, disk, file->pending);
        pending_detach_first(disk, file);
    }
    if (file->pending != NULL)
        operations_undo(disk, file, file->pending);
    while (file->pending != NULL)
        pending_detach_first(disk, file);
    file->busy_until_ns = 0;
}

static void resolve_all(struct sim_world *world, struct sim_disk *disk, bool nothing)
{
    uint64_t draw = sim_random_draw(&world->random, SIM_RANDOM_DISK_PENDING, (uint32_t)disk->node);
    for (uint32_t place = disk->files_count; place > 0; place--) { /* from behind: files may go */
        if (place > disk->files_count)
            continue;
        struct sim_file *file = disk->files[place - 1];
        pending_resolve(world, disk, file, nothing, isr_hash_combine(draw, file->hash));
        sim_file_forget_when_gone(disk, file);
    }
    pending_resolve(world, disk, &disk->directory, true, 0);
}

/* Clean pages may be read anew: what the medium never got shows. */
static void lost_writes_show(struct sim_disk *disk, struct sim_file *file)
{
    if (file->ghosts == NULL)
        return;
    for (struct sim_change *change = file->changes_last; change != NULL; change = change->previous)
        change_turn_back(disk, file, change);
    ghosts_show(disk, file, true);
    for (struct sim_change *change = file->changes; change != NULL; change = change->next)
        change_do_again(disk, file, change);
}

void sim_disk_kill(struct sim_world *world, struct sim_disk *disk)
{
    resolve_all(world, disk, false);
    for (uint32_t i = 0; i < disk->files_count; i++)
        lost_writes_show(disk, disk->files[i]);
}

/* ---- power loss ---- */

/* What happens to one file, and what came of it. */
struct fate {
    enum sim_survival survives;
    uint64_t draw;
    uint64_t whole;                /* PREFIX, TORN: so many changes survive, the next in part */
    uint64_t journal_kept;         /* REORDERED: so many changes of the journal survive */
    bool behind_lost;              /* a change of the journal is gone: so is what follows */
    uint64_t place, journal_place; /* of the change at hand */
    int64_t lost_bytes;
    bool lossy, reordered, torn, lie_lost, name_lost, name_back;
    bool some_lost; /* a piece before is gone */
};

static enum sim_survival survival_drawn(uint64_t draw)
{
    static const enum sim_survival table[8] = {
        SIM_SURVIVES_ALL,    SIM_SURVIVES_ALL,       SIM_SURVIVES_NONE,      SIM_SURVIVES_NONE,
        SIM_SURVIVES_PREFIX, SIM_SURVIVES_REORDERED, SIM_SURVIVES_REORDERED, SIM_SURVIVES_TORN};
    return table[draw & 7];
}

static void fate_draw(const struct sim_file *file, struct fate *fate)
{
    uint64_t count = 0, journal = 0;
    for (const struct sim_change *change = file->changes; change != NULL; change = change->next) {
        count++;
        journal += !is_data(change);
    }
    if (fate->survives == SIM_SURVIVES_DRAWN)
        fate->survives = survival_drawn(fate->draw);
    fate->whole = sim_random_below(fate->draw >> 3 & UINT32_MAX, count);
    /* A file that was not there would take everything along: most of the time it is. */
    fate->journal_kept =
        fate->draw >> 62 == 0 ? sim_random_below(fate->draw >> 35 & 0xffff, journal + 1) : journal;
}

/* Does the journal's change survive? */
static bool journal_keeps(const struct fate *fate)
{
    if (fate->behind_lost)
        return false;
    switch (fate->survives) {
    case SIM_SURVIVES_ALL:
        return true;
    case SIM_SURVIVES_PREFIX:
    case SIM_SURVIVES_TORN:
        return fate->place < fate->whole || (fate->place == fate->whole && fate->draw >> 63 == 1);
    case SIM_SURVIVES_REORDERED:
        return fate->journal_place < fate->journal_kept;
    case SIM_SURVIVES_DRAWN:
    case SIM_SURVIVES_NONE:
        break;
    }
    return false;
}

/* Where the piece of a write that begins at from ends: pieces survive or not, each for itself. */
static int64_t piece_end(const struct fate *fate, const struct sim_change *change, int64_t from)
{
    int64_t unit = fate->survives == SIM_SURVIVES_TORN        ? SECTOR_BYTES
                   : fate->survives == SIM_SURVIVES_REORDERED ? PAGE_BYTES
                                                              : change->end - change->position;
    int64_t end = fate->survives == SIM_SURVIVES_PREFIX ? change->end : (from / unit + 1) * unit;
    if (fate->survives == SIM_SURVIVES_PREFIX && fate->place == fate->whole && from == change->position)
        end = from + (int64_t)sim_random_below(isr_mix(fate->draw), (uint64_t)(change->end - from) + 1);
    return end < change->end ? end : change->end;
}

static bool piece_survives(const struct fate *fate, const struct sim_change *change, int64_t from)
{
    uint64_t draw = isr_hash_combine(isr_hash_combine(fate->draw, change->number), (uint64_t)from);
    if (fate->behind_lost || change->phantom)
        return false;
    switch (fate->survives) {
    case SIM_SURVIVES_ALL:
        return true;
    case SIM_SURVIVES_PREFIX:
        return fate->place < fate->whole || (fate->place == fate->whole && from == change->position);
    case SIM_SURVIVES_TORN:
        return fate->place < fate->whole || (fate->place == fate->whole && (draw & 1) != 0);
    case SIM_SURVIVES_REORDERED:
        return (draw & 1) != 0;
    case SIM_SURVIVES_DRAWN:
    case SIM_SURVIVES_NONE:
        break;
    }
    return false;
}

static void data_survive(struct sim_disk *disk, struct sim_file *file, const struct sim_change *change,
                         struct fate *fate)
{
    bool kept_here = false, lost_here = false;
    for (int64_t from = change->position; from < change->end;) {
        int64_t to = piece_end(fate, change, from);
        if (to == from) { /* of the write that is cut nothing survives */
            to = change->end;
            lost_here = true;
            fate->lost_bytes += to - from;
        } else if (piece_survives(fate, change, from)) {
            write_range(disk, file, from, to, change->former + (from - change->position));
            kept_here = true;
            fate->reordered =
                fate->reordered || (fate->some_lost && fate->survives == SIM_SURVIVES_REORDERED);
        } else {
            lost_here = true;
            fate->lost_bytes += to - from;
        }
        fate->some_lost = fate->some_lost || lost_here;
        from = to;
    }
    fate->torn = fate->torn || (kept_here && lost_here && fate->survives == SIM_SURVIVES_TORN);
    fate->lossy = fate->lossy || lost_here;
    fate->lie_lost = fate->lie_lost || (lost_here && change->promised);
}

static void journal_survive(struct sim_disk *disk, struct sim_file *file, struct sim_change *change,
                            struct fate *fate)
{
    bool kept = journal_keeps(fate);
    if (disk->names_volatile && fate->survives != SIM_SURVIVES_ALL) {
        bool name = change->kind == SIM_CHANGE_CREATE;
        bool gone = change->kind == SIM_CHANGE_DELETE;
        fate->name_lost = fate->name_lost || (name && !fate->behind_lost);
        fate->name_back = fate->name_back || (gone && !fate->behind_lost);
        kept = kept && !name && !gone;
    }
    if (kept) {
        /* what it cut may not be there */
        if (change->kind == SIM_CHANGE_TRUNCATE && file->content.size_bytes > change->position)
            sim_content_truncate(&file->content, disk->memory, change->position);
        else if (change->kind != SIM_CHANGE_TRUNCATE)
            change_do_again(disk, file, change);
    }
    fate->behind_lost = fate->behind_lost || !kept;
    fate->lossy = fate->lossy || !kept;
    fate->lie_lost = fate->lie_lost || (!kept && change->promised);
    fate->journal_place++;
}

static void fate_note(struct sim_world *world, struct sim_disk *disk, const struct sim_file *file,
                      const struct fate *fate)
{
    if (fate->reordered)
        sim_disk_note(world, disk, file, SIM_DAMAGE_REORDERED, 0, fate->lost_bytes);
    if (fate->torn)
        sim_disk_note(world, disk, file, SIM_DAMAGE_TORN, 0, fate->lost_bytes);
    if (fate->name_lost)
        sim_disk_note(world, disk, file, SIM_DAMAGE_NAME_LOST, 0, fate->lost_bytes);
    if (fate->name_back)
        sim_disk_note(world, disk, file, SIM_DAMAGE_NAME_BACK, 0, file->content.size_bytes);
    if (fate->lie_lost)
        sim_disk_note(world, disk, file, SIM_DAMAGE_LIE_LOST, 0, fate->lost_bytes);
}

/* Back to what the medium has, and from there on with what the fate lets through. */
static void file_power_off(struct sim_world *world, struct sim_disk *disk, struct sim_file *file,
                           struct fate *fate)
{
    if (file->changes == NULL && file->ghosts == NULL)
        return;
    fate_draw(file, fate);
    disk->used_bytes -= sim_file_bytes(file);
    for (struct sim_change *change = file->changes_last; change != NULL; change = change->previous)
        change_turn_back(disk, file, change);
    if (file->ghosts != NULL && ghosts_show(disk, file, false)) {
        fate->lossy = true;
        sim_disk_note(world, disk, file, SIM_DAMAGE_CLEANED_LOST, 0, 0);
    }
    while (file->changes != NULL) {
        if (is_data(file->changes))
            data_survive(disk, file, file->changes, fate);
        else
            journal_survive(disk, file, file->changes, fate);
        fate->place++;
        change_free(disk, file, file->changes);
    }
    deletion_is_durable(disk, file);
    disk->used_bytes += sim_file_bytes(file);
    fate_note(world, disk, file, fate);
}

bool sim_disk_power_off(struct sim_world *world, struct sim_disk *disk, enum sim_survival survives,
                        int64_t *lost_bytes)
{
    resolve_all(world, disk, survives == SIM_SURVIVES_NONE);
    bool lossy = false;
    *lost_bytes = 0;
    uint64_t draw = sim_random_draw(&world->random, SIM_RANDOM_DISK_LOSS, (uint32_t)disk->node);
    for (uint32_t place = disk->files_count; place > 0; place--) {
        struct sim_file *file = disk->files[place - 1];
        struct fate fate = {.survives = survives, .draw = isr_hash_combine(draw, file->hash)};
        file_power_off(world, disk, file, &fate);
        lossy = lossy || fate.lossy;
        *lost_bytes += fate.lost_bytes;
        sim_file_forget_when_gone(disk, file);
    }
    return lossy;
}

/* ---- another disk ---- */

int64_t sim_disk_wipe(struct sim_world *world, struct sim_disk *disk)
{
    int64_t bytes = disk->files_count > 0 ? disk->used_bytes : -1;
    for (uint32_t place = disk->files_count; place > 0; place--) {
        struct sim_file *file = disk->files[place - 1];
        ISR_ASSERT(file->changes == NULL && file->pending == NULL);
        sim_disk_note(world, disk, file, SIM_DAMAGE_WIPED, 0, sim_file_bytes(file));
        sim_content_free(&file->content, disk->memory);
        file->exists = false;
        sim_file_forget_when_gone(disk, file);
    }
    disk->used_bytes = 0;
    return bytes;
}

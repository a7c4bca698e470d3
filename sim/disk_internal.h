/* Between the files of the disk. */
#ifndef SIM_DISK_INTERNAL_H
#define SIM_DISK_INTERNAL_H

#include "sim/disk.h"
#include "sim/world.h"

static inline int64_t sim_file_bytes(const struct sim_file *file)
{
    return file->exists ? file->content.size_bytes : 0;
}

/* ---- disk.c ---- */
void *sim_disk_take(struct sim_disk *disk, size_t size_bytes);
/* A name that stands for nothing any more goes. */
void sim_file_forget_when_gone(struct sim_disk *disk, struct sim_file *file);
/* Operations that would complete later than new ones do are brought forward. */
void sim_disk_bring_forward(struct sim_world *world, struct sim_disk *disk, struct sim_file *file);

/* ---- disk_changes.c ---- */
struct sim_change *sim_file_change_add(struct sim_disk *disk, struct sim_file *file,
                                       enum sim_change_kind kind, int64_t position, int64_t end);
/* What a completed operation does to what is durable. */
void sim_disk_settle(struct sim_world *world, struct sim_disk *disk,
                     const struct sim_disk_operation *operation);

/* ---- disk_faults.c ---- */
/* Damage has bitten. */
void sim_disk_note(struct sim_world *world, struct sim_disk *disk, const struct sim_file *file,
                   enum sim_damage damage, int64_t position, int64_t bytes);
/* Does the strike fall on this operation? It is used up by that. */
bool sim_disk_struck(struct sim_disk_strike *strike, unsigned operations, enum isr_file_kind kind);
/* The bytes of a misdirected write land somewhere else. */
void sim_disk_misdirect(struct sim_world *world, struct sim_disk *disk, const struct sim_file *meant,
                        struct isr_bytes bytes);

#endif

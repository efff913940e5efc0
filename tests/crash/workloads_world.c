/*
 * Workloads over the world of world.h: with logs that turn over, checkpoints a
 * slice at a time, commits that are not synced, and openings in between.
 */
#include "workloads.h"

void workload_world(struct image_run *run)
{
    image_open(run);
    image_commit(run, image_create_world);
    for (int i = 0; i < 14; i++) {
        image_commit(run, image_world);
    }
    image_close(run);
}

/* A log of the fewest segments, each a few frames long, that turns over all the time. */
void workload_turnover(struct image_run *run)
{
    run->options.wal_segment_bytes = 8 << 10;
    run->options.wal_bytes_max = 1;
    run->options.checkpoint = quire_checkpoint_frame_count(10);
    run->world.slots = 10;
    run->world.body_bytes_max = 600;
    image_open(run);
    image_commit(run, image_create_world);
    for (int i = 0; i < 16; i++) {
        image_commit(run, image_world);
    }
    image_close(run);
}

/* Checkpoints are made by the commits, two pages each. */
void workload_slices(struct image_run *run)
{
    run->options.checkpoint_place = QUIRE_CHECKPOINT_IN_COMMIT;
    run->options.checkpoint_slice_pages = 2;
    workload_turnover(run);
}

void workload_normal(struct image_run *run)
{
    run->options.durability = QUIRE_DURABILITY_NORMAL;
    run->unsynced = true;
    image_open(run);
    image_commit(run, image_create_world);
    for (int i = 0; i < 14; i++) {
        image_commit(run, image_world);
        if (i % 6 == 5) {
            image_checkpoint(run);
        }
    }
    image_close(run);
}

void workload_reopen(struct image_run *run)
{
    run->world.slots = 8;
    for (int i = 0; i < 5; i++) {
        image_open(run);
        image_commit(run, i == 0 ? image_create_world : image_world);
        image_commit(run, i == 0 ? image_world : image_world);
        if (i == 3) {
            image_checkpoint(run);
        }
        image_close(run);
    }
}

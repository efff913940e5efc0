/* Workloads of the list in workloads.c that are defined elsewhere: workloads_world.c. */
#ifndef QUIRE_TESTS_CRASH_WORKLOADS_H
#define QUIRE_TESTS_CRASH_WORKLOADS_H

#include "image.h"

void workload_world(struct image_run *run);
void workload_turnover(struct image_run *run);
void workload_slices(struct image_run *run);
void workload_normal(struct image_run *run);
void workload_reopen(struct image_run *run);
void workload_ingest(struct image_run *run);

#endif

/*
 * Real files whose unsynced writes stay in this process: they reach the real
 * file only at sync. Killing the process is then a power cut for whoever opens
 * the files afterwards: what was synced is there, the rest is gone, and a kill
 * during a sync leaves part of it.
 *
 * Creations, renames and removals are immediate. Locks are real. Any thread.
 * It ends the program when it runs out of memory.
 */
#ifndef QUIRE_TESTS_DELAYED_LAYER_H
#define QUIRE_TESTS_DELAYED_LAYER_H

#include "base/file.h"

/* The layer over the operating system's files; freed with delayed_layer_destroy once its files are
 * closed, which drops unsynced writes. Closing a file does not: this process still sees them. */
struct qr_file_layer *delayed_layer_create(void);
void delayed_layer_destroy(struct qr_file_layer *layer);

#endif

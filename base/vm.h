/*
 * Reserved address space that is filled with memory step by step: the home of
 * the page cache. It comes from the system, not from the database's allocator.
 *
 * A region is used by many threads; reserve and release happen alone, the rest
 * concurrently on ranges that do not overlap.
 */
#ifndef QR_BASE_VM_H
#define QR_BASE_VM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Regions start at a multiple of this, the size of a huge page. */
#define QR_VM_ALIGNMENT ((size_t)2 << 20)

struct qr_vm_region {
    uint8_t *base;
    size_t size;
    void *mapping; /* what the system gave; base is aligned inside it */
    size_t mapping_size;
};

/* Reserves `size` bytes of address space that takes no memory and may not be touched yet. */
quire_status qr_vm_reserve(struct qr_vm_region *region, size_t size, quire_error *err);
/* Makes a range usable; it reads as zero until written. offset and size are multiples of
 * qr_vm_page_size. Committing twice is harmless. NO_MEMORY when the system refuses. */
quire_status qr_vm_commit(struct qr_vm_region *region, size_t offset, size_t size,
                          quire_error *err);
/* Asks for huge pages in a range; a hint. */
void qr_vm_advise_huge(struct qr_vm_region *region, size_t offset, size_t size);
/* Gives the memory of a committed range back to the system. The range stays usable; what it holds
 * then is undefined. */
void qr_vm_discard(struct qr_vm_region *region, size_t offset, size_t size);
/* Ends the region. A zeroed region is a no-op. */
void qr_vm_release(struct qr_vm_region *region);

/* The system's page size, in bytes. */
size_t qr_vm_page_size(void);
/* The machine's memory, in bytes; 1 GiB when the system does not say. */
uint64_t qr_vm_physical_bytes(void);

#endif

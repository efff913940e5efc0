/*
 * Reserved address space over anonymous mappings.
 *
 * A region is mapped without access, which counts against no limit, and ranges
 * of it are opened when they are committed. Advice is Linux's; portable builds
 * leave it out, and discarded memory then stays with the process.
 */
#define _GNU_SOURCE

#include "base/vm.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"

#if defined(__linux__) && !(defined(QR_PORTABLE) && QR_PORTABLE)
#define HAVE_ADVICE 1
#else
#define HAVE_ADVICE 0
#endif

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

size_t qr_vm_page_size(void)
{
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : 4096;
}

uint64_t qr_vm_physical_bytes(void)
{
#if defined(_SC_PHYS_PAGES)
    long pages = sysconf(_SC_PHYS_PAGES);
    if (pages > 0) {
        return (uint64_t)pages * qr_vm_page_size();
    }
#endif
    return UINT64_C(1) << 30;
}

quire_status qr_vm_reserve(struct qr_vm_region *region, size_t size, quire_error *err)
{
    *region = (struct qr_vm_region){0};
    if (size == 0 || size > PTRDIFF_MAX - 2 * QR_VM_ALIGNMENT) {
        return qr_fail(err, QUIRE_LIMIT, "Cannot reserve %zu bytes of address space.", size);
    }
    size_t page = qr_vm_page_size();
    size_t rounded = (size + page - 1) / page * page;
    size_t mapping_size = rounded + QR_VM_ALIGNMENT;
    void *mapping =
        mmap(NULL, mapping_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) {
        return qr_fail_os(err, errno, NULL, 0, "Cannot reserve %zu bytes of address space", size);
    }
    size_t skip = (QR_VM_ALIGNMENT - (uintptr_t)mapping % QR_VM_ALIGNMENT) % QR_VM_ALIGNMENT;
    region->base = (uint8_t *)mapping + skip;
    region->size = rounded;
    region->mapping = mapping;
    region->mapping_size = mapping_size;
    return QUIRE_OK;
}

static bool range_is_valid(const struct qr_vm_region *region, size_t offset, size_t size)
{
    size_t page = qr_vm_page_size();
    return offset % page == 0 && size % page == 0 && offset <= region->size &&
           size <= region->size - offset;
}

quire_status qr_vm_commit(struct qr_vm_region *region, size_t offset, size_t size, quire_error *err)
{
    QR_ASSERT(range_is_valid(region, offset, size));
    if (size > 0 && mprotect(region->base + offset, size, PROT_READ | PROT_WRITE) != 0) {
        return qr_fail_os(err, errno, NULL, 0, "Cannot commit %zu bytes of memory", size);
    }
    return QUIRE_OK;
}

void qr_vm_advise_huge(struct qr_vm_region *region, size_t offset, size_t size)
{
    QR_ASSERT(range_is_valid(region, offset, size));
#if HAVE_ADVICE && defined(MADV_HUGEPAGE)
    (void)madvise(region->base + offset, size, MADV_HUGEPAGE);
#endif
}

void qr_vm_discard(struct qr_vm_region *region, size_t offset, size_t size)
{
    QR_ASSERT(range_is_valid(region, offset, size));
#if HAVE_ADVICE
    (void)madvise(region->base + offset, size, MADV_DONTNEED);
#endif
}

void qr_vm_release(struct qr_vm_region *region)
{
    if (region->mapping != NULL) {
        (void)munmap(region->mapping, region->mapping_size);
        *region = (struct qr_vm_region){0};
    }
}

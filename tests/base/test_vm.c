/* Reserved address space and clocks. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "base/vm.h"

Test(vm, commit__gives_zeroed_memory_step_by_step)
{
    struct qr_vm_region region;
    quire_error err = QUIRE_ERROR_INIT;
    size_t page = qr_vm_page_size();
    size_t size = (size_t)1 << 36;
    cr_assert_eq(qr_vm_reserve(&region, size, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq((uintptr_t)region.base % QR_VM_ALIGNMENT, 0);
    cr_assert_geq(region.size, size);
    cr_assert_eq(qr_vm_commit(&region, 0, 4 * page, &err), QUIRE_OK);
    cr_assert_eq(qr_vm_commit(&region, size - page, page, &err), QUIRE_OK);
    cr_assert_eq(qr_vm_commit(&region, 2 * page, 4 * page, &err), QUIRE_OK);
    for (size_t i = 0; i < 6 * page; i++) {
        cr_assert_eq(region.base[i], 0);
    }
    memset(region.base, 1, 6 * page);
    memset(region.base + size - page, 2, page);
    qr_vm_advise_huge(&region, 0, 6 * page);
    qr_vm_discard(&region, page, page);
    cr_assert_eq(region.base[0], 1);
    cr_assert_eq(region.base[2 * page], 1);
    memset(region.base + page, 3, page);
    cr_assert_eq(region.base[2 * page - 1], 3);
    qr_vm_release(&region);
    cr_assert_null(region.base);
    qr_vm_release(&region);
}

Test(vm, reserve__reports_what_cannot_be)
{
    struct qr_vm_region region;
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_vm_reserve(&region, SIZE_MAX, &err), QUIRE_LIMIT);
    cr_assert_eq(qr_vm_reserve(&region, 0, &err), QUIRE_LIMIT);
    cr_assert_eq(qr_vm_reserve(&region, (size_t)1 << 60, &err), QUIRE_NO_MEMORY);
    cr_assert_null(region.mapping);
}

Test(vm, sizes__are_plausible)
{
    cr_assert_geq(qr_vm_page_size(), 4096);
    cr_assert_geq(qr_vm_physical_bytes(), UINT64_C(64) << 20);
    cr_assert_geq(qr_processor_count(), 1);
}

Test(clock, monotonic__does_not_go_back)
{
    uint64_t before = qr_clock_monotonic_ns();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = qr_clock_monotonic_ns();
        cr_assert_geq(now, before);
        before = now;
    }
    cr_assert_gt(qr_clock_wall_ns(), INT64_C(1600000000) * (int64_t)QR_NS_PER_SECOND);
    cr_assert_eq(qr_clock_deadline_ns(UINT32_MAX), QR_NO_DEADLINE);
    cr_assert_geq(qr_clock_deadline_ns(1000), before + QR_NS_PER_SECOND);
}

// Lets the thread sanitizer see the locks of Swift's `Mutex`.
//
// On Linux a mutex that nobody else wants is taken and given back by code that is compiled into its user, where the
// sanitizer sees it. One that somebody waits for goes through two functions of the toolchain's own library, which is
// not instrumented: what the lock orders then looks like a race. A program of ten lines whose threads append to one
// array under one Mutex is reported so, and is not once these two stand between.
//
// `scripts/run-tsan` links this file with `--wrap` for both.
#include <stdint.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void real_lock(uint32_t thread, SELF void *handle) __asm__("__real_" LOCK);
SWIFT void seen_lock(uint32_t thread, SELF void *handle) __asm__("__wrap_" LOCK);
SWIFT void real_unlock(SELF void *handle) __asm__("__real_" UNLOCK);
SWIFT void seen_unlock(SELF void *handle) __asm__("__wrap_" UNLOCK);

SWIFT void seen_lock(uint32_t thread, SELF void *handle) {
    real_lock(thread, handle);
    __tsan_acquire(handle);
}

SWIFT void seen_unlock(SELF void *handle) {
    __tsan_release(handle);
    real_unlock(handle);
}

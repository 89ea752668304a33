#define _GNU_SOURCE
#include "CSimulation.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

#define SWIFTCALL __attribute__((swiftcall))

typedef SWIFTCALL void (*enqueue_global)(void *job);
typedef SWIFTCALL void (*enqueue_delay)(unsigned long long delay, void *job);
typedef SWIFTCALL void (*enqueue_deadline)(
    long long sec, long long nsec, long long tsec, long long tnsec, int clock, void *job);

static void (*tell)(courant_escape kind);

static SWIFTCALL void on_global(void *job, enqueue_global original) {
    tell(COURANT_ESCAPE_GLOBAL);
    original(job);
}

static SWIFTCALL void on_main(void *job, enqueue_global original) {
    tell(COURANT_ESCAPE_MAIN);
    original(job);
}

// Jobs of the main actor go to its executor directly where the runtime has it in Swift: asking for it is the escape.
typedef struct {
    void *identity;
    uintptr_t implementation;
} executor;
typedef SWIFTCALL executor (*get_main)(void);

static SWIFTCALL executor on_get_main(get_main original) {
    tell(COURANT_ESCAPE_MAIN);
    return original();
}

static SWIFTCALL void on_delay(unsigned long long delay, void *job, enqueue_delay original) {
    tell(COURANT_ESCAPE_DELAY);
    original(delay, job);
}

static SWIFTCALL void on_deadline(
    long long sec, long long nsec, long long tsec, long long tnsec, int clock, void *job, enqueue_deadline original) {
    tell(COURANT_ESCAPE_DEADLINE);
    original(sec, nsec, tsec, tnsec, clock, job);
}

static bool hook(const char *name, void *function) {
    void **place = dlsym(RTLD_DEFAULT, name);
    if (place == NULL) return false;
    *place = function;
    return true;
}

bool courant_trap_escapes(void (*escaped)(courant_escape kind)) {
    tell = escaped;
    bool global = hook("swift_task_enqueueGlobal_hook", (void *)on_global);
    bool delay = hook("swift_task_enqueueGlobalWithDelay_hook", (void *)on_delay);
    bool deadline = hook("swift_task_enqueueGlobalWithDeadline_hook", (void *)on_deadline);
    bool main = hook("swift_task_enqueueMainExecutor_hook", (void *)on_main);
    bool asked = hook("swift_task_getMainExecutor_hook", (void *)on_get_main);
    return global && delay && deadline && main && asked;
}

uint64_t courant_thread(void) { return (uint64_t)pthread_self(); }

#include "CSimulation.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define SHM_SLOTS SQLITE_SHM_NLOCK
#define REGIONS_MAX 64

// What all connections to one file share: its locks and its shared memory.
typedef struct node {
    struct node *next;
    char *path;
    int shared, reserved, pending, exclusive;
    int mappers;
    void *regions[REGIONS_MAX];
    int shm_shared[SHM_SLOTS];
    int shm_exclusive[SHM_SLOTS];
} node;

typedef struct {
    sqlite3_file base;
    node *node;
    int32_t handle;
    int level;
    bool maps;
    bool folder_sync;
    unsigned shm_shared, shm_exclusive;
} simulated_file;

static courant_file_calls calls;
static node *nodes;

static int code(courant_file_result result, int failed) {
    if (result == COURANT_FILE_DONE) return SQLITE_OK;
    return result == COURANT_FILE_NO_SPACE ? SQLITE_FULL : failed;
}

static node *node_of(const char *path) {
    for (node *each = nodes; each != NULL; each = each->next) {
        if (strcmp(each->path, path) == 0) return each;
    }
    node *made = calloc(1, sizeof *made);
    if (made == NULL) return NULL;
    made->path = strdup(path);
    made->next = nodes;
    nodes = made;
    return made;
}

void courant_simulated_vfs_forget(void) { nodes = NULL; }

void courant_simulated_vfs_reseed(void) { sqlite3_randomness(0, NULL); }

// Locks, as SQLite's documentation has them.

static int file_lock(sqlite3_file *base, int level) {
    simulated_file *file = (simulated_file *)base;
    node *node = file->node;
    if (file->level >= level) return SQLITE_OK;
    switch (level) {
    case SQLITE_LOCK_SHARED:
        if (node->pending || node->exclusive) return SQLITE_BUSY;
        node->shared += 1;
        break;
    case SQLITE_LOCK_RESERVED:
        if (node->reserved) return SQLITE_BUSY;
        node->reserved = 1;
        break;
    default:
        if (node->reserved && file->level < SQLITE_LOCK_RESERVED) return SQLITE_BUSY;
        if (node->pending && file->level < SQLITE_LOCK_PENDING) return SQLITE_BUSY;
        node->reserved = 1;
        node->pending = 1;
        file->level = SQLITE_LOCK_PENDING;
        if (node->shared > 1) return SQLITE_BUSY;
        node->exclusive = 1;
    }
    file->level = level;
    return SQLITE_OK;
}

static int file_unlock(sqlite3_file *base, int level) {
    simulated_file *file = (simulated_file *)base;
    node *node = file->node;
    if (file->level <= level) return SQLITE_OK;
    if (file->level >= SQLITE_LOCK_RESERVED) node->reserved = 0;
    if (file->level >= SQLITE_LOCK_PENDING) node->pending = 0;
    if (file->level >= SQLITE_LOCK_EXCLUSIVE) node->exclusive = 0;
    if (level == SQLITE_LOCK_NONE) node->shared -= 1;
    file->level = level;
    return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *base, int *result) {
    *result = ((simulated_file *)base)->node->reserved;
    return SQLITE_OK;
}

static int shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **memory) {
    simulated_file *file = (simulated_file *)base;
    if (region >= REGIONS_MAX) return SQLITE_IOERR_SHMMAP;
    if (!file->maps) file->node->mappers += 1;
    file->maps = true;
    void **place = &file->node->regions[region];
    if (*place == NULL && extend) *place = calloc(1, (size_t)size);
    *memory = *place;
    return *place == NULL && extend ? SQLITE_NOMEM : SQLITE_OK;
}

static int shm_lock(sqlite3_file *base, int offset, int count, int flags) {
    simulated_file *file = (simulated_file *)base;
    node *node = file->node;
    bool is_shared = (flags & SQLITE_SHM_SHARED) != 0;
    if (flags & SQLITE_SHM_UNLOCK) {
        for (int slot = offset; slot < offset + count; slot++) {
            unsigned bit = 1u << slot;
            if (is_shared && (file->shm_shared & bit)) {
                node->shm_shared[slot] -= 1;
                file->shm_shared &= ~bit;
            } else if (!is_shared && (file->shm_exclusive & bit)) {
                node->shm_exclusive[slot] = 0;
                file->shm_exclusive &= ~bit;
            }
        }
        return SQLITE_OK;
    }
    for (int slot = offset; slot < offset + count; slot++) {
        unsigned bit = 1u << slot;
        int shared = node->shm_shared[slot] - ((file->shm_shared & bit) ? 1 : 0);
        bool exclusive = node->shm_exclusive[slot] && !(file->shm_exclusive & bit);
        if (exclusive || (!is_shared && shared > 0)) return SQLITE_BUSY;
    }
    for (int slot = offset; slot < offset + count; slot++) {
        unsigned bit = 1u << slot;
        if (is_shared) {
            if (!(file->shm_shared & bit)) node->shm_shared[slot] += 1;
            file->shm_shared |= bit;
        } else {
            node->shm_exclusive[slot] = 1;
            file->shm_exclusive |= bit;
        }
    }
    return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *base) { (void)base; }

static int shm_unmap(sqlite3_file *base, int remove) {
    simulated_file *file = (simulated_file *)base;
    if (!file->maps) return SQLITE_OK;
    shm_lock(base, 0, SHM_SLOTS, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
    shm_lock(base, 0, SHM_SLOTS, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    file->maps = false;
    file->node->mappers -= 1;
    if (file->node->mappers > 0 || !remove) return SQLITE_OK;
    for (int region = 0; region < REGIONS_MAX; region++) {
        free(file->node->regions[region]);
        file->node->regions[region] = NULL;
    }
    return SQLITE_OK;
}

// Files.

static int file_close(sqlite3_file *base) {
    simulated_file *file = (simulated_file *)base;
    shm_unmap(base, 0);
    file_unlock(base, SQLITE_LOCK_NONE);
    calls.close(file->handle);
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *bytes, int size, sqlite3_int64 position) {
    int32_t count = 0;
    courant_file_result result = calls.read(((simulated_file *)base)->handle, bytes, size, position, &count);
    if (result != COURANT_FILE_DONE) return SQLITE_IOERR_READ;
    return count < size ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int file_write(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 position) {
    return code(calls.write(((simulated_file *)base)->handle, bytes, size, position), SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size) {
    return code(calls.truncate(((simulated_file *)base)->handle, size), SQLITE_IOERR_TRUNCATE);
}

static int file_sync(sqlite3_file *base, int flags) {
    simulated_file *file = (simulated_file *)base;
    (void)flags;
    int failed = code(calls.synchronize(file->handle), SQLITE_IOERR_FSYNC);
    if (failed || !file->folder_sync) return failed;
    file->folder_sync = false;
    return code(calls.synchronize_folder_of(file->node->path), SQLITE_IOERR_DIR_FSYNC);
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size) {
    int64_t found = 0;
    courant_file_result result = calls.size(((simulated_file *)base)->handle, &found);
    *size = found;
    return code(result, SQLITE_IOERR_FSTAT);
}

static int file_control(sqlite3_file *base, int code, void *argument) {
    (void)base, (void)code, (void)argument;
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *base) {
    (void)base;
    return 4096;
}

// As the VFS of the machine itself has it.
static int file_characteristics(sqlite3_file *base) {
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *answered) {
    (void)vfs;
    simulated_file *file = (simulated_file *)base;
    memset(file, 0, sizeof *file);
    // What SQLite would spill to a nameless file stays far below its limits in memory here.
    if (path == NULL) return SQLITE_CANTOPEN;
    bool made = false;
    courant_file_result result = calls.open(path, (flags & SQLITE_OPEN_CREATE) != 0, &file->handle, &made);
    if (result != COURANT_FILE_DONE) return code(result, SQLITE_CANTOPEN);
    file->node = node_of(path);
    if (file->node == NULL) return SQLITE_NOMEM;
    file->base.pMethods = &methods;
    int journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    file->folder_sync = made && (flags & journals) != 0;
    if (answered != NULL) *answered = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder) {
    (void)vfs;
    courant_file_result result = calls.remove(path);
    if (result == COURANT_FILE_NOT_FOUND) return SQLITE_IOERR_DELETE_NOENT;
    if (result != COURANT_FILE_DONE) return code(result, SQLITE_IOERR_DELETE);
    return sync_folder ? code(calls.synchronize_folder_of(path), SQLITE_IOERR_DIR_FSYNC) : SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *result) {
    (void)vfs, (void)flags;
    bool exists = false;
    courant_file_result looked = calls.exists(path, &exists);
    *result = exists;
    return code(looked, SQLITE_IOERR_ACCESS);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int size, char *full) {
    (void)vfs;
    sqlite3_snprintf(size, full, "%s", path);
    return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *vfs, int size, char *bytes) {
    (void)vfs;
    for (int index = 0; index < size; index += 8) {
        uint64_t word = calls.random();
        memcpy(bytes + index, &word, (size_t)(size - index < 8 ? size - index : 8));
    }
    return size;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    return microseconds;
}

// Milliseconds since noon in Greenwich on November 24, 4714 B.C.
static int vfs_time(sqlite3_vfs *vfs, sqlite3_int64 *time) {
    (void)vfs;
    *time = 210866760000000LL + calls.milliseconds();
    return SQLITE_OK;
}

static int vfs_day(sqlite3_vfs *vfs, double *day) {
    sqlite3_int64 time = 0;
    vfs_time(vfs, &time);
    *day = (double)time / 86400000.0;
    return SQLITE_OK;
}

static int vfs_error(sqlite3_vfs *vfs, int size, char *text) {
    (void)vfs, (void)size, (void)text;
    return 0;
}

static sqlite3_vfs vfs = {
    .iVersion = 2,
    .szOsFile = sizeof(simulated_file),
    .mxPathname = 512,
    .zName = "courant-simulated",
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_path,
    .xRandomness = vfs_random,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_day,
    .xGetLastError = vfs_error,
    .xCurrentTimeInt64 = vfs_time,
};

int courant_simulated_vfs_register(const courant_file_calls *given) {
    calls = *given;
    int failed = sqlite3_initialize();
    return failed ? failed : sqlite3_vfs_register(&vfs, 1);
}

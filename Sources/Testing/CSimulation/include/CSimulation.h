#ifndef COURANT_CSIMULATION_H
#define COURANT_CSIMULATION_H

#include <stdbool.h>
#include <stdint.h>

// SQLite on files of somebody else.
//
// Registers a VFS as SQLite's default, whose file operations are the calls below. Locks and shared memory are kept
// here, in memory.
typedef enum {
    COURANT_FILE_DONE,
    COURANT_FILE_FAILED,
    COURANT_FILE_NO_SPACE,
    COURANT_FILE_NOT_FOUND,
} courant_file_result;

typedef struct {
    // Opens, and makes where that is asked for and nothing is there; `made` says whether it was.
    courant_file_result (*open)(const char *path, bool create, int32_t *handle, bool *made);
    void (*close)(int32_t handle);
    // Fills what lies behind the end with zeros; `count` is how much was read before it.
    courant_file_result (*read)(int32_t handle, void *bytes, int32_t size, int64_t position, int32_t *count);
    courant_file_result (*write)(int32_t handle, const void *bytes, int32_t size, int64_t position);
    courant_file_result (*truncate)(int32_t handle, int64_t size);
    courant_file_result (*synchronize)(int32_t handle);
    courant_file_result (*size)(int32_t handle, int64_t *size);
    courant_file_result (*synchronize_folder_of)(const char *path);
    courant_file_result (*remove)(const char *path);
    courant_file_result (*exists)(const char *path, bool *exists);
    uint64_t (*random)(void);
    // Since 1970, by the wall clock.
    int64_t (*milliseconds)(void);
} courant_file_calls;

// Once in a process.
int courant_simulated_vfs_register(const courant_file_calls *calls);

// From now on SQLite's own random numbers come from `random` again: it asks once and goes on by itself.
void courant_simulated_vfs_reseed(void);

// The process that had the files open is dead: its locks and its shared memory are gone, its connections are left.
void courant_simulated_vfs_forget(void);

// Tasks that leave the simulator's executor.
typedef enum {
    COURANT_ESCAPE_GLOBAL,
    COURANT_ESCAPE_DELAY,
    COURANT_ESCAPE_DEADLINE,
    COURANT_ESCAPE_MAIN,
} courant_escape;

// Calls `escaped` for each job that is enqueued anywhere but on a task executor. Answers whether all hooks were found.
bool courant_trap_escapes(void (*escaped)(courant_escape kind));

// Which thread this is.
uint64_t courant_thread(void);

#endif

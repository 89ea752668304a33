#ifndef COURANT_CALLOCATIONS_H
#define COURANT_CALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>

// Counts the allocations of a program that links this: its own and those of its libraries, Swift's and C++'s.
// On glibc only, and not under a sanitizer, which has its own allocator.

bool courant_allocations_are_counted(void);

// How often the calling thread has allocated so far.
size_t courant_allocations(void);

#endif

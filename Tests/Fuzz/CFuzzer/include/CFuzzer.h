// libFuzzer's driver, for a program that has a `main` of its own.
#ifndef CFUZZER_H
#define CFUZZER_H

#include <stddef.h>
#include <stdint.h>

// Gives inputs to `one_input` as the arguments say, until one of them ends the process or the time is up.
int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*one_input)(const uint8_t *bytes, size_t length));

// Between these two, what the calling thread allocates is never taken for a leak.
void __lsan_disable(void);
void __lsan_enable(void);

#endif

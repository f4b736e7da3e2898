/* SPDX-License-Identifier: Apache-2.0
 * Scope-bound resources, secrets, and comparison in constant time.
 */
#ifndef SP_BASE_MEM_H
#define SP_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* A descriptor that closes at the end of its scope: SP_FD fd = open(…); */
#define SP_FD __attribute__((cleanup(sp_fd_cleanup))) int
/* A heap pointer that is freed at the end of its scope: SP_FREE char *s = …; */
#define SP_FREE __attribute__((cleanup(sp_free_cleanup)))

/* Close *fd unless it is negative, and set it to -1; errno is kept. */
void sp_fd_cleanup(int *fd);

/* free() what the pointer that p points to holds. */
void sp_free_cleanup(void *p);

/* Hand a scope-bound descriptor out: returns *fd and sets it to -1. */
int sp_fd_take(int *fd);

/* Overwrite size bytes with zeros in a way that the compiler keeps. */
void sp_wipe(void *p, size_t size);

/*
 * Overwrite size bytes with zeros and give their whole pages back to the kernel: for what a phase
 * of a connection used and no later phase needs. The bytes read as zeros afterwards.
 * p        memory of our own data or bss, not of the heap
 */
void sp_release(void *p, size_t size);

/* True if the size bytes are equal; takes the same time wherever they differ. */
bool sp_equal_ct(const void *a, const void *b, size_t size);

/*
 * Fill size bytes from the kernel's random source; a failure ends the process (SP_BUG).
 */
void sp_random(void *p, size_t size);

#endif

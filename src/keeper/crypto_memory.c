/* SPDX-License-Identifier: Apache-2.0
 * OpenSSL's and jansson's memory in keeper: wiped when it is given back, since a key passes through
 * it.
 *
 * Its decoders free the octets of a private key as they are; after a reload the old key would
 * still lie in the heap.
 */
#include "keeper/crypto_memory.h"

#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void *on_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size > 0 ? malloc(size) : NULL;
}

static void on_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    if (p != NULL)
        sp_wipe(p, malloc_usable_size(p));
    free(p);
}

static void *on_realloc(void *old, size_t size, const char *file, int line)
{
    void *made = size > 0 ? malloc(size) : NULL;
    size_t had = old != NULL ? malloc_usable_size(old) : 0;

    if (size > 0 && made == NULL)
        return NULL;
    if (made != NULL && old != NULL)
        memcpy(made, old, had < size ? had : size);
    on_free(old, file, line);
    return made;
}

/* JSON carries secrets of the store for a moment. */
static void on_json_free(void *p)
{
    if (p != NULL)
        sp_wipe(p, malloc_usable_size(p));
    free(p);
}

void crypto_memory_wipe_freed(void)
{
    json_set_alloc_funcs(malloc, on_json_free);
    (void)CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free);
}

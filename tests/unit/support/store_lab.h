/* SPDX-License-Identifier: Apache-2.0
 * A store in a folder of its own, and short ways to write to it and to look into it.
 */
#ifndef TEST_STORE_LAB_H
#define TEST_STORE_LAB_H

#include <stddef.h>

#include "keeper/store.h"

struct store_lab {
    char folder[64], path[96];
    struct vault *vault;
    struct store *store;
    struct ev_loop *loop;
    size_t good, bad; /* of the last lab_read                       */
    char last_id[STORE_ID_SIZE];
    char last_body[256];
    size_t last_secret_size;
    uint8_t last_secret[SECRET_MAX];
    char why[128];
    char error[STORE_ERROR_SIZE];
};

/* Make the folder, a key and an open store. */
void lab_start(struct store_lab *lab);

/* Close all and remove the folder. */
void lab_stop(struct store_lab *lab);

/* Close and open the store and its vault as a restart does. Returns what store_open did. */
enum sp_err lab_restart(struct store_lab *lab);

/* Close the store without opening it again. */
void lab_close(struct store_lab *lab);

/* Write one row and wait. secret: may be NULL. Returns what done was given. */
enum sp_err lab_put(struct store_lab *lab, enum store_kind kind, const char *id, const char *body,
                    const char *secret);

/* Erase one row and wait. */
enum sp_err lab_erase(struct store_lab *lab, enum store_kind kind, const char *id);

/* Read a kind: fills good, bad and last_*. */
enum sp_err lab_read(struct store_lab *lab, enum store_kind kind);

/* Run SQL on the closed or open database as a thief would. */
void lab_sql(struct store_lab *lab, const char *sql);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * How a helper process is born, how it dies with keeper, and how it logs.
 */
#ifndef SP_BASE_HELPER_LIFE_H
#define SP_BASE_HELPER_LIFE_H

#include <stdint.h>

#include "base/err.h"

/*
 * Begin a helper's life: name it "sp-<name>", ignore the signals that a terminal or a service
 * manager sends to the whole group (keeper alone decides when to end), drop to uid and gid, and
 * die with keeper from here on.
 * name     static text: "door", "spawner", "dialer"; also opens each line of helper_log
 * Errors:  SP_ESYS; SP_ECLOSED keeper is gone already; the caller must exit
 */
SP_MUST_USE enum sp_err helper_begin(const char *name, uint32_t uid, uint32_t gid,
                                     struct sp_fail *fail);

/* Write one line "sallyport NAME: …" to standard error; no text of a peer's choice goes in. */
void helper_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Log a failure that ends the process: what was being done, place, code and numbers. */
void helper_log_fail(const char *what, enum sp_err err, const struct sp_fail *fail);

#endif

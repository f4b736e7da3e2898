/* SPDX-License-Identifier: Apache-2.0
 * A line on the control socket: parsed or refused with a text, and what was parsed is bounded.
 */
#include <stdlib.h>
#include <string.h>

#include "keeper/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api_request request;
    const char *error = NULL;
    char *line;

    memset(&request, 0x5A, sizeof(request));
    enum sp_err err = api_parse((const char *)data, size, &request, &error);
    if ((err == SP_OK) != (error == NULL))
        abort();
    if (err == SP_OK) {
        if (memchr(request.id, '\0', sizeof(request.id)) == NULL ||
            memchr(request.reason, '\0', sizeof(request.reason)) == NULL)
            abort();
        return 0;
    }
    line = api_line(api_refusal(error));
    if (line == NULL || strchr(line, '\n')[1] != '\0')
        abort(); /* an answer is one line */
    free(line);
    return 0;
}

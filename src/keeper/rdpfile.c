/* SPDX-License-Identifier: Apache-2.0
 * .rdp files: a connection's settings as text.
 */
#include "keeper/rdpfile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct writer {
    char *out;
    size_t size, used;
    enum sp_err err;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *format, ...)
{
    va_list args;

    if (w->err != SP_OK)
        return;
    va_start(args, format);
    int n = vsnprintf(w->out + w->used, w->size - w->used, format, args);
    va_end(args);
    if (n < 0 || (size_t)n + 2 >= w->size - w->used) {
        w->err = SP_ESPACE;
        return;
    }
    w->used += (size_t)n;
    memcpy(w->out + w->used, "\r\n", 3);
    w->used += 2;
}

/* A line end in a name would begin another setting. */
static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return false;
    }
    return true;
}

static int flag(bool is_set)
{
    return is_set ? 1 : 0;
}

static void put_channels(struct writer *w, const struct ipc_channels *channels)
{
    put(w, "redirectclipboard:i:%d", flag(channels->clipboard != 0));
    put(w, "redirectdrives:i:%d", flag(channels->drives != 0));
    put(w, "drivestoredirect:s:%s", channels->drives != 0 ? "*" : "");
    put(w, "redirectprinters:i:%d", flag((channels->devices & IPC_DEVICE_PRINTERS) != 0));
    put(w, "redirectcomports:i:%d", flag((channels->devices & IPC_DEVICE_PORTS) != 0));
    put(w, "redirectsmartcards:i:%d", flag((channels->devices & IPC_DEVICE_SMARTCARDS) != 0));
    put(w, "redirectposdevices:i:0");
    put(w, "devicestoredirect:s:");
}

enum sp_err rdpfile_write(const struct rdpfile *file, char *out, size_t out_size)
{
    struct writer w = {.out = out, .size = out_size};
    bool is_v6 = strchr(file->host, ':') != NULL;
    const char *before = is_v6 ? "[" : "", *after = is_v6 ? "]" : "";

    if (file->host[0] == '\0' || !is_plain(file->host) ||
        (file->user != NULL && !is_plain(file->user)))
        return SP_EVALUE;
    put(&w, "full address:s:%s%s%s:%u", before, file->host, after, file->port);
    put(&w, "alternate full address:s:%s%s%s:%u", before, file->host, after, file->port);
    if (file->user != NULL)
        put(&w, "username:s:%s", file->user);
    put(&w, "prompt for credentials:i:0");
    put(&w, "promptcredentialonce:i:1");
    put(&w, "enablecredsspsupport:i:1");
    put(&w, "negotiate security layer:i:1");
    put(&w, "authentication level:i:2"); /* ask before an unknown certificate is accepted */
    put(&w, "disableconnectionsharing:i:1");
    put(&w, "gatewayusagemethod:i:0");
    put(&w, "autoreconnection enabled:i:1");
    put(&w, "audiomode:i:0");
    put_channels(&w, &file->channels);
    put(&w, "screen mode id:i:2");
    put(&w, "use multimon:i:0");
    put(&w, "dynamic resolution:i:1");
    return w.err;
}

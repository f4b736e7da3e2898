/* SPDX-License-Identifier: Apache-2.0
 * .rdp files: the signature, as Windows' rdpsign makes it.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/wire.h"
#include "keeper/rdpfile.h"

#define MESSAGE_MAX   (2u * RDPFILE_TEXT_MAX)
#define HEADER_SIZE   12
#define HEADER_FORMAT 0x00010001u
#define HEADER_KIND   1u

/*
 * The settings that a signature covers, in its order. A name that differs from the key in the file
 * by more than case has both; the one in signscope comes second.
 */
static const struct setting {
    const char *key, *name;
} covered[] = {
    {"full address:s:", "Full Address"},
    {"alternate full address:s:", "Alternate Full Address"},
    {"pcb:s:", "PCB"},
    {"use redirection server name:i:", "Use Redirection Server Name"},
    {"server port:i:", "Server Port"},
    {"negotiate security layer:i:", "Negotiate Security Layer"},
    {"enablecredsspsupport:i:", "EnableCredSspSupport"},
    {"disableconnectionsharing:i:", "DisableConnectionSharing"},
    {"autoreconnection enabled:i:", "AutoReconnection Enabled"},
    {"gatewayhostname:s:", "GatewayHostname"},
    {"gatewayusagemethod:i:", "GatewayUsageMethod"},
    {"gatewayprofileusagemethod:i:", "GatewayProfileUsageMethod"},
    {"gatewaycredentialssource:i:", "GatewayCredentialsSource"},
    {"support url:s:", "Support URL"},
    {"promptcredentialonce:i:", "PromptCredentialOnce"},
    {"require pre-authentication:i:", "Require pre-authentication"},
    {"pre-authentication server address:s:", "Pre-authentication server address"},
    {"alternate shell:s:", "Alternate Shell"},
    {"shell working directory:s:", "Shell Working Directory"},
    {"remoteapplicationprogram:s:", "RemoteApplicationProgram"},
    {"remoteapplicationexpandworkingdir:s:", "RemoteApplicationExpandWorkingdir"},
    {"remoteapplicationmode:i:", "RemoteApplicationMode"},
    {"remoteapplicationguid:s:", "RemoteApplicationGuid"},
    {"remoteapplicationname:s:", "RemoteApplicationName"},
    {"remoteapplicationicon:s:", "RemoteApplicationIcon"},
    {"remoteapplicationfile:s:", "RemoteApplicationFile"},
    {"remoteapplicationfileextensions:s:", "RemoteApplicationFileExtensions"},
    {"remoteapplicationcmdline:s:", "RemoteApplicationCmdLine"},
    {"remoteapplicationexpandcmdline:s:", "RemoteApplicationExpandCmdLine"},
    {"prompt for credentials:i:", "Prompt For Credentials"},
    {"authentication level:i:", "Authentication Level"},
    {"audiomode:i:", "AudioMode"},
    {"redirectdrives:i:", "RedirectDrives"},
    {"redirectprinters:i:", "RedirectPrinters"},
    {"redirectcomports:i:", "RedirectCOMPorts"},
    {"redirectsmartcards:i:", "RedirectSmartCards"},
    {"redirectposdevices:i:", "RedirectPOSDevices"},
    {"redirectclipboard:i:", "RedirectClipboard"},
    {"devicestoredirect:s:", "DevicesToRedirect"},
    {"drivestoredirect:s:", "DrivesToRedirect"},
    {"loadbalanceinfo:s:", "LoadBalanceInfo"},
    {"redirectdirectx:i:", "RedirectDirectX"},
    {"rdgiskdcproxy:i:", "RDGIsKDCProxy"},
    {"kdcproxyname:s:", "KDCProxyName"},
    {"eventloguploadaddress:s:", "EventLogUploadAddress"},
};

/* The file as lines; begins and sizes are into text. */
struct lines {
    struct {
        const char *at;
        size_t size;
    } line[RDPFILE_LINES_MAX];
    size_t count;
};

/* Text that grows in fixed room and says at the end whether it fitted. */
struct text {
    char *out;
    size_t size, used;
    bool is_full;
};

static void add(struct text *t, const char *from, size_t size)
{
    if (t->is_full || size >= t->size - t->used) {
        t->is_full = true;
        return;
    }
    memcpy(t->out + t->used, from, size);
    t->used += size;
    t->out[t->used] = '\0';
}

static void add_text(struct text *t, const char *from)
{
    add(t, from, strlen(from));
}

static bool has_key(const char *line, size_t size, const char *key)
{
    size_t n = strlen(key);

    return size >= n && strncasecmp(line, key, n) == 0;
}

static enum sp_err take_line(struct lines *lines, const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)at[i] < 0x20 || at[i] == 0x7F)
            return SP_EVALUE;
    }
    if (size == 0 || has_key(at, size, "signscope:s:") || has_key(at, size, "signature:s:"))
        return SP_OK;
    if (size > RDPFILE_LINE_MAX || lines->count == RDPFILE_LINES_MAX)
        return SP_ELIMIT;
    lines->line[lines->count].at = at;
    lines->line[lines->count++].size = size;
    return SP_OK;
}

static enum sp_err split(const char *text, struct lines *lines)
{
    enum sp_err err = SP_OK;

    lines->count = 0;
    while (*text != '\0' && err == SP_OK) {
        const char *end = strstr(text, "\r\n");
        size_t size = end != NULL ? (size_t)(end - text) : strlen(text);

        err = take_line(lines, text, size);
        text += size + (end != NULL ? 2 : 0);
    }
    return err;
}

/* The covered lines in their order, and their names: what is signed. */
static enum sp_err write_message(const struct lines *lines, struct text *message,
                                 struct text *scope)
{
    add_text(scope, "signscope:s:");
    size_t before = scope->used;
    for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++) {
        for (size_t j = 0; j < lines->count; j++) {
            if (!has_key(lines->line[j].at, lines->line[j].size, covered[i].key))
                continue;
            if (scope->used > before)
                add_text(scope, ",");
            add_text(scope, covered[i].name);
            add(message, lines->line[j].at, lines->line[j].size);
            add_text(message, "\r\n");
        }
    }
    if (scope->used == before)
        return SP_EVALUE;
    add_text(scope, "\r\n");
    add(message, scope->out, scope->used);
    return message->is_full || scope->is_full ? SP_ESPACE : SP_OK;
}

/* UTF-16LE with the NUL that rdpsign signs too. */
static enum sp_err sign_message(const char *message, const struct signer *signer, uint8_t **der,
                                size_t *der_size)
{
    uint8_t wide[MESSAGE_MAX];
    size_t used = 0;
    enum sp_err err = text_utf16le_from_utf8(message, wide, sizeof(wide) - 2, &used);

    if (err != SP_OK)
        return err;
    wide[used] = wide[used + 1] = 0;
    return signer_detached(signer, wide, used + 2, der, der_size);
}

static enum sp_err add_signature(struct text *out, const uint8_t *der, size_t der_size)
{
    uint8_t bytes[RDPFILE_TEXT_MAX / 2];
    char base64[RDPFILE_TEXT_MAX];
    struct wr w;

    wr_init(&w, bytes, sizeof(bytes));
    wr_u32le(&w, HEADER_FORMAT);
    wr_u32le(&w, HEADER_KIND);
    wr_u32le(&w, (uint32_t)der_size);
    wr_bytes(&w, der, der_size);
    if (!wr_ok(&w))
        return SP_ESPACE;
    int size = EVP_EncodeBlock((unsigned char *)base64, bytes, (int)(HEADER_SIZE + der_size));
    add_text(out, "signature:s:");
    add(out, base64, (size_t)size);
    add_text(out, "\r\n");
    return out->is_full ? SP_ESPACE : SP_OK;
}

enum sp_err rdpfile_sign(const char *text, const struct signer *signer, char *out, size_t out_size)
{
    char message_room[RDPFILE_TEXT_MAX], scope_room[2048];
    struct text message = {message_room, sizeof(message_room), 0, false};
    struct text scope = {scope_room, sizeof(scope_room), 0, false};
    struct text whole = {out, out_size, 0, false};
    struct lines lines;
    size_t der_size = 0;
    SP_FREE uint8_t *der = NULL;
    enum sp_err err = split(text, &lines);

    out[0] = '\0';
    if (err == SP_OK)
        err = write_message(&lines, &message, &scope);
    if (err == SP_OK)
        err = sign_message(message_room, signer, &der, &der_size);
    if (err != SP_OK)
        return err;
    for (size_t i = 0; i < lines.count; i++) {
        add(&whole, lines.line[i].at, lines.line[i].size);
        add_text(&whole, "\r\n");
    }
    add(&whole, scope.out, scope.used);
    err = add_signature(&whole, der, der_size);
    if (err != SP_OK)
        out[0] = '\0';
    return err;
}

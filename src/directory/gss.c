/* SPDX-License-Identifier: Apache-2.0
 * Kerberos as the acceptor: one context a child, from the client's ticket to the last message.
 */
#include <errno.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "directory/directory_priv.h"

#define KEYTAB_IN_MEMORY "MEMORY:sallyport"

static const gss_OID_desc krb5_mech = {9,
                                       (void *)(uintptr_t) "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};

static const gss_OID_desc spnego_mech = {6, (void *)(uintptr_t) "\x2b\x06\x01\x05\x05\x02"};

static gss_cred_id_t credentials;
static krb5_context keeps_keytab; /* as long as it is open the keytab in memory lives */
static krb5_keytab memory_keytab;

/* The child's one context. */
static struct {
    gss_ctx_id_t context;
    unsigned steps, unwraps, wraps;
    bool is_done;
} own;

static enum sp_err copy_entries(krb5_context context, krb5_keytab from, krb5_keytab to,
                                struct sp_fail *fail)
{
    krb5_keytab_entry entry;
    krb5_kt_cursor cursor;
    uint32_t count = 0;

    if (krb5_kt_start_seq_get(context, from, &cursor) != 0)
        return sp_fail_set(fail, SP_EVALUE, "keytab", 0, 0);
    while (krb5_kt_next_entry(context, from, &entry, &cursor) == 0) {
        count += krb5_kt_add_entry(context, to, &entry) == 0 ? 1 : 0;
        krb5_free_keytab_entry_contents(context, &entry);
    }
    krb5_kt_end_seq_get(context, from, &cursor);
    return count > 0 ? SP_OK : sp_fail_set(fail, SP_EVALUE, "keytab without keys", 0, 1);
}

/* libkrb5 reads keytabs from files only: a memfd is one that nobody else can open. */
static enum sp_err load_keytab(const uint8_t *bytes, size_t size, struct sp_fail *fail)
{
    SP_FD fd = memfd_create("keytab", MFD_CLOEXEC);
    krb5_keytab file = NULL;
    char name[64];

    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        return sp_fail_set(fail, SP_ESYS, "memfd", (uint32_t)errno, 0);
    snprintf(name, sizeof(name), "FILE:/proc/self/fd/%d", fd);
    if (krb5_init_context(&keeps_keytab) != 0 || krb5_kt_resolve(keeps_keytab, name, &file) != 0 ||
        krb5_kt_resolve(keeps_keytab, KEYTAB_IN_MEMORY, &memory_keytab) != 0)
        return sp_fail_set(fail, SP_EVALUE, "libkrb5", 0, 0);
    enum sp_err err = copy_entries(keeps_keytab, file, memory_keytab, fail);
    krb5_kt_close(keeps_keytab, file);
    return err;
}

enum sp_err gss_begin(const uint8_t *keytab, size_t size, int rcache_fd, struct sp_fail *fail)
{
    gss_key_value_element_desc elements[2] = {{"keytab", KEYTAB_IN_MEMORY}, {"rcache", NULL}};
    gss_key_value_set_desc store = {2, elements};
    gss_OID_desc both[2] = {krb5_mech, spnego_mech};
    gss_OID_set_desc mechs = {2, both}, kerberos = {1, both};
    char rcache[64];
    OM_uint32 minor;

    snprintf(rcache, sizeof(rcache), "file2:/proc/self/fd/%d", rcache_fd);
    elements[1].value = rcache;
    /* Nothing of the machine's own configuration has a say in who may pass. */
    if (setenv("KRB5_CONFIG", "/dev/null", 1) != 0)
        return sp_fail_set(fail, SP_ESYS, "setenv", (uint32_t)errno, 0);
    enum sp_err err = load_keytab(keytab, size, fail);
    if (err != SP_OK)
        return err;
    OM_uint32 major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechs,
                                            GSS_C_ACCEPT, &store, &credentials, NULL, NULL);
    if (major == GSS_S_COMPLETE) /* within SPNEGO nothing else is spoken here */
        major = gss_set_neg_mechs(&minor, credentials, &kerberos);
    if (major != GSS_S_COMPLETE)
        return sp_fail_set(fail, SP_EVALUE, "gss_acquire_cred_from", major, minor);
    return SP_OK;
}

/* The library's words, made printable; they name no secret. */
static void say_why(struct ipc_directory_answer *answer, OM_uint32 major, OM_uint32 minor)
{
    gss_OID_desc mech = krb5_mech;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 ignored, more = 0;
    char shown[IPC_DIRECTORY_WHY_MAX] = "";

    if (gss_display_status(&ignored, minor, GSS_C_MECH_CODE, &mech, &more, &text) ==
        GSS_S_COMPLETE) {
        snprintf(shown, sizeof(shown), "%.*s", (int)(text.length < 120 ? text.length : 120),
                 (const char *)text.value);
        gss_release_buffer(&ignored, &text);
    }
    directory_refuse(answer, IPC_DIRECTORY_REFUSED, "Kerberos: %s (%08x)", shown, major);
}

static bool put(struct ipc_directory_answer *answer, gss_buffer_t buffer)
{
    OM_uint32 minor;
    bool fits = buffer->length <= sizeof(answer->data);

    if (fits && buffer->length > 0) {
        memcpy(answer->data, buffer->value, buffer->length);
        answer->size = (uint32_t)buffer->length;
    }
    if (buffer->value != NULL)
        sp_wipe(buffer->value, buffer->length);
    gss_release_buffer(&minor, buffer);
    if (!fits)
        directory_refuse(answer, IPC_DIRECTORY_REFUSED, "Kerberos: an answer of %zu bytes",
                         buffer->length);
    return fits;
}

static bool name_client(gss_name_t client, struct ipc_directory_answer *answer)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    bool is_name = gss_display_name(&minor, client, &text, NULL) == GSS_S_COMPLETE &&
                   text.length > 0 && text.length < sizeof(answer->principal) &&
                   memchr(text.value, '\0', text.length) == NULL;

    if (is_name)
        memcpy(answer->principal, text.value, text.length);
    gss_release_buffer(&minor, &text);
    return is_name;
}

/* The context is complete: what CredSSP needs of it must be there. */
static bool finish(gss_name_t client, OM_uint32 flags, struct ipc_directory_answer *answer)
{
    const OM_uint32 needed = GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG | GSS_C_MUTUAL_FLAG;

    own.is_done = true;
    if ((flags & needed) != needed)
        directory_refuse(answer, IPC_DIRECTORY_REFUSED,
                         "Kerberos: the client wants no mutual authentication and privacy (%x)",
                         flags);
    else if ((flags & GSS_C_ANON_FLAG) != 0 || !name_client(client, answer))
        directory_refuse(answer, IPC_DIRECTORY_REFUSED, "Kerberos: the client has no usable name");
    else
        answer->status = IPC_DIRECTORY_OK;
    return answer->status == IPC_DIRECTORY_OK;
}

static bool step(const struct ipc_directory_ask *ask, struct ipc_directory_answer *answer)
{
    gss_buffer_desc in = {ask->size, (void *)(uintptr_t)ask->data};
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
    gss_name_t client = GSS_C_NO_NAME;
    OM_uint32 major, minor, ignored, flags = 0;
    bool goes_on = false;

    if (own.is_done || own.steps++ >= IPC_GSS_STEPS_MAX) {
        directory_refuse(answer, IPC_DIRECTORY_REFUSED, "Kerberos: too many steps");
        return false;
    }
    major =
        gss_accept_sec_context(&minor, &own.context, credentials, &in, GSS_C_NO_CHANNEL_BINDINGS,
                               &client, NULL, &out, &flags, NULL, NULL);
    if (GSS_ERROR(major)) {
        say_why(answer, major, minor);
        answer->status = IPC_DIRECTORY_REFUSED;
    } else if (put(answer, &out)) {
        answer->status = IPC_DIRECTORY_MORE;
        goes_on = (major & GSS_S_CONTINUE_NEEDED) != 0 || finish(client, flags, answer);
    }
    gss_release_name(&ignored, &client);
    gss_release_buffer(&ignored, &out);
    return goes_on;
}

static bool unwrap(const struct ipc_directory_ask *ask, struct ipc_directory_answer *answer)
{
    gss_buffer_desc in = {ask->size, (void *)(uintptr_t)ask->data};
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    int is_sealed = 0;

    if (!own.is_done || own.unwraps++ >= IPC_GSS_UNWRAPS_MAX) {
        directory_refuse(answer, IPC_DIRECTORY_REFUSED, "Kerberos: unwrap out of order");
        return false;
    }
    OM_uint32 major = gss_unwrap(&minor, own.context, &in, &out, &is_sealed, NULL);
    if (major != GSS_S_COMPLETE) /* a repeated or old message is no success either */
        say_why(answer, major, minor);
    else if (!is_sealed)
        directory_refuse(answer, IPC_DIRECTORY_REFUSED, "Kerberos: the message is not encrypted");
    else if (put(answer, &out))
        answer->status = IPC_DIRECTORY_OK;
    if (out.value != NULL)
        sp_wipe(out.value, out.length);
    gss_release_buffer(&minor, &out);
    return answer->status == IPC_DIRECTORY_OK && own.unwraps < IPC_GSS_UNWRAPS_MAX;
}

static bool wrap(const struct ipc_directory_ask *ask, struct ipc_directory_answer *answer)
{
    gss_buffer_desc in = {ask->size, (void *)(uintptr_t)ask->data};
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    int is_sealed = 0;

    if (!own.is_done || own.wraps++ > 0) {
        directory_refuse(answer, IPC_DIRECTORY_REFUSED, "Kerberos: wrap out of order");
        return false;
    }
    OM_uint32 major = gss_wrap(&minor, own.context, 1, GSS_C_QOP_DEFAULT, &in, &is_sealed, &out);
    if (major != GSS_S_COMPLETE)
        say_why(answer, major, minor);
    else if (!is_sealed)
        directory_refuse(answer, IPC_DIRECTORY_REFUSED, "Kerberos: the context cannot encrypt");
    else if (put(answer, &out))
        answer->status = IPC_DIRECTORY_OK;
    gss_release_buffer(&minor, &out);
    return answer->status == IPC_DIRECTORY_OK;
}

bool gss_answer(const struct ipc_directory_ask *ask, struct ipc_directory_answer *answer)
{
    if (credentials == GSS_C_NO_CREDENTIAL) {
        directory_refuse(answer, IPC_DIRECTORY_FAILED, "Kerberos is not configured");
        return false;
    }
    if (ask->kind == IPC_DIRECTORY_GSS_STEP)
        return step(ask, answer);
    return ask->kind == IPC_DIRECTORY_GSS_WRAP ? wrap(ask, answer) : unwrap(ask, answer);
}

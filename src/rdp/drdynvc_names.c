/* SPDX-License-Identifier: Apache-2.0
 * Names of dynamic channels: what is not in this table is denied.
 *
 * cliprdr, rdpdr and rdpsnd are missing on purpose: tunnelled as dynamic channels (MS-RDPEDYC
 * 3.1.5.4) they would pass around the filters of the static ones.
 */
#include <string.h>

#include "base/ipc_msg.h"
#include "rdp/drdynvc.h"

#define RDS    "Microsoft::Windows::RDS::"
#define ALWAYS 0u

static const struct {
    const char *name;
    uint32_t device; /* the bit that it needs, or ALWAYS */
    bool is_prefix;
} names[] = {
    {RDS "Graphics", IPC_DEVICE_GRAPHICS, false},
    {RDS "Geometry::v08.01", IPC_DEVICE_GRAPHICS, false},
    {RDS "Video::Control::v08.01", IPC_DEVICE_GRAPHICS, false},
    {RDS "Video::Data::v08.01", IPC_DEVICE_GRAPHICS, false},
    {RDS "DisplayControl", IPC_DEVICE_DISPLAY_CONTROL, false},
    {RDS "Input", ALWAYS, false},
    {RDS "CoreInput", ALWAYS, false},
    {RDS "MouseCursor", ALWAYS, false},
    {"TextInput_ServerToClientDVC", ALWAYS, false},
    {"TextInput_ClientToServerDVC", ALWAYS, false},
    {"ECHO", ALWAYS, false},
    {"AUDIO_PLAYBACK_DVC", IPC_DEVICE_SOUND, false},
    {"AUDIO_PLAYBACK_LOSSY_DVC", IPC_DEVICE_SOUND, false},
    {"AUDIO_INPUT", IPC_DEVICE_MICROPHONE, false},
    {"RDCamera_Device_Enumerator", IPC_DEVICE_CAMERA, false},
    {"RDCamera_Device_", IPC_DEVICE_CAMERA, true},
    {"URBDRC", IPC_DEVICE_USB, false},
    {"PNPDR", IPC_DEVICE_USB, false},
    {"FileRedirectorChannel", IPC_DEVICE_USB, false},
    {"WebAuthN_Channel", IPC_DEVICE_WEBAUTHN, false},
};

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= 0x20 || *text >= 0x7f)
            return false;
    return true;
}

bool drdynvc_name_allowed(const char *name, uint32_t devices, enum drdynvc_kind *kind)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bool is_this = names[i].is_prefix ? strncmp(name, names[i].name, strlen(names[i].name)) == 0
                                          : strcmp(name, names[i].name) == 0;

        if (!is_this)
            continue;
        if ((names[i].device != ALWAYS && (devices & names[i].device) == 0) || !is_printable(name))
            return false;
        *kind =
            names[i].device == IPC_DEVICE_DISPLAY_CONTROL ? DRDYNVC_DISPLAY_CONTROL : DRDYNVC_PLAIN;
        return true;
    }
    return false;
}

void drdynvc_name_show(const char *name, char *out)
{
    size_t n = 0;

    for (; name[n] != '\0' && n < DRDYNVC_SHOWN_SIZE - 1; n++)
        out[n] = name[n] > 0x20 && name[n] < 0x7f ? name[n] : '?';
    out[n] = '\0';
}

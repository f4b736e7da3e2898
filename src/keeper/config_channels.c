/* SPDX-License-Identifier: Apache-2.0
 * What a rule lets pass beside picture, keyboard and mouse, and for how long.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "keeper/config_priv.h"

#define SECOND 1000u
#define DAY    (24 * 3600 * SECOND)

#define BOTH (IPC_WAY_TO_TARGET | IPC_WAY_TO_CLIENT)

/* What holds where a rule says nothing: useful, but nothing that carries files or hears and sees.
 */
static const struct ipc_channels presets = {
    .clipboard = BOTH,
    .clipboard_kinds = IPC_CLIPBOARD_TEXT | IPC_CLIPBOARD_IMAGES,
    .drives = 0,
    .devices = IPC_DEVICE_SOUND | IPC_DEVICE_DISPLAY_CONTROL | IPC_DEVICE_GRAPHICS,
};

struct word {
    const char *text;
    uint32_t value;
};

/* From the target's point of view: reading a drive brings the client's files to the target. */
static const struct word clipboard_words[] = {
    {"both", BOTH}, {"to-target", IPC_WAY_TO_TARGET}, {"to-client", IPC_WAY_TO_CLIENT}, {"off", 0}};
static const struct word drive_words[] = {
    {"both", BOTH}, {"read", IPC_WAY_TO_TARGET}, {"write", IPC_WAY_TO_CLIENT}, {"off", 0}};
static const struct word kind_words[] = {
    {"text", IPC_CLIPBOARD_TEXT}, {"images", IPC_CLIPBOARD_IMAGES}, {"files", IPC_CLIPBOARD_FILES}};

static const struct {
    const char *key;
    size_t offset;
    uint32_t bit;
} devices[] = {
    {"printers", offsetof(struct config_raw_channels, printers), IPC_DEVICE_PRINTERS},
    {"smartcards", offsetof(struct config_raw_channels, smartcards), IPC_DEVICE_SMARTCARDS},
    {"ports", offsetof(struct config_raw_channels, ports), IPC_DEVICE_PORTS},
    {"usb", offsetof(struct config_raw_channels, usb), IPC_DEVICE_USB},
    {"camera", offsetof(struct config_raw_channels, camera), IPC_DEVICE_CAMERA},
    {"microphone", offsetof(struct config_raw_channels, microphone), IPC_DEVICE_MICROPHONE},
    {"sound", offsetof(struct config_raw_channels, sound), IPC_DEVICE_SOUND},
    {"display_control", offsetof(struct config_raw_channels, display_control),
     IPC_DEVICE_DISPLAY_CONTROL},
    {"remoteapp", offsetof(struct config_raw_channels, remoteapp), IPC_DEVICE_REMOTEAPP},
    {"webauthn", offsetof(struct config_raw_channels, webauthn), IPC_DEVICE_WEBAUTHN},
    {"graphics", offsetof(struct config_raw_channels, graphics), IPC_DEVICE_GRAPHICS},
};

/* The path of a rule's key; the longest is well below the buffer. */
static const char *at(char path[CONFIG_FIELD_SIZE], size_t index, const char *key)
{
    snprintf(path, CONFIG_FIELD_SIZE, "rules[%zu].%s", index, key);
    return path;
}

static bool find_word(const char *text, const struct word *words, size_t count, uint32_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i].text) == 0) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

static enum sp_err check_kinds(struct config_load_state *s, const struct config_raw_channels *raw,
                               size_t index, uint32_t *out)
{
    char path[CONFIG_FIELD_SIZE], entry[64];
    uint32_t kinds = 0, one = 0;

    /* Absent and empty look the same to libcyaml; the map of fields knows. */
    if (raw->clipboard_kinds_count == 0 &&
        config_map_find(&s->map, at(path, index, "channels.clipboard_kinds")) == NULL)
        return SP_OK;
    for (size_t i = 0; i < raw->clipboard_kinds_count; i++) {
        snprintf(entry, sizeof(entry), "channels.clipboard_kinds[%zu]", i);
        if (!find_word(raw->clipboard_kinds[i], kind_words,
                       sizeof(kind_words) / sizeof(kind_words[0]), &one))
            return config_refuse(s, SP_EVALUE, at(path, index, entry), NULL,
                                 raw->clipboard_kinds[i], NULL);
        kinds |= one;
    }
    *out = kinds;
    return SP_OK;
}

static enum sp_err check_devices(struct config_load_state *s, const struct config_raw_channels *raw,
                                 size_t index, uint32_t *out)
{
    char path[CONFIG_FIELD_SIZE], key[64];

    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        const char *text;

        memcpy(&text, (const char *)raw + devices[i].offset, sizeof(text));
        if (text == NULL)
            continue;
        snprintf(key, sizeof(key), "channels.%s", devices[i].key);
        if (strcmp(text, "true") == 0)
            *out |= devices[i].bit;
        else if (strcmp(text, "false") == 0)
            *out &= ~devices[i].bit;
        else
            return config_refuse(s, SP_EVALUE, at(path, index, key), NULL, text, NULL);
    }
    return SP_OK;
}

static enum sp_err check_channels(struct config_load_state *s,
                                  const struct config_raw_channels *raw, size_t index,
                                  struct ipc_channels *made)
{
    char path[CONFIG_FIELD_SIZE];

    if (raw->clipboard != NULL &&
        !find_word(raw->clipboard, clipboard_words,
                   sizeof(clipboard_words) / sizeof(clipboard_words[0]), &made->clipboard))
        return config_refuse(s, SP_EVALUE, at(path, index, "channels.clipboard"), NULL,
                             raw->clipboard, NULL);
    if (raw->drives != NULL &&
        !find_word(raw->drives, drive_words, sizeof(drive_words) / sizeof(drive_words[0]),
                   &made->drives))
        return config_refuse(s, SP_EVALUE, at(path, index, "channels.drives"), NULL, raw->drives,
                             NULL);
    enum sp_err err = check_kinds(s, raw, index, &made->clipboard_kinds);
    return err == SP_OK ? check_devices(s, raw, index, &made->devices) : err;
}

static enum sp_err check_wait(struct config_load_state *s, const char *key, const char *text,
                              size_t index, uint32_t *out)
{
    char path[CONFIG_FIELD_SIZE];
    uint32_t value = 0;

    if (config_read_duration(text, &value) != SP_OK ||
        (value != 0 && (value < SECOND || value > 7 * DAY)))
        return config_refuse(s, SP_EVALUE, at(path, index, key), NULL, text, NULL);
    *out = value;
    return SP_OK;
}

enum sp_err config_check_channels(struct config_load_state *s, const struct config_raw_rule *raw,
                                  size_t index, struct catalog_rule *made)
{
    enum sp_err err = SP_OK;

    made->channels = presets;
    if (raw->channels != NULL)
        err = check_channels(s, raw->channels, index, &made->channels);
    if (err == SP_OK && raw->idle != NULL) {
        err = check_wait(s, "idle", raw->idle, index, &made->idle_ms);
        made->has_idle = true;
    }
    if (err == SP_OK && raw->total != NULL)
        err = check_wait(s, "total", raw->total, index, &made->total_ms);
    return err;
}

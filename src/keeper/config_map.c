/* SPDX-License-Identifier: Apache-2.0
 * One walk over the YAML events: which field stands on which line, and nothing that hides text.
 */
#include "keeper/config_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"

#define DEPTH_MAX 12
#define NODES_MAX 2000000u
#define KEYS_MAX  64u

/* A mapping or list that is open. */
struct level {
    char path[CONFIG_FIELD_SIZE];
    bool is_map, has_key;
    char key[CONFIG_FIELD_SIZE / 2]; /* the key whose value comes next */
    uint32_t key_line;
    uint32_t count;    /* of values                                         */
    size_t first_node; /* of this level, so that doubled keys can be found  */
};

struct walk {
    struct config_load_state *s;
    const char *text;
    size_t size;
    struct level levels[DEPTH_MAX];
    size_t depth, documents;
    size_t mark_byte, mark_char; /* a place in text, in both measures */
    char *normal;                /* grows behind copied_to            */
    size_t normal_size, normal_room, copied_to;
};

const struct config_node *config_map_find(const struct config_map *map, const char *path)
{
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->nodes[i].path, path) == 0)
            return &map->nodes[i];
    return NULL;
}

uint32_t config_map_line(const struct config_map *map, const char *path)
{
    char at[CONFIG_FIELD_SIZE];

    snprintf(at, sizeof(at), "%s", path);
    for (;;) {
        const struct config_node *node = config_map_find(map, at);
        size_t n = strlen(at);

        if (node != NULL)
            return node->line;
        if (n == 0)
            return 1;
        while (n > 0 && at[n - 1] != '.' && at[n - 1] != '[')
            n--;
        at[n > 0 ? n - 1 : 0] = '\0';
    }
}

void config_map_clear(struct config_map *map)
{
    for (size_t i = 0; i < map->count; i++)
        free(map->nodes[i].path);
    free(map->nodes);
    *map = (struct config_map){0};
}

static uint32_t line_of(const yaml_event_t *event)
{
    return (uint32_t)event->start_mark.line + 1;
}

static enum sp_err remember(struct walk *w, const char *path, uint32_t line,
                            enum config_node_kind kind, bool is_empty)
{
    struct config_map *map = &w->s->map;

    if (map->count == NODES_MAX)
        return config_refuse_text(w->s, SP_ELIMIT, line, "too many entries in this file");
    if (map->count == map->room) {
        size_t room = map->room == 0 ? 256 : map->room * 2;
        struct config_node *grown = reallocarray(map->nodes, room, sizeof(*grown));

        SP_BUG(grown == NULL);
        map->nodes = grown;
        map->room = room;
    }
    char *copy = strdup(path);
    SP_BUG(copy == NULL);
    map->nodes[map->count++] = (struct config_node){copy, line, kind, is_empty};
    return SP_OK;
}

/* The place of byte offset for a character offset; asked in rising order only. */
static size_t byte_of(struct walk *w, size_t character)
{
    while (w->mark_char < character && w->mark_byte < w->size) {
        do
            w->mark_byte++;
        while (w->mark_byte < w->size && ((unsigned char)w->text[w->mark_byte] & 0xC0) == 0x80);
        w->mark_char++;
    }
    return w->mark_byte;
}

static void append(struct walk *w, const char *text, size_t size)
{
    size_t needed = w->normal_size + size + 1;

    if (needed > w->normal_room) {
        size_t room = needed + w->size / 2;
        char *grown = malloc(room);

        SP_BUG(grown == NULL);
        if (w->normal != NULL) {
            memcpy(grown, w->normal, w->normal_size);
            sp_wipe(w->normal, w->normal_size);
            free(w->normal);
        }
        w->normal = grown;
        w->normal_room = room;
    }
    memcpy(w->normal + w->normal_size, text, size);
    w->normal_size += size;
    w->normal[w->normal_size] = '\0';
}

static void replace(struct walk *w, const yaml_event_t *event, const char *text)
{
    append(w, w->text + w->copied_to, byte_of(w, event->start_mark.index) - w->copied_to);
    append(w, text, strlen(text));
    w->copied_to = byte_of(w, event->end_mark.index);
}

/* "127.0.0.1:3389" → {address: '127.0.0.1:3389'}; what is no address fails later as it is. */
static void normalise_listener(struct walk *w, const yaml_event_t *event)
{
    char text[CONFIG_FIELD_SIZE];
    const char *value = (const char *)event->data.scalar.value;

    for (const char *c = value; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == '\'' || *c == '\x7F')
            return;
    }
    int n = snprintf(text, sizeof(text), "{address: '%s'}", value);
    if (n > 0 && (size_t)n < sizeof(text) && value[0] != '\0')
        replace(w, event, text);
}

/* A value that stands for a mapping of one key becomes that mapping, on the same line. */
static void normalise(struct walk *w, const char *path, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t n = strlen(path);

    if (strncmp(path, "listeners[", 10) == 0 && path[n - 1] == ']' && strchr(path, '.') == NULL)
        normalise_listener(w, event);
    else if (strncmp(path, "targets[", 8) == 0 && n >= 7 && strcmp(path + n - 7, "].login") == 0 &&
             (strcmp(value, "delegate") == 0 || strcmp(value, "ask") == 0))
        replace(w, event, value[0] == 'a' ? "{ask: yes}" : "{delegate: yes}");
}

static enum sp_err take_key(struct walk *w, struct level *level, const yaml_event_t *event)
{
    const char *key = (const char *)event->data.scalar.value;
    char path[CONFIG_FIELD_SIZE];

    if (++level->count > KEYS_MAX)
        return config_refuse_text(w->s, SP_ELIMIT, line_of(event),
                                  "too many keys in one mapping; the reference of all keys is "
                                  "sallyport.yaml(5)");
    if (event->data.scalar.length >= sizeof(level->key))
        return config_refuse_text(w->s, SP_EVALUE, line_of(event),
                                  "a key is too long; write \"key: value\" with a blank after ':'");
    int n = snprintf(path, sizeof(path), "%s%s%s", level->path, level->path[0] ? "." : "", key);
    if (n < 0 || (size_t)n >= sizeof(path))
        return config_refuse_text(w->s, SP_ELIMIT, line_of(event), "nested too deeply");
    for (size_t i = level->first_node; i < w->s->map.count; i++)
        if (strcmp(w->s->map.nodes[i].path, path) == 0)
            return config_refuse_text(w->s, SP_EVALUE, line_of(event),
                                      "field %s: stands here for the second time, first on line "
                                      "%u; remove one",
                                      config_is_known(path) ? path : level->path,
                                      w->s->map.nodes[i].line);
    snprintf(level->key, sizeof(level->key), "%s", key);
    level->key_line = line_of(event);
    level->has_key = true;
    return SP_OK;
}

/* Where the value that begins now stands: its path, and the line a person looks for. */
static enum sp_err place_value(struct walk *w, const yaml_event_t *event, char *path, size_t size,
                               uint32_t *line)
{
    struct level *level = w->depth > 0 ? &w->levels[w->depth - 1] : NULL;
    int n = 0;

    *line = line_of(event);
    if (level == NULL) {
        path[0] = '\0';
    } else if (level->is_map) {
        n = snprintf(path, size, "%s%s%s", level->path, level->path[0] ? "." : "", level->key);
        *line = level->key_line;
        level->has_key = false;
    } else {
        n = snprintf(path, size, "%s[%u]", level->path, level->count++);
    }
    if (n < 0 || (size_t)n >= size)
        return config_refuse_text(w->s, SP_ELIMIT, *line, "nested too deeply");
    return SP_OK;
}

static enum sp_err on_scalar(struct walk *w, const yaml_event_t *event)
{
    struct level *level = w->depth > 0 ? &w->levels[w->depth - 1] : NULL;
    const char *value = (const char *)event->data.scalar.value;
    char path[CONFIG_FIELD_SIZE];
    uint32_t line;

    if (strlen(value) != event->data.scalar.length)
        return config_refuse_text(w->s, SP_EVALUE, line_of(event),
                                  "a NUL character cannot be part of any value");
    if (level != NULL && level->is_map && !level->has_key)
        return take_key(w, level, event);
    enum sp_err err = place_value(w, event, path, sizeof(path), &line);
    if (err != SP_OK)
        return err;
    normalise(w, path, event);
    bool is_empty =
        event->data.scalar.length == 0 && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return remember(w, path, line, CONFIG_NODE_TEXT, is_empty);
}

static enum sp_err on_open(struct walk *w, const yaml_event_t *event, bool is_map)
{
    char path[CONFIG_FIELD_SIZE];
    uint32_t line;

    if (w->depth == DEPTH_MAX)
        return config_refuse_text(w->s, SP_ELIMIT, line_of(event), "nested too deeply");
    if (w->depth > 0 && w->levels[w->depth - 1].is_map && !w->levels[w->depth - 1].has_key)
        return config_refuse_text(w->s, SP_EVALUE, line_of(event),
                                  "a list or mapping cannot be a key; write \"key: value\"");
    enum sp_err err = place_value(w, event, path, sizeof(path), &line);
    if (err == SP_OK)
        err = remember(w, path, line, is_map ? CONFIG_NODE_MAP : CONFIG_NODE_LIST, false);
    if (err != SP_OK)
        return err;
    struct level *level = &w->levels[w->depth++];
    *level = (struct level){.is_map = is_map, .first_node = w->s->map.count};
    snprintf(level->path, sizeof(level->path), "%s", path);
    return SP_OK;
}

static bool hides_text(const yaml_event_t *event)
{
    switch ((int)event->type) {
    case YAML_ALIAS_EVENT:
        return true;
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    default:
        return false;
    }
}

static enum sp_err on_event(struct walk *w, const yaml_event_t *event)
{
    if (hides_text(event))
        return config_refuse_text(w->s, SP_EVALUE, line_of(event),
                                  "anchors (&), aliases (*) and tags (!) are not taken; write the "
                                  "value out, or quote a text that begins so");
    switch ((int)event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++w->documents > 1)
            return config_refuse_text(w->s, SP_EVALUE, line_of(event),
                                      "a second document begins here; remove the line \"---\"");
        return SP_OK;
    case YAML_SCALAR_EVENT:
        return on_scalar(w, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(w, event, false);
    case YAML_MAPPING_START_EVENT:
        return on_open(w, event, true);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        w->depth--;
        return SP_OK;
    default:
        return SP_OK;
    }
}

/* libyaml's own words are static text and quote nothing of the file. */
static enum sp_err refuse_syntax(struct walk *w, const yaml_parser_t *parser)
{
    uint32_t line = (uint32_t)parser->problem_mark.line + 1;

    if (parser->error == YAML_READER_ERROR) {
        line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < w->size; i++)
            line += w->text[i] == '\n';
    }
    return config_refuse_text(w->s, SP_EVALUE, line,
                              "this is not YAML: %s; check indentation, quotes and the blank "
                              "after ':'",
                              parser->problem != NULL ? parser->problem : "unreadable");
}

static enum sp_err walk_events(struct walk *w, yaml_parser_t *parser)
{
    enum sp_err err = SP_OK;
    bool is_end = false;

    while (err == SP_OK && !is_end) {
        yaml_event_t event;

        if (!yaml_parser_parse(parser, &event))
            return refuse_syntax(w, parser);
        is_end = event.type == YAML_STREAM_END_EVENT;
        err = on_event(w, &event);
        if (event.type == YAML_SCALAR_EVENT)
            sp_wipe(event.data.scalar.value, event.data.scalar.length);
        yaml_event_delete(&event);
    }
    return err;
}

enum sp_err config_map_build(struct config_load_state *s, const char *text, size_t size,
                             char **normal, size_t *normal_size)
{
    struct walk w = {.s = s, .text = text, .size = size};
    yaml_parser_t parser;

    SP_BUG(!yaml_parser_initialize(&parser));
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    enum sp_err err = walk_events(&w, &parser);
    yaml_parser_delete(&parser);

    const struct config_node *root = config_map_find(&s->map, "");
    if (err == SP_OK && (root == NULL || root->kind != CONFIG_NODE_MAP))
        err = config_refuse_text(s, SP_EVALUE, root != NULL ? root->line : 1,
                                 "expected a mapping of keys such as \"users:\"; begin with the "
                                 "example in sallyport.yaml(5)");
    if (err == SP_OK) {
        append(&w, text + w.copied_to, size - w.copied_to);
        *normal = w.normal;
        *normal_size = w.normal_size;
        return SP_OK;
    }
    if (w.normal != NULL)
        sp_wipe(w.normal, w.normal_size);
    free(w.normal);
    return err;
}

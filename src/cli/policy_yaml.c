/* SPDX-License-Identifier: Apache-2.0
 * YAML to JSON and back, for policies: every scalar is text.
 */
#include "cli/policy_yaml.h"

#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 12

struct reader {
    yaml_document_t document;
    char *error;
    size_t error_size;
};

static json_t *complain(struct reader *r, const yaml_node_t *node, const char *what)
{
    if (r->error[0] == '\0')
        snprintf(r->error, r->error_size, "%zu: %s", node->start_mark.line + 1, what);
    return NULL;
}

static json_t *convert(struct reader *r, const yaml_node_t *node, int depth);

static json_t *convert_list(struct reader *r, const yaml_node_t *node, int depth)
{
    json_t *list = json_array();

    for (const yaml_node_item_t *i = node->data.sequence.items.start;
         i < node->data.sequence.items.top; i++) {
        json_t *value = convert(r, yaml_document_get_node(&r->document, *i), depth - 1);

        if (value == NULL || json_array_append_new(list, value) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool convert_pair(struct reader *r, const yaml_node_pair_t *pair, json_t *into, int depth)
{
    const yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
    const char *name;

    if (key->type != YAML_SCALAR_NODE)
        return complain(r, key, "a key that is no text") != NULL;
    name = (const char *)key->data.scalar.value;
    if (strlen(name) != key->data.scalar.length || json_object_get(into, name) != NULL)
        return complain(r, key, "a key that stands there twice") != NULL;
    json_t *value = convert(r, yaml_document_get_node(&r->document, pair->value), depth - 1);
    return value != NULL && json_object_set_new(into, name, value) == 0;
}

static json_t *convert_mapping(struct reader *r, const yaml_node_t *node, int depth)
{
    json_t *mapping = json_object();

    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++) {
        if (!convert_pair(r, p, mapping, depth)) {
            json_decref(mapping);
            return NULL;
        }
    }
    return mapping;
}

/* Aliases make a node its own descendant, or many: depth bounds the one, size of answers the other.
 */
static json_t *convert(struct reader *r, const yaml_node_t *node, int depth)
{
    if (depth == 0)
        return complain(r, node, "too deep");
    switch (node->type) {
    case YAML_SCALAR_NODE: {
        json_t *text =
            json_stringn((const char *)node->data.scalar.value, node->data.scalar.length);
        return text != NULL ? text : complain(r, node, "a value that is not UTF-8");
    }
    case YAML_SEQUENCE_NODE:
        return convert_list(r, node, depth);
    case YAML_MAPPING_NODE:
        return convert_mapping(r, node, depth);
    case YAML_NO_NODE:
    default:
        return complain(r, node, "nothing");
    }
}

json_t *yaml_read(const char *text, size_t size, char *error, size_t error_size)
{
    struct reader r = {.error = error, .error_size = error_size};
    const yaml_node_t *root;
    yaml_parser_t parser;
    json_t *made = NULL;

    error[0] = '\0';
    if (yaml_parser_initialize(&parser) == 0)
        return NULL;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (yaml_parser_load(&parser, &r.document) == 0) {
        snprintf(error, error_size, "%zu: %s", parser.problem_mark.line + 1,
                 parser.problem != NULL ? parser.problem : "not YAML");
        yaml_parser_delete(&parser);
        return NULL;
    }
    root = yaml_document_get_root_node(&r.document);
    if (root == NULL)
        snprintf(error, error_size, "1: nothing stands here");
    else
        made = convert(&r, root, DEPTH_MAX);
    yaml_document_delete(&r.document);
    yaml_parser_delete(&parser);
    return made;
}

/* ---- writing ---- */

static bool emit(yaml_emitter_t *emitter, yaml_event_t *event, int is_made)
{
    return is_made != 0 && yaml_emitter_emit(emitter, event) != 0;
}

/* A plain style where YAML would take it for text all the same; quoted where it might not. */
static yaml_scalar_style_t style_of(const char *text)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "null", "~", ""};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0)
            return strcmp(text, "true") == 0 || strcmp(text, "false") == 0
                       ? YAML_PLAIN_SCALAR_STYLE
                       : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    }
    return YAML_ANY_SCALAR_STYLE;
}

static bool emit_text(yaml_emitter_t *emitter, const char *text)
{
    yaml_event_t event;

    return emit(emitter, &event,
                yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
                                             (int)strlen(text), 1, 1, style_of(text)));
}

static bool emit_value(yaml_emitter_t *emitter, const json_t *value)
{
    yaml_event_t event;
    bool is_good = true;
    const char *key;
    json_t *entry;
    size_t i;

    if (json_is_string(value))
        return emit_text(emitter, json_string_value(value));
    if (json_is_array(value)) {
        is_good = emit(emitter, &event,
                       yaml_sequence_start_event_initialize(
                           &event, NULL, NULL, 1,
                           json_is_string(json_array_get(value, 0)) || json_array_size(value) == 0
                               ? YAML_FLOW_SEQUENCE_STYLE
                               : YAML_BLOCK_SEQUENCE_STYLE));
        json_array_foreach(value, i, entry) is_good = is_good && emit_value(emitter, entry);
        return is_good && emit(emitter, &event, yaml_sequence_end_event_initialize(&event));
    }
    if (!json_is_object(value))
        return emit_text(emitter, "");
    is_good =
        emit(emitter, &event,
             yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
    json_object_foreach((json_t *)(size_t)value, key, entry) is_good =
        is_good && emit_text(emitter, key) && emit_value(emitter, entry);
    return is_good && emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
}

bool yaml_write(FILE *to, const json_t *value)
{
    yaml_emitter_t emitter;
    yaml_event_t event;

    if (yaml_emitter_initialize(&emitter) == 0)
        return false;
    yaml_emitter_set_output_file(&emitter, to);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, 100);
    bool is_good =
        emit(&emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) &&
        emit(&emitter, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)) &&
        emit_value(&emitter, value) &&
        emit(&emitter, &event, yaml_document_end_event_initialize(&event, 1)) &&
        emit(&emitter, &event, yaml_stream_end_event_initialize(&event));
    yaml_emitter_delete(&emitter);
    return is_good;
}

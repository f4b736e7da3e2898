/* SPDX-License-Identifier: Apache-2.0
 * Files on their way through the clipboard: names, locks, ranges and hashes.
 */
#include <string.h>

#include "base/text.h"
#include "rdp/cliprdr_priv.h"

#define NAME_HEAD 9 /* has size u8, size u64 */

void cliprdr_names_keep(struct cliprdr_owner *o, struct rd files, uint32_t count)
{
    struct cliprdr_file file;

    o->names_generation = o->generation;
    o->names_used = 0;
    for (uint32_t i = 0; i < count; i++) {
        char name[SVC_NAME_SIZE];
        struct wr w;

        if (cliprdr_file_next(&files, &file) != SP_OK)
            return;
        size_t length = text_utf8_from_utf16le(file.name, file.name_size, name, sizeof(name));
        wr_init(&w, o->names + o->names_used, sizeof(o->names) - o->names_used);
        wr_u8(&w, file.has_size);
        wr_u64le(&w, file.size);
        wr_bytes(&w, name, length + 1);
        if (!wr_ok(&w))
            return;
        o->names_used += w.pos;
    }
}

/* Name and size of a file of the list that is kept; left alone if it is not there. */
static void name_find(const struct cliprdr_owner *o, struct cliprdr_moving *file)
{
    struct rd r;

    if (file->generation != o->names_generation)
        return;
    rd_init(&r, o->names, o->names_used);
    for (uint32_t i = 0; r.left > NAME_HEAD; i++) {
        bool has_size = rd_u8(&r, "names") != 0;
        uint64_t size = rd_u64le(&r, "names");
        const uint8_t *end = memchr(r.at, 0, r.left);

        SP_BUG(end == NULL);
        size_t length = (size_t)(end - r.at) + 1;
        SP_BUG(length > sizeof(file->name));
        if (i == file->lindex) {
            file->has_size = has_size;
            file->size = size;
            memcpy(file->name, r.at, length);
            return;
        }
        rd_skip(&r, length, "names");
    }
}

static void moving_finish(struct cliprdr_moving *file, enum channel_direction direction,
                          struct svc_transfer *record)
{
    *record = (struct svc_transfer){.kind = SVC_TRANSFER_CLIPBOARD_FILE,
                                    .way = svc_way(direction),
                                    .size = file->has_size ? file->size : file->bytes,
                                    .bytes = file->bytes};
    memcpy(record->name, file->name, sizeof(record->name));
    svc_hash_finish(&file->hash, file->has_size && file->hash.next == file->size, record);
    file->is_used = false;
}

static void moving_record(struct cliprdr_moving *file, enum channel_direction direction,
                          struct svc_out *out)
{
    bool has_moved = file->bytes > 0;
    struct svc_transfer record;

    moving_finish(file, direction, &record);
    if (has_moved)
        svc_out_record(out, &record);
}

static bool is_reachable(const struct cliprdr_owner *o, uint32_t generation)
{
    for (size_t i = 0; i < o->lock_count; i++) {
        if (o->locks[i].generation == generation)
            return true;
    }
    return generation == o->generation;
}

static void forget_unreachable(struct cliprdr_owner *o, enum channel_direction direction,
                               struct svc_out *out)
{
    for (size_t i = 0; i < CLIPRDR_FILES_MAX; i++) {
        if (o->moving[i].is_used && !is_reachable(o, o->moving[i].generation))
            moving_record(&o->moving[i], direction, out);
    }
}

void cliprdr_generation_next(struct cliprdr_owner *o, enum channel_direction direction,
                             struct svc_out *out)
{
    for (size_t i = 0; i < o->lock_count; i++) {
        if (o->locks[i].generation == o->generation)
            o->locks[i].has_files = o->has_files;
    }
    o->generation++;
    o->has_files = false;
    o->format_count = 0;
    forget_unreachable(o, direction, out);
}

void cliprdr_lock(struct cliprdr_owner *o, uint32_t id)
{
    if (o->lock_count == CLIPRDR_LOCKS_MAX) {
        o->lock_count--;
        memmove(o->locks, o->locks + 1, o->lock_count * sizeof(o->locks[0]));
    }
    o->locks[o->lock_count].id = id;
    o->locks[o->lock_count].generation = o->generation;
    o->locks[o->lock_count].has_files = o->has_files;
    o->lock_count++;
}

void cliprdr_unlock(struct cliprdr_owner *o, enum channel_direction direction, uint32_t id,
                    struct svc_out *out)
{
    size_t kept = 0;

    for (size_t i = 0; i < o->lock_count; i++) {
        if (o->locks[i].id != id)
            o->locks[kept++] = o->locks[i];
    }
    o->lock_count = kept;
    forget_unreachable(o, direction, out);
}

bool cliprdr_range_generation(const struct cliprdr_owner *o, struct cliprdr_range *range)
{
    range->generation = o->generation;
    if (!range->request.has_clip_data_id)
        return o->has_files;
    for (size_t i = o->lock_count; i > 0; i--) {
        if (o->locks[i - 1].id != range->request.clip_data_id)
            continue;
        range->generation = o->locks[i - 1].generation;
        return range->generation == o->generation ? o->has_files : o->locks[i - 1].has_files;
    }
    /* xrdp fills the field in although locks were not negotiated. */
    return o->has_files;
}

/* The entry of a file; a new one may cost the one that rested longest. */
static size_t moving_find(struct cliprdr_filter *f, enum channel_direction direction,
                          const struct cliprdr_range *range, struct svc_out *out)
{
    struct cliprdr_owner *o = &f->owner[direction];
    size_t best = 0;

    for (size_t i = 0; i < CLIPRDR_FILES_MAX; i++) {
        struct cliprdr_moving *file = &o->moving[i];

        if (file->is_used && file->generation == range->generation &&
            file->lindex == range->request.lindex)
            return i;
        if (o->moving[best].is_used && (!file->is_used || file->age < o->moving[best].age))
            best = i;
    }
    struct cliprdr_moving *file = &o->moving[best];
    if (file->is_used)
        moving_record(file, direction, out);
    *file = (struct cliprdr_moving){
        .is_used = true, .generation = range->generation, .lindex = range->request.lindex};
    svc_hash_init(&file->hash);
    name_find(o, file);
    return best;
}

void cliprdr_moving_start(struct cliprdr_filter *f, enum channel_direction direction,
                          const struct cliprdr_range *range, uint32_t size, struct rd *body,
                          struct svc_out *out)
{
    struct cliprdr_owner *o = &f->owner[direction];
    size_t at = moving_find(f, direction, range, out);
    struct cliprdr_moving *file = &o->moving[at];

    file->age = ++f->clock;
    if (range->request.is_size) {
        uint64_t told = rd_u64le(body, "size of a file");

        if (rd_ok(body)) {
            file->has_size = true;
            file->size = told;
        }
        return;
    }
    o->passing = CLIPRDR_PASS_CONTENTS;
    o->passing_moving = at;
    o->passing_end = (size_t)CLIPRDR_HEADER_SIZE + 4 + size;
    o->is_short = size < range->request.requested;
    svc_hash_seek(&file->hash, range->request.offset);
}

void cliprdr_moving_update(struct cliprdr_owner *o, const uint8_t *data, size_t size)
{
    struct cliprdr_moving *file = &o->moving[o->passing_moving];

    svc_hash_update(&file->hash, data, size);
    file->bytes += size;
}

void cliprdr_moving_stop(struct cliprdr_owner *o, enum channel_direction direction,
                         struct svc_out *out)
{
    struct cliprdr_moving *file = &o->moving[o->passing_moving];

    /* Who asks for more than there is learns by it where the file ends. */
    if (o->is_short && !file->has_size && file->hash.is_ordered) {
        file->has_size = true;
        file->size = file->hash.next;
    }
    if (file->has_size && file->hash.is_ordered && file->hash.next == file->size)
        moving_record(file, direction, out);
}

bool cliprdr_filter_end(struct cliprdr_filter *f, struct svc_transfer *transfer)
{
    for (size_t d = 0; d < 2; d++) {
        for (size_t i = 0; i < CLIPRDR_FILES_MAX; i++) {
            struct cliprdr_moving *file = &f->owner[d].moving[i];

            if (!file->is_used)
                continue;
            bool has_moved = file->bytes > 0;
            moving_finish(file, (enum channel_direction)d, transfer);
            if (has_moved)
                return true;
        }
    }
    return false;
}

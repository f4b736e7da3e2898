/* SPDX-License-Identifier: Apache-2.0
 * The server's GCC data: golden bytes, every bound and refusal, round trips.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/probe.h"
#include "rdp/gcc.h"
#include "support/vector.h"

#define COUNT(array)    (sizeof(array) / sizeof((array)[0]))
#define RESPONSE_HEADER 22 /* from the userData to the first block, short length */

static enum sp_err parse(struct rd *r, void *out)
{
    return gcc_server_read(r, out);
}

static const char *const golden[] = {"gcc_server/spec.hex", "gcc_server/lab.hex"};

static struct gcc_server load(const char *name)
{
    size_t size;
    uint8_t *data = vector_load(name, &size);
    struct gcc_server s;

    assert_int_equal(probe_parse(data, size, parse, &s), SP_OK);
    free(data);
    return s;
}

static void reads_specification(void **state)
{
    struct gcc_server s = load("gcc_server/spec.hex");

    (void)state;
    assert_int_equal(s.version, RDP_VERSION_5);
    assert_true(s.has_requested_protocols);
    assert_int_equal(s.requested_protocols, 0);
    assert_int_equal(s.io_channel, 1003);
    assert_int_equal(s.channel_count, 3);
    assert_int_equal(s.channel_ids[0], 1004);
    assert_int_equal(s.channel_ids[2], 1006);
    assert_int_equal(s.encryption_method, 2); /* the caller refuses this under TLS */
    assert_int_equal(s.encryption_level, 2);
    assert_int_equal(s.message_channel, 0);
}

static void reads_freerdp(void **state)
{
    struct gcc_server s = load("gcc_server/lab.hex");

    (void)state;
    assert_int_equal(s.version, 0x0008000c);
    assert_int_equal(s.requested_protocols, 1);
    assert_int_equal(s.early_flags, 0);
    assert_int_equal(s.channel_count, 4);
    assert_int_equal(s.channel_ids[3], 1007);
    assert_int_equal(s.encryption_method | s.encryption_level, 0);
    assert_int_equal(s.message_channel, 1008);
}

static void stands_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden); i++) {
        probe_prefixes(golden[i], parse, sizeof(struct gcc_server), NULL);
        assert_true(probe_bytes(golden[i], parse, sizeof(struct gcc_server)) > 0);
    }
}

static void round_trips(void **state)
{
    size_t size;
    uint8_t *data = vector_load("gcc_server/lab.hex", &size);
    uint8_t buf[256];
    struct gcc_server s = load("gcc_server/lab.hex"), again;
    struct wr w;

    (void)state;
    wr_init(&w, buf, sizeof(buf));
    assert_int_equal(gcc_server_write(&w, &s), SP_OK);
    assert_int_equal(w.pos, size);
    /* the capture has another node id */
    assert_memory_equal(buf, data, 9);
    assert_memory_equal(buf + 11, data + 11, size - 11);
    for (size_t n = 0; n < size; n++) {
        wr_init(&w, buf, n);
        assert_int_equal(gcc_server_write(&w, &s), SP_ESPACE);
    }
    free(data);
    for (s.channel_count = 0; s.channel_count <= GCC_CHANNEL_COUNT_MAX; s.channel_count++) {
        if (s.channel_count > 0)
            s.channel_ids[s.channel_count - 1] = (uint16_t)(2000 + s.channel_count);
        memset(s.channel_ids + s.channel_count, 0,
               sizeof(s.channel_ids) - s.channel_count * sizeof(s.channel_ids[0]));
        wr_init(&w, buf, sizeof(buf));
        assert_int_equal(gcc_server_write(&w, &s), SP_OK);
        assert_int_equal(probe_parse(buf, w.pos, parse, &again), SP_OK);
        assert_memory_equal(&s, &again, sizeof(s));
    }
    wr_init(&w, buf, sizeof(buf));
    assert_int_equal(gcc_server_write(&w, &s), SP_ELIMIT);
}

/* ---- responses built here ---- */

static uint8_t space[512];
static struct gcc_server server;

static void block(struct wr *w, uint16_t type, size_t body_size)
{
    wr_u16le(w, type);
    wr_u16le(w, (uint16_t)(body_size + 4));
}

static struct wr begin(void)
{
    static const uint8_t head[] = {0, 5, 0, 0x14, 0x7c, 0,   1,   0x2a, 0x14, 0x76, 0x0a, 1,
                                   1, 0, 1, 0xc0, 0,    'M', 'c', 'D',  'n',  0x80, 0};
    struct wr w;

    wr_init(&w, space, sizeof(space));
    wr_bytes(&w, head, sizeof(head));
    return w;
}

static void core(struct wr *w, size_t body_size)
{
    block(w, 0x0c01, body_size);
    wr_zero(w, body_size);
}

static void security(struct wr *w)
{
    block(w, 0x0c02, 8);
    wr_zero(w, 8);
}

static void net(struct wr *w, uint16_t count, size_t pad)
{
    block(w, 0x0c03, 4 + 2 * (size_t)count + pad);
    wr_u16le(w, 1003);
    wr_u16le(w, count);
    for (uint16_t i = 0; i < count; i++)
        wr_u16le(w, (uint16_t)(1004 + i));
    wr_zero(w, pad);
}

static enum sp_err finish(struct wr *w)
{
    size_t size = w->pos - RESPONSE_HEADER - 1;

    assert_true(wr_ok(w));
    wr_patch_u16be(w, RESPONSE_HEADER - 1, (uint16_t)(0x8000 | size));
    return probe_parse(w->buf, w->pos, parse, &server);
}

static void needs_three_blocks(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 8; set++) {
        struct wr w = begin();

        if ((set & 1) != 0)
            core(&w, 12);
        if ((set & 2) != 0)
            security(&w);
        if ((set & 4) != 0)
            net(&w, 0, 0);
        assert_int_equal(finish(&w), set == 7 ? SP_OK : SP_EVALUE);
    }
}

static void reads_old_cores(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 13; size++) {
        struct wr w = begin();

        core(&w, size);
        security(&w);
        net(&w, 0, 0);
        bool legal = size == 4 || size == 8 || size == 12;
        assert_int_equal(finish(&w), legal ? SP_OK : size > 12 ? SP_ETRAIL : SP_ESHORT);
        if (legal)
            assert_int_equal(server.has_requested_protocols, size >= 8);
    }
    server = load("gcc_server/lab.hex");
    server.has_requested_protocols = false;
    server.requested_protocols = 0;
    struct wr w;
    wr_init(&w, space, sizeof(space));
    assert_int_equal(gcc_server_write(&w, &server), SP_OK);
    assert_int_equal(probe_parse(w.buf, w.pos, parse, &server), SP_OK);
    assert_false(server.has_requested_protocols);
}

static enum sp_err read_security(uint32_t method, uint32_t level, uint32_t random_size,
                                 uint32_t cert_size, size_t present)
{
    struct wr w = begin();

    core(&w, 12);
    net(&w, 0, 0);
    block(&w, 0x0c02, 16 + present);
    wr_u32le(&w, method);
    wr_u32le(&w, level);
    wr_u32le(&w, random_size);
    wr_u32le(&w, cert_size);
    wr_zero(&w, present);
    return finish(&w);
}

static void checks_security(void **state)
{
    (void)state;
    assert_int_equal(read_security(2, 2, 32, 8, 40), SP_OK);
    assert_int_equal(read_security(0, 0, 0, 0, 0), SP_OK);
    assert_int_equal(read_security(0, 0, 32, 0, 32), SP_EVALUE);
    assert_int_equal(read_security(0, 0, 0, 8, 8), SP_EVALUE);
    assert_int_equal(read_security(2, 2, 31, 8, 39), SP_EVALUE);
    assert_int_equal(read_security(2, 2, 32, 9, 40), SP_ESHORT);
    assert_int_equal(read_security(2, 2, 32, UINT32_MAX, 40), SP_ESHORT);
    assert_int_equal(read_security(2, 2, 32, 7, 40), SP_ETRAIL);
}

static enum sp_err read_net(uint16_t count, size_t pad)
{
    struct wr w = begin();

    core(&w, 12);
    security(&w);
    net(&w, count, pad);
    return finish(&w);
}

static void checks_net(void **state)
{
    (void)state;
    assert_int_equal(read_net(31, 2), SP_OK);
    assert_int_equal(read_net(31, 0), SP_OK); /* some leave the pad out */
    assert_int_equal(read_net(32, 0), SP_ELIMIT);
    assert_int_equal(read_net(2, 2), SP_ETRAIL);
    assert_int_equal(read_net(1, 4), SP_ETRAIL);
    assert_int_equal(read_net(1, 1), SP_ESHORT);
}

/* One of the ids replaced: 0 I/O, 1 and 2 channels, 3 message channel. */
static enum sp_err read_ids(size_t which, uint16_t id)
{
    uint16_t ids[] = {1003, 1004, 1005, 1006};
    struct wr w = begin();

    ids[which] = id;
    core(&w, 12);
    security(&w);
    block(&w, 0x0c03, 8);
    wr_u16le(&w, ids[0]);
    wr_u16le(&w, 2);
    wr_u16le(&w, ids[1]);
    wr_u16le(&w, ids[2]);
    block(&w, 0x0c04, 2);
    wr_u16le(&w, ids[3]);
    return finish(&w);
}

static void checks_ids(void **state)
{
    (void)state;
    for (size_t which = 0; which < 4; which++) {
        assert_int_equal(read_ids(which, 1001), SP_OK);
        assert_int_equal(read_ids(which, 65535), SP_OK);
        assert_int_equal(read_ids(which, 1000), SP_EVALUE);
        assert_int_equal(read_ids(which, 0), which == 3 ? SP_OK : SP_EVALUE);
        for (uint16_t other = 0; other < 4; other++)
            assert_int_equal(read_ids(which, (uint16_t)(1003 + other)),
                             other == which ? SP_OK : SP_EVALUE);
    }
}

static void refuses_blocks(void **state)
{
    struct wr w;

    (void)state;
    for (unsigned i = 0; i < 4; i++) { /* twice */
        w = begin();
        core(&w, 12);
        security(&w);
        net(&w, 0, 0);
        if (i == 0)
            core(&w, 12);
        else if (i == 1)
            security(&w);
        else if (i == 2)
            net(&w, 0, 0);
        for (unsigned n = 0; i == 3 && n < 2; n++) {
            block(&w, 0x0c04, 2);
            wr_u16le(&w, 1006);
        }
        assert_int_equal(finish(&w), SP_ESTATE);
    }
    w = begin();
    core(&w, 12);
    security(&w);
    net(&w, 0, 0);
    block(&w, 0x0c08, 4); /* SC_MULTITRANSPORT is of no use */
    wr_u32le(&w, 0x105);
    block(&w, 0x0cff, 3); /* unknown */
    wr_zero(&w, 3);
    assert_int_equal(finish(&w), SP_OK);
    block(&w, 0x0cff, 1);
    assert_int_equal(finish(&w), SP_ESHORT);
}

static void refuses_envelopes(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        enum sp_err want;
    } changes[] = {
        {0, 1, SP_EVALUE},    {6, 2, SP_EVALUE},     {7, 0xff, SP_EVALUE},
        {8, 0x10, SP_EVALUE}, {13, 1, SP_EVALUE},    {17, 'D', SP_EVALUE},
        {20, 'a', SP_EVALUE}, {21, 0x31, SP_ETRAIL}, {21, 0x33, SP_ESHORT},
    };
    size_t size;
    uint8_t *data = vector_load("gcc_server/lab.hex", &size);

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        uint8_t kept = data[changes[i].at];

        data[changes[i].at] = changes[i].value;
        assert_int_equal(probe_parse(data, size, parse, &server), changes[i].want);
        data[changes[i].at] = kept;
    }
    data[7] = 0x40; /* nobody looks at the outer length */
    assert_int_equal(probe_parse(data, size, parse, &server), SP_OK);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_specification), cmocka_unit_test(reads_freerdp),
        cmocka_unit_test(stands_damage),       cmocka_unit_test(round_trips),
        cmocka_unit_test(needs_three_blocks),  cmocka_unit_test(reads_old_cores),
        cmocka_unit_test(checks_security),     cmocka_unit_test(checks_net),
        cmocka_unit_test(checks_ids),          cmocka_unit_test(refuses_blocks),
        cmocka_unit_test(refuses_envelopes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

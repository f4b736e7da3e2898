/* SPDX-License-Identifier: Apache-2.0
 * Requests through the device filter: one-way drives, paths, hashes, print jobs, bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/rdpdr_irp.h"

#define BOTH_WAYS (SVC_WAY_TO_TARGET | SVC_WAY_TO_CLIENT)
#define READ      0x00120089u /* FILE_GENERIC_READ  */
#define WRITE     0x00120116u /* FILE_GENERIC_WRITE */
#define DRIVE     7
#define FILE_ID   5

static uint8_t data[30000];

static void start(uint32_t drives)
{
    irp_start(drives, SVC_DEVICE_PRINTERS | SVC_DEVICE_SMARTCARDS | SVC_DEVICE_PORTS);
    irp_announce(RDPDR_DTYP_FILESYSTEM, DRIVE);
}

static void expect_record(enum svc_transfer_kind kind, uint32_t way, uint64_t bytes,
                          const char *name, size_t hashed)
{
    uint8_t sha256[SHA256_DIGEST_SIZE];
    struct sha256_ctx sha;
    struct svc_transfer t;

    do
        assert_true(svc_out_transfer(&lab.out, &t));
    while (t.kind == SVC_TRANSFER_REFUSED && kind != SVC_TRANSFER_REFUSED);
    assert_int_equal(t.kind, kind);
    assert_int_equal(t.way, way);
    assert_int_equal(t.bytes, bytes);
    assert_string_equal(t.name, name);
    assert_int_equal(t.is_hashed, hashed > 0);
    if (hashed == 0)
        return;
    sha256_init(&sha);
    sha256_update(&sha, hashed, data);
    sha256_digest(&sha, sizeof(sha256), sha256);
    assert_memory_equal(t.sha256, sha256, sizeof(sha256));
}

static void expect_no_record(void)
{
    struct svc_transfer t;

    assert_false(svc_out_transfer(&lab.out, &t));
}

static void read_file(uint32_t completion, uint64_t offset, uint32_t asked, uint32_t given)
{
    assert_int_equal(irp_transfer(DRIVE, FILE_ID, completion, offset, asked, NULL, 0), SVC_PASS);
    assert_int_equal(irp_complete(DRIVE, completion, 0, given, data + offset, given), SVC_PASS);
    lab_forget(&lab);
}

static void write_file(uint32_t completion, uint64_t offset, uint32_t size)
{
    assert_int_equal(irp_transfer(DRIVE, FILE_ID, completion, offset, size, data + offset, size),
                     SVC_PASS);
    assert_int_equal(irp_complete(DRIVE, completion, 0, size, "", 1), SVC_PASS);
    lab_forget(&lab);
}

static void hashes_reads(void **state)
{
    (void)state;
    start(SVC_WAY_TO_TARGET);
    irp_open(DRIVE, FILE_ID, READ, "\\report.txt");
    read_file(1, 0, 10000, 10000);
    read_file(2, 10000, 10000, 10000);
    read_file(3, 20000, 20000, 10000);
    read_file(4, 30000, 20000, 0);
    expect_no_record();
    irp_close(DRIVE, FILE_ID);
    expect_record(SVC_TRANSFER_DRIVE_FILE, SVC_WAY_TO_TARGET, 30000, "X:\\report.txt", 30000);
    expect_no_record();
    /* Opened and closed without a byte: no record. */
    irp_open(DRIVE, FILE_ID, READ, "\\report.txt");
    irp_close(DRIVE, FILE_ID);
    expect_no_record();
}

static void hashes_writes(void **state)
{
    (void)state;
    start(SVC_WAY_TO_CLIENT);
    irp_open(DRIVE, FILE_ID, WRITE, "\\out");
    write_file(1, 0, 16384);
    write_file(2, 16384, 13616);
    irp_close(DRIVE, FILE_ID);
    expect_record(SVC_TRANSFER_DRIVE_FILE, SVC_WAY_TO_CLIENT, 30000, "X:\\out", 30000);
}

static void says_partial(void **state)
{
    struct svc_transfer t;

    (void)state;
    start(BOTH_WAYS);
    irp_open(DRIVE, FILE_ID, READ, "\\a");
    read_file(1, 100, 50, 50); /* not from the start */
    irp_close(DRIVE, FILE_ID);
    expect_record(SVC_TRANSFER_DRIVE_FILE, SVC_WAY_TO_TARGET, 50, "X:\\a", 0);
    irp_open(DRIVE, FILE_ID, READ, "\\a"); /* not to the end, which the target knows */
    assert_int_equal(
        irp_request(DRIVE, FILE_ID, 1, IRP_MJ_QUERY_INFORMATION, 0, "\5\0\0\0\0\0\0\0", 32 - 24),
        SVC_PASS);
    assert_int_equal(
        irp_complete(DRIVE, 1, 0, 22, "\0\x10\0\0\0\0\0\0\x64\0\0\0\0\0\0\0\1\0\0\0\0\0", 22),
        SVC_PASS);
    read_file(2, 0, 50, 50);
    irp_close(DRIVE, FILE_ID);
    assert_true(svc_out_transfer(&lab.out, &t));
    assert_int_equal(t.size, 100);
    assert_false(t.is_hashed);
    irp_open(DRIVE, FILE_ID, WRITE, "\\a"); /* the client took less */
    assert_int_equal(irp_transfer(DRIVE, FILE_ID, 1, 0, 50, data, 50), SVC_PASS);
    assert_int_equal(irp_complete(DRIVE, 1, 0, 49, "", 1), SVC_PASS);
    irp_close(DRIVE, FILE_ID);
    expect_record(SVC_TRANSFER_DRIVE_FILE, SVC_WAY_TO_CLIENT, 50, "X:\\a", 0);
    lab_forget(&lab);
    irp_open(DRIVE, FILE_ID, READ | WRITE, "\\a"); /* both: one record each way */
    read_file(1, 0, 50, 50);
    write_file(2, 50, 50);
    irp_close(DRIVE, FILE_ID);
    expect_record(SVC_TRANSFER_DRIVE_FILE, SVC_WAY_TO_CLIENT, 50, "X:\\a", 0);
    expect_record(SVC_TRANSFER_DRIVE_FILE, SVC_WAY_TO_TARGET, 50, "X:\\a", 0);
    irp_open(DRIVE, FILE_ID, READ, "\\a"); /* never closed */
    read_file(1, 0, 50, 50);
    assert_true(rdpdr_filter_end(lab.rdpdr, &t));
    assert_int_equal(t.bytes, 50);
    assert_false(rdpdr_filter_end(lab.rdpdr, &t));
}

static void read_only_drive(void **state)
{
    static const uint8_t body[64];
    static const struct {
        uint32_t access, disposition, options;
    } denied[] = {
        {WRITE, 1, 0},          {READ | 0x2, 1, 0},     {READ | 0x4, 1, 0},
        {READ | 0x10, 1, 0},    {READ | 0x100, 1, 0},   {READ | 0x10000, 1, 0},
        {READ | 0x40000, 1, 0}, {READ | 0x80000, 1, 0}, {0x40000000, 1, 0},
        {0x10000000, 1, 0},     {READ, 0, 0},           {READ, 2, 0},
        {READ, 3, 0},           {READ, 4, 0},           {READ, 5, 0},
        {READ, 1, 0x1000},
    };

    (void)state;
    start(SVC_WAY_TO_TARGET);
    for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
        assert_int_equal(irp_create(DRIVE, 40, denied[i].access, denied[i].disposition,
                                    denied[i].options, "\\x"),
                         SVC_DROP);
        irp_expect_denied(40, 21);
    }
    expect_record(SVC_TRANSFER_REFUSED, SVC_WAY_TO_CLIENT, 0, "writing to a drive: \\x", 0);
    irp_open(DRIVE, FILE_ID, READ, "\\x");
    assert_int_equal(irp_transfer(DRIVE, FILE_ID, 41, 0, 10, data, 10), SVC_DROP);
    irp_expect_denied(41, 21);
    assert_int_equal(irp_request(DRIVE, FILE_ID, 42, IRP_MJ_SET_INFORMATION, 0, body, 64),
                     SVC_DROP);
    irp_expect_denied(42, 21);
    assert_int_equal(irp_request(DRIVE, FILE_ID, 43, IRP_MJ_SET_VOLUME_INFORMATION, 0, body, 64),
                     SVC_DROP);
    irp_expect_denied(43, 20);
    assert_int_equal(irp_request(DRIVE, FILE_ID, 44, IRP_MJ_DEVICE_CONTROL, 0, body, 32), SVC_DROP);
    irp_expect_denied(44, 20);
    assert_int_equal(irp_request(DRIVE, FILE_ID, 45, 0x33, 0, body, 32), SVC_DROP);
    irp_expect_denied(45, 21);
    assert_int_equal(irp_request(DRIVE, FILE_ID, 46, IRP_MJ_QUERY_VOLUME_INFORMATION, 0, body, 32),
                     SVC_PASS);
    assert_int_equal(irp_request(DRIVE, FILE_ID, 47, IRP_MJ_LOCK_CONTROL, 1, body, 48), SVC_PASS);
    assert_int_equal(irp_request(DRIVE, FILE_ID, 48, IRP_MJ_DIRECTORY_CONTROL, 2, body, 32),
                     SVC_PASS);
    /* The client answers what it never saw. */
    assert_int_equal(irp_complete(DRIVE, 41, 0, 10, "", 1), SVC_DROP);
}

static void write_only_drive(void **state)
{
    static const uint8_t body[64];

    (void)state;
    start(SVC_WAY_TO_CLIENT);
    irp_open(DRIVE, FILE_ID, READ | WRITE, "\\x");
    assert_int_equal(irp_transfer(DRIVE, FILE_ID, 41, 0, 10, NULL, 0), SVC_DROP);
    irp_expect_denied(41, 20);
    assert_int_equal(irp_request(DRIVE, FILE_ID, 44, IRP_MJ_DEVICE_CONTROL, 0, body, 32), SVC_DROP);
    irp_expect_denied(44, 20);
    assert_int_equal(irp_request(DRIVE, FILE_ID, 42, IRP_MJ_SET_INFORMATION, 0, body, 64),
                     SVC_DROP);
    assert_int_equal(lab.count[S2C], 1);
    write_file(50, 0, 100);
}

static void rename_to(const char *name, uint32_t completion)
{
    size_t units = strlen(name) + 1;
    uint8_t body[256];
    struct wr w;

    wr_init(&w, body, sizeof(body));
    wr_u32le(&w, 10);
    wr_u32le(&w, (uint32_t)(6 + 2 * units));
    wr_zero(&w, 24 + 2);
    wr_u32le(&w, (uint32_t)(2 * units));
    for (size_t i = 0; i < units; i++)
        wr_u16le(&w, (uint8_t)name[i]);
    assert_int_equal(
        irp_request(DRIVE, FILE_ID, completion, IRP_MJ_SET_INFORMATION, 0, body, w.pos), SVC_DROP);
}

static void query(const char *path, uint32_t completion)
{
    size_t units = strlen(path) + 1;
    uint8_t body[256];
    struct wr w;

    wr_init(&w, body, sizeof(body));
    wr_u32le(&w, 3);
    wr_u8(&w, 1);
    wr_u32le(&w, (uint32_t)(2 * units));
    wr_zero(&w, 23);
    for (size_t i = 0; i < units; i++)
        wr_u16le(&w, (uint8_t)path[i]);
    assert_int_equal(
        irp_request(DRIVE, FILE_ID, completion, IRP_MJ_DIRECTORY_CONTROL, 1, body, w.pos),
        SVC_DROP);
}

static void paths_stay_inside(void **state)
{
    static const uint8_t no_nul[] = {0x89, 0, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,   0,
                                     0,    0, 0,    1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0};

    (void)state;
    start(BOTH_WAYS);
    assert_int_equal(irp_create(DRIVE, 1, READ, 1, 0, "\\..\\etc\\passwd"), SVC_DROP);
    irp_expect_denied(1, 21);
    expect_record(SVC_TRANSFER_REFUSED, SVC_WAY_TO_TARGET, 0,
                  "path that leaves its drive: \\..\\etc\\passwd", 0);
    assert_int_equal(irp_request(DRIVE, 0, 2, IRP_MJ_CREATE, 0, no_nul, sizeof(no_nul)), SVC_DROP);
    irp_expect_denied(2, 21);
    irp_open(DRIVE, FILE_ID, READ, "");
    rename_to("..\\x", 3);
    irp_expect_denied(3, 21);
    query("\\a\\..\\*", 4);
    irp_expect_denied(4, 21);
    rename_to("\\b", 5);
    query("\\a\\*", 6);
    assert_int_equal(lab.count[S2C], 2);
    assert_int_equal(lab.count[C2S], 0);
}

/* FreeRDP CVE-2026-22854, 6b485b146: lengths beyond the payload, or beyond the request. */
static void lengths_hold(void **state)
{
    (void)state;
    start(BOTH_WAYS);
    irp_open(DRIVE, FILE_ID, WRITE, "\\x");
    assert_int_equal(irp_transfer(DRIVE, FILE_ID, 1, 0, 11, data, 10), SVC_REFUSE);
    assert_string_equal(lab.out.exploit, "CVE-2026-22854");
    start(BOTH_WAYS);
    irp_open(DRIVE, FILE_ID, READ, "\\x");
    assert_int_equal(irp_transfer(DRIVE, FILE_ID, 1, 0, 100, NULL, 0), SVC_PASS);
    assert_int_equal(irp_complete(DRIVE, 1, 0, 11, data, 10), SVC_REFUSE);
    assert_string_equal(lab.out.exploit, "CVE-2026-22854");
    start(BOTH_WAYS);
    irp_open(DRIVE, FILE_ID, READ, "\\x");
    assert_int_equal(irp_transfer(DRIVE, FILE_ID, 1, 0, 100, NULL, 0), SVC_PASS);
    assert_int_equal(irp_complete(DRIVE, 1, 0, 101, data, 101), SVC_REFUSE);
    assert_int_equal(lab.out.fail.code, SP_ELIMIT);
}

static void prints(void **state)
{
    static const uint8_t create[32] = {0, 0, 0, 0x40, [20] = 1};

    (void)state;
    irp_start(0, SVC_DEVICE_PRINTERS);
    irp_announce(RDPDR_DTYP_PRINT, 3);
    assert_int_equal(irp_request(3, 0, 1, IRP_MJ_CREATE, 0, create, sizeof(create)), SVC_DROP);
    assert_int_equal(lab.count[S2C], 1);
    assert_int_equal(irp_complete(3, 1, 0, 9, "", 1), SVC_PASS);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(irp_transfer(3, 9, 2 + i, 0, 10000, data + 10000 * i, 10000), SVC_PASS);
        assert_int_equal(irp_complete(3, 2 + i, 0, 10000, "", 1), SVC_PASS);
    }
    irp_close(3, 9);
    expect_record(SVC_TRANSFER_PRINT, SVC_WAY_TO_CLIENT, 30000, "PRN1", 30000);
}

static void names_the_driver(void **state)
{
    static const uint8_t list[] = "\x72\x44\x41\x44\1\0\0\0\4\0\0\0\3\0\0\0PRN1\0\0\0\0\x20\0\0\0"
                                  "\0\0\0\0\0\0\0\0\2\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0\0\0P\0S\0\0\0";

    (void)state;
    irp_start(0, SVC_DEVICE_PRINTERS);
    assert_int_equal(lab_send(&lab, C2S, list, sizeof(list) - 1), SVC_DROP);
    assert_string_equal(lab.rdpdr->devices[0].name, "PRN1 (PS)");
}

static void smart_cards_and_ports(void **state)
{
    static const uint8_t body[128];

    (void)state;
    start(0);
    irp_announce(RDPDR_DTYP_SMARTCARD, 1);
    irp_announce(RDPDR_DTYP_SERIAL, 2);
    assert_int_equal(irp_request(1, 0, 1, IRP_MJ_DEVICE_CONTROL, 0, body, sizeof(body)), SVC_PASS);
    assert_int_equal(irp_complete(1, 1, 0, 0, body, 100), SVC_PASS);
    assert_int_equal(lab.rdpdr->smartcard_calls, 1);
    lab_forget(&lab);
    assert_int_equal(irp_request(1, 0, 2, IRP_MJ_READ, 0, body, 32), SVC_DROP);
    irp_expect_denied(2, 20);
    assert_int_equal(irp_request(2, 0, 3, IRP_MJ_CREATE, 0, body, 32), SVC_PASS);
    assert_int_equal(irp_request(2, 0, 4, IRP_MJ_WRITE, 0, body, 40), SVC_PASS);
    assert_int_equal(irp_request(2, 0, 5, IRP_MJ_DEVICE_CONTROL, 0, body, 32), SVC_PASS);
}

static void bounds_open_files(void **state)
{
    (void)state;
    start(SVC_WAY_TO_TARGET);
    for (uint32_t i = 0; i < RDPDR_OPEN_MAX; i++)
        irp_open(DRIVE, 1000 + i, READ, "\\x");
    assert_int_equal(irp_create(DRIVE, 1, READ, 1, 0, "\\x"), SVC_DROP);
    irp_expect_denied(1, 21);
    irp_close(DRIVE, 1000);
    irp_open(DRIVE, 1000, READ, "\\x");
}

static void bounds_requests(void **state)
{
    static const uint8_t body[32];

    (void)state;
    start(SVC_WAY_TO_TARGET);
    irp_open(DRIVE, FILE_ID, READ, "\\x");
    assert_int_equal(irp_request(DRIVE, FILE_ID, 5000, IRP_MJ_DIRECTORY_CONTROL, 2, body, 32),
                     SVC_PASS);
    for (uint32_t i = 1; i < RDPDR_PENDING_MAX; i++)
        assert_int_equal(irp_transfer(DRIVE, FILE_ID, i, 0, 10, NULL, 0), SVC_PASS);
    lab_forget(&lab);
    /* A wait for changes gives way; reads do not. */
    assert_int_equal(irp_transfer(DRIVE, FILE_ID, 6000, 0, 10, NULL, 0), SVC_PASS);
    lab_forget(&lab);
    assert_int_equal(irp_transfer(DRIVE, FILE_ID, 6001, 0, 10, NULL, 0), SVC_DROP);
    irp_expect_denied(6001, 20);
    assert_int_equal(irp_create(DRIVE, 6002, READ, 1, 0, "\\z"), SVC_DROP);
    irp_expect_denied(6002, 21);
    assert_int_equal(lab.rdpdr->open[1].state, RDPDR_FREE);
    /* One number, two requests. */
    assert_int_equal(irp_complete(DRIVE, 6000, 0, 10, data, 10), SVC_PASS);
    lab_forget(&lab);
    assert_int_equal(irp_transfer(DRIVE, FILE_ID, 7, 0, 10, NULL, 0), SVC_DROP);
    irp_expect_denied(7, 20);
}

static void failed_opens_and_lost_devices(void **state)
{
    struct svc_transfer t;

    (void)state;
    start(SVC_WAY_TO_TARGET);
    assert_int_equal(irp_create(DRIVE, 1, READ, 1, 0, "\\x"), SVC_DROP);
    assert_int_equal(irp_complete(DRIVE, 1, 0xC0000034, 0, "", 1), SVC_PASS);
    assert_int_equal(lab.rdpdr->open[0].state, RDPDR_FREE);
    assert_int_equal(irp_create(DRIVE, 2, READ, 1, 0, "\\x"), SVC_DROP);
    assert_int_equal(
        lab_send(&lab, C2S, (const uint8_t *)"\x72\x44\x43\x49\7\0\0\0\2\0\0\0\0\0\0\0\1", 17),
        SVC_REFUSE);
    start(SVC_WAY_TO_TARGET);
    irp_open(DRIVE, FILE_ID, READ, "\\x");
    read_file(1, 0, 50, 50);
    irp_open(DRIVE, FILE_ID, READ, "\\y"); /* the number again: \x is gone */
    assert_true(svc_out_transfer(&lab.out, &t));
    assert_string_equal(t.name, "X:\\x");
    read_file(1, 0, 60, 60);
    assert_int_equal(lab_send(&lab, C2S, (const uint8_t *)"\x72\x44\x4d\x44\1\0\0\0\7\0\0\0", 12),
                     SVC_DROP);
    assert_true(svc_out_transfer(&lab.out, &t));
    assert_int_equal(t.bytes, 60);
    lab_forget(&lab);
    assert_int_equal(irp_transfer(DRIVE, FILE_ID, 9, 0, 10, NULL, 0), SVC_DROP);
    irp_expect_denied(9, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_reads),
        cmocka_unit_test(hashes_writes),
        cmocka_unit_test(says_partial),
        cmocka_unit_test(read_only_drive),
        cmocka_unit_test(write_only_drive),
        cmocka_unit_test(paths_stay_inside),
        cmocka_unit_test(lengths_hold),
        cmocka_unit_test(prints),
        cmocka_unit_test(names_the_driver),
        cmocka_unit_test(smart_cards_and_ports),
        cmocka_unit_test(bounds_open_files),
        cmocka_unit_test(bounds_requests),
        cmocka_unit_test(failed_opens_and_lost_devices),
    };

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 13 + (i >> 8));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    lab_clear(&lab);
    return failed;
}

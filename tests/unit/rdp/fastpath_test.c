/* SPDX-License-Identifier: Apache-2.0
 * Fast-path input: the walk over the events ends exactly at the PDU's length, or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/fastpath.h"
#include "support/probe.h"
#include "support/vector.h"

struct walk {
    unsigned count;
    bool by_person;
};

static enum sp_err parse(struct rd *r, void *out)
{
    struct walk *walk = out;

    return fastpath_input_check(r, &walk->count, &walk->by_person);
}

static void expect(const char *vector, unsigned count, bool by_person)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    struct walk walk;

    assert_int_equal(probe_parse(data, size, parse, &walk), SP_OK);
    assert_int_equal(walk.count, count);
    assert_int_equal(walk.by_person, by_person);
    free(data);
}

static void walks_vectors(void **state)
{
    (void)state;
    expect("fastpath_input/spec_mouse.hex", 1, true);
    expect("fastpath_input/lab_three_events.hex", 3, true);
    expect("fastpath_input/every_code.hex", 7, true);
}

static void stands_probes(void **state)
{
    static const char *const vectors[] = {"fastpath_input/spec_mouse.hex",
                                          "fastpath_input/lab_three_events.hex",
                                          "fastpath_input/every_code.hex"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        probe_prefixes(vectors[i], parse, sizeof(struct walk), NULL);
        assert_true(probe_bytes(vectors[i], parse, sizeof(struct walk)) > 0);
    }
}

static enum sp_err walk(const uint8_t *data, size_t size, struct walk *out)
{
    return probe_parse(data, size, parse, out);
}

#define WALK(out, ...) walk((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), out)

static void tells_people_from_machines(void **state)
{
    struct walk w;

    (void)state;
    assert_int_equal(WALK(&w, 0x04, 0x03, 0x60), SP_OK); /* sync alone */
    assert_false(w.by_person);
    assert_int_equal(WALK(&w, 0x08, 0x08, 0x60, 0xC0, 1, 2, 3, 4), SP_OK); /* sync and QoE */
    assert_int_equal(w.count, 2);
    assert_false(w.by_person);
    assert_int_equal(WALK(&w, 0x04, 0x05, 0x80, 0x41, 0x00), SP_OK);
    assert_true(w.by_person);
}

static void counts_in_an_extra_byte(void **state)
{
    uint8_t many[4 + 2 * 255];
    struct walk w;

    (void)state;
    assert_int_equal(WALK(&w, 0x00, 0x04, 0x01, 0x60), SP_OK);
    assert_int_equal(w.count, 1);
    assert_int_equal(WALK(&w, 0x00, 0x03, 0x00), SP_OK); /* no event at all */
    assert_int_equal(w.count, 0);
    memset(many, 0, sizeof(many)); /* 255 scancode events: 514 bytes, length 0x0202 */
    many[1] = 0x82;
    many[2] = 0x02;
    many[3] = 255;
    assert_int_equal(walk(many, sizeof(many), &w), SP_OK);
    assert_int_equal(w.count, 255);
    many[3] = 254;
    assert_int_equal(walk(many, sizeof(many), &w), SP_ETRAIL);
    many[2] = 0x00;
    many[3] = 255;
    assert_int_equal(walk(many, sizeof(many) - 2, &w), SP_ESHORT);
}

static void refuses(void **state)
{
    struct walk w;

    (void)state;
    assert_int_equal(WALK(&w, 0x07, 0x03, 0x60), SP_EVALUE); /* TPKT's action       */
    assert_int_equal(WALK(&w, 0x84, 0x03, 0x60), SP_EVALUE); /* encrypted           */
    assert_int_equal(WALK(&w, 0x44, 0x03, 0x60), SP_EVALUE); /* secure checksum     */
    assert_int_equal(WALK(&w, 0x04, 0x04, 0x60), SP_EVALUE); /* length too long     */
    assert_int_equal(WALK(&w, 0x04, 0x02, 0x60), SP_EVALUE); /* length too short    */
    assert_int_equal(WALK(&w, 0x04, 0x03, 0xE0), SP_EVALUE); /* event code 7        */
    assert_int_equal(WALK(&w, 0x08, 0x03, 0x60), SP_ESHORT); /* second event absent */
    assert_int_equal(WALK(&w, 0x04, 0x03, 0x20), SP_ESHORT); /* mouse without data  */
    assert_int_equal(WALK(&w, 0x04, 0x04, 0x60, 0x60), SP_ETRAIL);
    assert_int_equal(WALK(&w, 0x04), SP_ESHORT);
    assert_int_equal(WALK(&w, 0x04, 0x80), SP_ESHORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_vectors),
        cmocka_unit_test(stands_probes),
        cmocka_unit_test(tells_people_from_machines),
        cmocka_unit_test(counts_in_an_extra_byte),
        cmocka_unit_test(refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * The message channel: auto-detection in both roles, multitransport, heartbeat.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/autodetect.h"
#include "support/probe.h"
#include "support/vector.h"

#define DIR_ "autodetect/"

static enum sp_err parse_request(struct rd *r, void *out)
{
    return detect_request_read(r, out);
}

static enum sp_err parse_response(struct rd *r, void *out)
{
    return detect_response_read(r, out);
}

static enum sp_err parse_multitransport(struct rd *r, void *out)
{
    return multitransport_request_read(r, out);
}

struct hr {
    uint32_t id, hr;
};

static enum sp_err parse_multitransport_response(struct rd *r, void *out)
{
    struct hr *answer = out;

    return multitransport_response_read(r, &answer->id, &answer->hr);
}

static enum sp_err parse_heartbeat(struct rd *r, void *out)
{
    return heartbeat_read(r, out);
}

static const struct {
    const char *vector;
    probe_fn *parse;
    enum message_kind message;
    unsigned kind;
} cases[] = {
    {DIR_ "request_rtt_connect.hex", parse_request, MESSAGE_DETECT_REQUEST, DETECT_RTT},
    {DIR_ "request_rtt_later.hex", parse_request, MESSAGE_DETECT_REQUEST, DETECT_RTT},
    {DIR_ "request_bw_start_connect.hex", parse_request, MESSAGE_DETECT_REQUEST, DETECT_BW_START},
    {DIR_ "request_bw_start_later.hex", parse_request, MESSAGE_DETECT_REQUEST, DETECT_BW_START},
    {DIR_ "request_bw_start_lossy.hex", parse_request, MESSAGE_DETECT_REQUEST, DETECT_BW_START},
    {DIR_ "request_bw_payload.hex", parse_request, MESSAGE_DETECT_REQUEST, DETECT_BW_PAYLOAD},
    {DIR_ "request_bw_stop_connect.hex", parse_request, MESSAGE_DETECT_REQUEST, DETECT_BW_STOP},
    {DIR_ "request_bw_stop_later.hex", parse_request, MESSAGE_DETECT_REQUEST, DETECT_BW_STOP},
    {DIR_ "request_bw_stop_lossy.hex", parse_request, MESSAGE_DETECT_REQUEST, DETECT_BW_STOP},
    {DIR_ "request_result_rtt.hex", parse_request, MESSAGE_DETECT_REQUEST, DETECT_RESULT},
    {DIR_ "request_result_bandwidth.hex", parse_request, MESSAGE_DETECT_REQUEST, DETECT_RESULT},
    {DIR_ "request_result_all.hex", parse_request, MESSAGE_DETECT_REQUEST, DETECT_RESULT},
    {DIR_ "response_rtt.hex", parse_response, MESSAGE_DETECT_RESPONSE, DETECT_RTT_RESPONSE},
    {DIR_ "response_bw_results_connect.hex", parse_response, MESSAGE_DETECT_RESPONSE,
     DETECT_BW_RESULTS},
    {DIR_ "response_bw_results_later.hex", parse_response, MESSAGE_DETECT_RESPONSE,
     DETECT_BW_RESULTS},
    {DIR_ "response_sync.hex", parse_response, MESSAGE_DETECT_RESPONSE, DETECT_SYNC},
    {DIR_ "multitransport_request.hex", parse_multitransport, MESSAGE_MULTITRANSPORT_REQUEST, 0},
    {DIR_ "multitransport_response_abort.hex", parse_multitransport_response,
     MESSAGE_MULTITRANSPORT_RESPONSE, 0},
    {DIR_ "heartbeat.hex", parse_heartbeat, MESSAGE_HEARTBEAT, 0},
};

#define CASE_COUNT (sizeof(cases) / sizeof(cases[0]))

union any {
    struct detect_request request;
    struct detect_response response;
    struct multitransport_request multitransport;
    struct hr hr;
    struct heartbeat heartbeat;
};

static void write_again(probe_fn *parse, const union any *any, struct wr *w)
{
    if (parse == parse_request)
        detect_request_write(w, &any->request);
    else if (parse == parse_response)
        detect_response_write(w, &any->response);
    else if (parse == parse_multitransport)
        multitransport_request_write(w, &any->multitransport);
    else if (parse == parse_multitransport_response)
        multitransport_response_write(w, any->hr.id, any->hr.hr);
    else
        heartbeat_write(w, &any->heartbeat);
}

static void reads_and_writes_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        size_t size;
        uint8_t *data = vector_load(cases[i].vector, &size);
        uint8_t out[128];
        union any any;
        struct rd r;
        struct wr w;

        rd_init(&r, data, size);
        assert_int_equal(message_kind_of(&r), cases[i].message);
        assert_int_equal(cases[i].parse(&r, &any), SP_OK);
        if (cases[i].parse == parse_request)
            assert_int_equal(any.request.kind, cases[i].kind);
        if (cases[i].parse == parse_response)
            assert_int_equal(any.response.kind, cases[i].kind);
        wr_init(&w, out, sizeof(out));
        write_again(cases[i].parse, &any, &w);
        assert_int_equal(w.pos, size);
        assert_memory_equal(out, data, size);
        wr_init(&w, out, size - 1);
        write_again(cases[i].parse, &any, &w);
        assert_int_equal(w.fail.code, SP_ESPACE);
        free(data);
    }
}

static void stands_probes(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        size_t out_size = sizeof(struct hr);

        if (cases[i].parse == parse_request)
            out_size = sizeof(struct detect_request);
        else if (cases[i].parse == parse_response)
            out_size = sizeof(struct detect_response);
        else if (cases[i].parse == parse_multitransport)
            out_size = sizeof(struct multitransport_request);
        else if (cases[i].parse == parse_heartbeat)
            out_size = sizeof(struct heartbeat);
        probe_prefixes(cases[i].vector, cases[i].parse, out_size, NULL);
        assert_true(probe_bytes(cases[i].vector, cases[i].parse, out_size) > 0);
    }
}

static struct detect_request load(const char *vector, uint8_t **data)
{
    struct detect_request request;
    struct rd r;
    size_t size;

    *data = vector_load(vector, &size);
    rd_init(&r, *data, size);
    assert_int_equal(detect_request_read(&r, &request), SP_OK);
    return request;
}

static void reads_values(void **state)
{
    uint8_t *data;
    struct detect_request request = load(DIR_ "request_result_all.hex", &data);

    (void)state;
    assert_int_equal(request.sequence, 6);
    assert_int_equal(request.base_rtt_ms, 5);
    assert_int_equal(request.bandwidth_kbps, 10000);
    assert_int_equal(request.average_rtt_ms, 7);
    free(data);
    request = load(DIR_ "request_bw_payload.hex", &data);
    assert_int_equal(request.payload_size, 8);
    assert_int_equal(request.payload[7], 8);
    free(data);
    request = load(DIR_ "request_result_rtt.hex", &data);
    assert_int_equal(request.bandwidth_kbps, 0);
    assert_int_equal(request.average_rtt_ms, 7);
    free(data);
}

static enum sp_err read_changed(const char *vector, probe_fn *parse, size_t offset, uint16_t value)
{
    size_t size;
    uint8_t *data = vector_load(vector, &size);
    union any any;
    enum sp_err err;

    data[offset] = (uint8_t)value;
    data[offset + 1] = (uint8_t)(value >> 8);
    err = probe_parse(data, size, parse, &any);
    free(data);
    return err;
}

static void refuses_bad_fields(void **state)
{
    const char *rtt = DIR_ "request_rtt_connect.hex";
    const char *payload = DIR_ "request_bw_payload.hex";
    const char *results = DIR_ "response_bw_results_later.hex";
    const char *offer = DIR_ "multitransport_request.hex";

    (void)state;
    assert_int_equal(read_changed(rtt, parse_request, 0, 0x2000), SP_EVALUE); /* a response    */
    assert_int_equal(read_changed(rtt, parse_request, 0, 0x1008), SP_EVALUE); /* encrypted     */
    assert_int_equal(read_changed(rtt, parse_request, 4, 0x0007), SP_EVALUE); /* header length */
    assert_int_equal(read_changed(rtt, parse_request, 4, 0x0106), SP_EVALUE); /* header type   */
    assert_int_equal(read_changed(rtt, parse_request, 8, 0x1234), SP_EVALUE); /* request type  */
    assert_int_equal(read_changed(rtt, parse_request, 8, 0x08C0), SP_EVALUE); /* longer layout */
    assert_int_equal(read_changed(payload, parse_request, 10, 7), SP_ETRAIL);
    assert_int_equal(read_changed(payload, parse_request, 10, 9), SP_ESHORT);
    assert_int_equal(read_changed(payload, parse_request, 10, 0xFFFF), SP_ESHORT);
    assert_int_equal(read_changed(results, parse_response, 8, 0x0004), SP_EVALUE);
    assert_int_equal(read_changed(results, parse_response, 4, 0x000E), SP_EVALUE);
    assert_int_equal(read_changed(results, parse_response, 0, 0x1000), SP_EVALUE);
    assert_int_equal(read_changed(offer, parse_multitransport, 8, 0), SP_EVALUE);
    assert_int_equal(read_changed(offer, parse_multitransport, 8, 4), SP_EVALUE); /* as in GCC */
    assert_int_equal(read_changed(offer, parse_multitransport, 8, 1), SP_OK);
    assert_int_equal(read_changed(offer, parse_multitransport, 0, 4), SP_EVALUE);
    assert_int_equal(
        read_changed(DIR_ "multitransport_response_abort.hex", parse_multitransport_response, 0, 2),
        SP_EVALUE);
    assert_int_equal(read_changed(DIR_ "heartbeat.hex", parse_heartbeat, 0, 2), SP_EVALUE);
}

static void knows_no_kind_of_mixed_flags(void **state)
{
    static const uint8_t several[] = {0x00, 0x30, 0, 0};
    static const uint8_t none[] = {0x40, 0x00, 0, 0};
    struct rd r;

    (void)state;
    rd_init(&r, several, sizeof(several));
    assert_int_equal(message_kind_of(&r), MESSAGE_UNKNOWN);
    rd_init(&r, none, sizeof(none));
    assert_int_equal(message_kind_of(&r), MESSAGE_UNKNOWN);
    rd_init(&r, several, 3);
    assert_int_equal(message_kind_of(&r), MESSAGE_UNKNOWN);
    assert_true(rd_ok(&r));
}

static enum sp_err step(struct detect_client *c, uint16_t type, enum detect_kind kind,
                        uint16_t payload_size, int64_t now_ms, struct detect_response *answer,
                        bool *answered)
{
    struct detect_request request = {
        .kind = kind, .sequence = 9, .request_type = type, .payload_size = payload_size};
    uint8_t out[64];
    struct wr w;
    struct rd r;
    enum sp_err err;

    wr_init(&w, out, sizeof(out));
    err = detect_client_step(c, &request, now_ms, &w, answered);
    if (err != SP_OK || !*answered)
        return err;
    rd_init(&r, out, w.pos);
    return detect_response_read(&r, answer);
}

static void client_measures_at_connect_time(void **state)
{
    struct detect_client c = {0};
    struct detect_response answer;
    bool answered;

    (void)state;
    assert_int_equal(step(&c, RDP_RTT_REQUEST_CONNECT, DETECT_RTT, 0, 5, &answer, &answered), 0);
    assert_true(answered);
    assert_int_equal(answer.kind, DETECT_RTT_RESPONSE);
    assert_int_equal(answer.sequence, 9);
    assert_int_equal(step(&c, RDP_BW_START_CONNECT, DETECT_BW_START, 0, 10, &answer, &answered), 0);
    assert_false(answered);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            step(&c, RDP_BW_PAYLOAD_CONNECT, DETECT_BW_PAYLOAD, 1000, 20, &answer, &answered), 0);
        assert_false(answered);
    }
    assert_int_equal(step(&c, RDP_BW_STOP_CONNECT, DETECT_BW_STOP, 500, 42, &answer, &answered), 0);
    assert_true(answered);
    assert_int_equal(answer.response_type, RDP_BW_RESULTS_CONNECT);
    assert_int_equal(answer.time_delta_ms, 32);
    assert_int_equal(answer.byte_count, 3500);
    assert_int_equal(step(&c, RDP_NETCHAR_RESULT_ALL, DETECT_RESULT, 0, 43, &answer, &answered), 0);
    assert_false(answered);
}

static void client_measures_later(void **state)
{
    struct detect_client c = {0};
    struct detect_response answer;
    bool answered;

    (void)state;
    detect_client_count(&c, 77); /* before a start: not counted */
    assert_int_equal(step(&c, RDP_BW_START_LATER, DETECT_BW_START, 0, 10, &answer, &answered), 0);
    detect_client_count(&c, 100);
    detect_client_count(&c, SIZE_MAX);
    assert_int_equal(step(&c, RDP_BW_STOP_LATER, DETECT_BW_STOP, 0, 9, &answer, &answered), 0);
    assert_int_equal(answer.response_type, RDP_BW_RESULTS_LATER);
    assert_int_equal(answer.byte_count, UINT32_MAX);
    assert_int_equal(answer.time_delta_ms, 0); /* a clock that went back */
}

static void client_refuses_stop_without_start(void **state)
{
    struct detect_client c = {0};
    struct detect_response answer;
    bool answered = false;

    (void)state;
    assert_int_equal(step(&c, RDP_BW_STOP_LATER, DETECT_BW_STOP, 0, 1, &answer, &answered),
                     SP_ESTATE);
    assert_int_equal(step(&c, RDP_BW_PAYLOAD_CONNECT, DETECT_BW_PAYLOAD, 1, 1, &answer, &answered),
                     SP_ESTATE);
    assert_false(answered);
}

static void writes_zeros_for_absent_payload(void **state)
{
    struct detect_request request = {
        .kind = DETECT_BW_PAYLOAD, .request_type = RDP_BW_PAYLOAD_CONNECT, .payload_size = 5};
    uint8_t out[64];
    struct wr w;

    (void)state;
    memset(out, 0xFF, sizeof(out));
    wr_init(&w, out, sizeof(out));
    detect_request_write(&w, &request);
    assert_int_equal(w.pos, 4 + 8 + 5);
    assert_memory_equal(out + 12, "\0\0\0\0\0", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_each),
        cmocka_unit_test(stands_probes),
        cmocka_unit_test(reads_values),
        cmocka_unit_test(refuses_bad_fields),
        cmocka_unit_test(knows_no_kind_of_mixed_flags),
        cmocka_unit_test(client_measures_at_connect_time),
        cmocka_unit_test(client_measures_later),
        cmocka_unit_test(client_refuses_stop_without_start),
        cmocka_unit_test(writes_zeros_for_absent_payload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

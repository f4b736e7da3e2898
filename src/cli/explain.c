/* SPDX-License-Identifier: Apache-2.0
 * `sallyport explain`: what policy says of somebody at some moment, and why.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "keeper/config.h"
#include "keeper/explain.h"

#define SECOND_US INT64_C(1000000)

/* The seconds behind the minutes, and the offset from UTC, are optional. */
static const char *read_end(const char *rest, struct tm *tm, int *offset_min)
{
    unsigned hours, minutes;
    int used = 0;
    char sign[2];

    if (sscanf(rest, ":%2d%n", &tm->tm_sec, &used) == 1)
        rest += used;
    if (rest[0] == 'Z')
        return rest + 1;
    if (sscanf(rest, "%1[+-]%2u:%2u%n", sign, &hours, &minutes, &used) != 3)
        return rest;
    *offset_min = (int)(hours * 60 + minutes) * (sign[0] == '-' ? -1 : 1);
    return rest + used;
}

/* "2026-11-22T03:00", with ":SS" and "Z" or "+01:00" behind it if wanted; UTC if nothing is said */
static bool read_time(const char *text, int64_t *out_us)
{
    struct tm tm = {0};
    int used = 0, offset_min = 0;

    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &used) != 5)
        return false;
    const char *end = read_end(text + used, &tm, &offset_min);
    if (*end != '\0' || tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
        tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    *out_us = ((int64_t)timegm(&tm) - (int64_t)offset_min * 60) * SECOND_US;
    return true;
}

static bool put_time(const struct cli_options *options, json_t *question, const char *key,
                     const char *option, const char *text)
{
    char message[128];
    int64_t at_us;

    if (read_time(text, &at_us)) {
        json_object_set_new(question, key, json_integer(at_us));
        return true;
    }
    snprintf(message, sizeof(message),
             "%s needs a time such as 2026-11-22T03:00 (UTC) or 2026-11-22T03:00+01:00", option);
    cli_complain(options, message);
    return false;
}

/* "totp" or "totp@TIME" */
static bool put_factor(const struct cli_options *options, json_t *question)
{
    size_t n = strcspn(options->factor, "@");

    json_object_set_new(question, "factor", json_stringn(options->factor, n));
    return options->factor[n] == '\0' ||
           put_time(options, question, "factor_at_us", "--factor", options->factor + n + 1);
}

/* NULL after a complaint. */
static json_t *make_question(const struct cli_options *options)
{
    json_t *question = json_pack("{s:s, s:s}", "cmd", "explain", "user", options->argument);
    const struct {
        const char *key, *text;
    } texts[] = {{"target", options->detail},
                 {"from", options->from},
                 {"client", options->client},
                 {"nla", options->nla}};
    bool is_good = true;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].text != NULL)
            json_object_set_new(question, texts[i].key, json_string(texts[i].text));
    if (options->build != NULL)
        json_object_set_new(question, "build", json_integer(strtoll(options->build, NULL, 10)));
    if (options->at != NULL)
        is_good = put_time(options, question, "at_us", "--at", options->at);
    if (is_good && options->factor != NULL)
        is_good = put_factor(options, question);
    if (is_good)
        return question;
    json_decref(question);
    return NULL;
}

/* By the file alone: no grants, no sessions that count. */
static json_t *ask_file(const struct cli_options *options, json_t *question)
{
    char error[CONFIG_ERROR_SIZE];
    struct config *config = NULL;
    struct explain_request request;
    struct moment now = moment_now();
    const char *wrong = explain_read(question, &request);
    json_t *answer = NULL;

    json_decref(question);
    if (wrong != NULL)
        cli_complain(options, wrong);
    else if (config_load(options->config, &config, error, sizeof(error)) != SP_OK)
        cli_complain(options, error);
    else {
        char country[3];

        geoip_country(config->geoip, request.source, country);
        answer = json_pack("{s:b, s:o}", "ok", 1, "explain",
                           explain_answer(config->catalog, &request, &now, country, NULL, 0));
    }
    config_free(config);
    return answer;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL && text[0] != '\0' ? text : "-";
}

/* The checks of one rule: "source yes, when no". */
static void checks_text(const json_t *rule, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (int i = 0; i < POLICY_CHECK_COUNT && used < size; i++) {
        const char *name = policy_check_name((enum policy_check)i);
        const char *answer = json_string_value(json_object_get(rule, name));

        if (answer != NULL)
            used += (size_t)snprintf(out + used, size - used, "%s%s %s", used > 0 ? ", " : "", name,
                                     answer);
    }
}

static void print_rules(const json_t *rules)
{
    static const char *const headline[] = {"RULE", "EFFECT", "WHO", "WHAT", "CONDITIONS", "RESULT"};
    struct cli_table table;
    const json_t *rule;
    size_t i;

    cli_table_init(&table, 6, headline);
    json_array_foreach(rules, i, rule)
    {
        char checks[256];

        checks_text(rule, checks, sizeof(checks));
        const char *cells[] = {text_of(rule, "rule"),
                               text_of(rule, "effect"),
                               json_is_true(json_object_get(rule, "who")) ? "yes" : "no",
                               json_is_true(json_object_get(rule, "what")) ? "yes" : "no",
                               checks[0] != '\0' ? checks : "-",
                               text_of(rule, "result")};
        cli_table_add(&table, cells);
    }
    cli_table_print(&table);
    cli_table_clear(&table);
}

static void print_answer(const json_t *explain)
{
    json_t *rules = json_object_get(explain, "rules");
    json_int_t more = json_integer_value(json_object_get(explain, "more"));

    printf("%s → %s from %s at %s\n\n", text_of(explain, "user"), text_of(explain, "target"),
           text_of(explain, "from"), text_of(explain, "at"));
    if (json_array_size(rules) == 0)
        puts("No rule names them.");
    else
        print_rules(rules);
    if (more > 0)
        printf("… and %lld more rules that name one of the two.\n", (long long)more);
    printf("\n%s: %s\n", text_of(explain, "verdict"), text_of(explain, "reason"));
}

int cli_explain(const struct cli_options *options)
{
    bool is_alone = options->config != NULL && options->socket == NULL;
    json_t *question = make_question(options);

    if (question == NULL)
        return CLI_USAGE;
    json_t *answer = is_alone ? ask_file(options, question) : cli_control_ask(options, question);
    if (answer == NULL)
        return CLI_FAILED;
    if (options->is_json) {
        cli_print_json(answer);
        return CLI_OK;
    }
    print_answer(json_object_get(answer, "explain"));
    json_decref(answer);
    return CLI_OK;
}

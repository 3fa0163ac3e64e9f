/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/order.h"

#include <stdio.h>

#include "agent/control.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/print.h"

static json_t *request_of(const struct rein_order *order, const struct rein_options *options)
{
	json_t *breaker = options->nr_arguments > 1 ? json_string(options->arguments[1]) : json_null();

	return json_pack("{s:s, s:o, s:b}", "op", order->op, "breaker", breaker, "refill", (int)options->refill);
}

/* An order may leave other reasons to stand still; the person who gave it should not have to wonder. */
static void say_done(const struct rein_order *order, const struct rein_registered *agent, const json_t *status)
{
	const json_t *holds = json_object_get(status, "holds"), *hold;
	size_t index;

	printf("%s %s", agent->id, order->done);
	if (order->lets_go)
		json_array_foreach (holds, index, hold)
			printf("%s %s", index ? "," : "; it still stands still, held by:", json_string_value(hold));
	printf("\n");
}

/* Returns the exit code, or -errno. */
static int give(const struct rein_order *order, const struct rein_options *options, struct rein_error *err)
{
	json_t *request = request_of(order, options), *reply = NULL;
	struct rein_registered agent;
	int r;

	if (!request) /* jansson takes no string that is not UTF-8, and no breaker has such a name */
		return rein_fail(err, EINVAL, "the name of the breaker is not UTF-8");
	r = rein_control_find(options->arguments[0], &agent, err);
	if (!r)
		r = rein_control_ask(&agent, request, &reply, err);
	json_decref(request);
	if (r < 0)
		return r;
	if (options->json)
		return rein_print_json(stdout, reply);
	say_done(order, &agent, json_object_get(reply, "status"));
	json_decref(reply);
	return 0;
}

int rein_order_main(int argc, char **argv, const struct rein_order *order)
{
	const struct rein_usage usage = {
		.takes = order->takes | REIN_OPTION_JSON,
		.min_arguments = 1,
		.max_arguments = order->max_arguments,
		.arguments = order->aim,
		.misuse = 2,
	};
	struct rein_options options;
	struct rein_error err = {0};
	int code;

	if (!rein_options_read(argc, argv, &usage, &options, &code))
		return code;
	code = give(order, &options, &err);
	return code < 0 ? rein_say_error(&err, 1) : code;
}

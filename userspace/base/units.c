/* SPDX-License-Identifier: GPL-2.0 */
#include "base/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* Within each table: the units that formatting may choose, largest first, then those that are only read. */
static const struct unit sizes[] = {
	{"TiB", 1ULL << 40},
	{"GiB", 1ULL << 30},
	{"MiB", 1ULL << 20},
	{"KiB", 1ULL << 10},
	{"B", 1},
	{"TB", 1000000000000ULL},
	{"GB", 1000000000ULL},
	{"MB", 1000000ULL},
	{"kB", 1000ULL},
	{"", 1},
	{NULL, 0},
};
static const struct unit durations[] = {
	{"h", 3600000000000ULL}, {"m", 60000000000ULL}, {"s", 1000000000ULL}, {"ms", 1000000ULL}, {NULL, 0},
};
static const struct unit counts[] = {{"", 1}, {NULL, 0}};
static const struct unit periods[] = {{"s", 1000000000ULL}, {"m", 60000000000ULL}, {NULL, 0}};

static const struct unit *unit_find(const struct unit *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

/* Digits into *ret_number; NULL where there are none or they pass 64 bits (*ret_range tells which). */
static const char *digits_parse(const char *text, uint64_t *ret_number, bool *ret_range)
{
	const char *p = text;
	uint64_t number = 0;

	*ret_range = false;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*p - '0'), &number)) {
			*ret_range = true;
			return NULL;
		}
	}
	*ret_number = number;
	return p == text ? NULL : p;
}

static int amount_parse(const struct unit *table, const char *text, const char *expected, uint64_t *ret,
			struct rein_error *err)
{
	const struct unit *unit = NULL;
	uint64_t number;
	const char *end;
	bool range;

	end = digits_parse(text, &number, &range);
	if (end)
		unit = unit_find(table, end);
	if (range || (unit && __builtin_mul_overflow(number, unit->factor, &number)))
		return rein_fail(err, ERANGE, "\"%.64s\" is too large", text);
	if (!unit)
		return rein_fail(err, EINVAL, "\"%.64s\" is not %s", text, expected);
	*ret = number;
	return 0;
}

int rein_count_parse(const char *text, uint64_t *ret_count, struct rein_error *err)
{
	return amount_parse(counts, text, "a whole number such as 200", ret_count, err);
}

int rein_size_parse(const char *text, uint64_t *ret_bytes, struct rein_error *err)
{
	return amount_parse(sizes, text, "a size such as 20MiB (units: B KiB MiB GiB TiB, kB MB GB TB)", ret_bytes,
			    err);
}

int rein_duration_parse(const char *text, uint64_t *ret_ns, struct rein_error *err)
{
	return amount_parse(durations, text, "a duration such as 30s (units: ms s m h)", ret_ns, err);
}

int rein_rate_parse(const char *text, bool bytes, uint64_t *ret_units, uint64_t *ret_period_ns, struct rein_error *err)
{
	const char *slash = strrchr(text, '/');
	const struct unit *period = slash ? unit_find(periods, slash + 1) : NULL;
	char amount[64];
	int r;

	if (!period || (size_t)(slash - text) >= sizeof(amount))
		return rein_fail(err, EINVAL, "\"%.64s\" is not a rate such as %s (per s or per m)", text,
				 bytes ? "20MiB/s" : "5/s");
	memcpy(amount, text, slash - text);
	amount[slash - text] = '\0';
	if (bytes && slash > text && isdigit((unsigned char)slash[-1]))
		return rein_fail(err, EINVAL,
				 "\"%.64s\" is not a rate of bytes: it needs a unit of size, as in 20MiB/s", text);
	r = bytes ? rein_size_parse(amount, ret_units, err) : rein_count_parse(amount, ret_units, err);
	if (r < 0)
		return rein_context(err, "in the rate \"%.64s\"", text);
	*ret_period_ns = period->factor;
	return 0;
}

/* The largest unit that leaves a whole number. */
static const char *amount_format(char text[REIN_UNITS_MAX], const struct unit *table, uint64_t amount)
{
	while (table[1].name && (amount == 0 || amount % table->factor != 0) && table->factor > 1)
		table++;
	snprintf(text, REIN_UNITS_MAX, "%" PRIu64 "%s", amount / table->factor, table->name);
	return text;
}

const char *rein_count_format(char text[REIN_UNITS_MAX], uint64_t count)
{
	return amount_format(text, counts, count);
}

const char *rein_size_format(char text[REIN_UNITS_MAX], uint64_t bytes)
{
	return amount_format(text, sizes, bytes);
}

const char *rein_duration_format(char text[REIN_UNITS_MAX], uint64_t ns)
{
	return amount_format(text, durations, ns);
}

const char *rein_rate_format(char text[REIN_UNITS_MAX], bool bytes, uint64_t units, uint64_t period_ns)
{
	char amount[REIN_UNITS_MAX];
	const char *period = period_ns == periods[1].factor ? "m" : "s";

	amount_format(amount, bytes ? sizes : counts, units);
	snprintf(text, REIN_UNITS_MAX, "%.40s/%s", amount, period);
	return text;
}

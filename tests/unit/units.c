/* SPDX-License-Identifier: GPL-2.0 */
#include "base/units.h"

#include <criterion/criterion.h>

#include "base/cleanup.h"

struct amount {
	const char *text;
	uint64_t value;
};

Test(units, sizes)
{
	static const struct amount sizes[] = {
		{"0", 0},
		{"512", 512},
		{"512B", 512},
		{"1KiB", 1024},
		{"20MiB", 20 << 20},
		{"4GiB", 4ULL << 30},
		{"2TiB", 2ULL << 40},
		{"1kB", 1000},
		{"1MB", 1000000},
		{"3GB", 3000000000},
		{"18446744073709551615", UINT64_MAX},
	};
	uint64_t value;
	size_t i;

	for (i = 0; i < REIN_COUNT(sizes); i++) {
		cr_assert_eq(rein_size_parse(sizes[i].text, &value, NULL), 0, "%s", sizes[i].text);
		cr_assert_eq(value, sizes[i].value, "%s", sizes[i].text);
	}
}

Test(units, durations)
{
	static const struct amount durations[] = {
		{"0s", 0}, {"500ms", 500000000}, {"30s", 30000000000}, {"5m", 300000000000}, {"2h", 7200000000000},
	};
	uint64_t value;
	size_t i;

	for (i = 0; i < REIN_COUNT(durations); i++) {
		cr_assert_eq(rein_duration_parse(durations[i].text, &value, NULL), 0, "%s", durations[i].text);
		cr_assert_eq(value, durations[i].value, "%s", durations[i].text);
	}
}

Test(units, what_is_no_amount)
{
	static const char *const bad[] = {"",
					  " 1",
					  "1 ",
					  "+1",
					  "-1",
					  "0x10",
					  "1e3",
					  "1.5MiB",
					  "MiB",
					  "1mib",
					  "1Mib",
					  "1 MiB",
					  "1MiB ",
					  "1KB",
					  "1M",
					  "1MiBs",
					  "1\n",
					  "\xd9\xa1",
					  "18446744073709551616",
					  "16777216TiB",
					  "99999999999999999999999"};
	static const char *const timeless[] = {"", "30", "1d", "1S", "1us", "s", "1s1s", "18446744073709551615h"};
	uint64_t value = 7;
	size_t i;

	for (i = 0; i < REIN_COUNT(bad); i++)
		cr_assert_lt(rein_size_parse(bad[i], &value, NULL), 0, "%s", bad[i]);
	for (i = 0; i < REIN_COUNT(timeless); i++)
		cr_assert_lt(rein_duration_parse(timeless[i], &value, NULL), 0, "%s", timeless[i]);
	cr_assert_lt(rein_count_parse("1KiB", &value, NULL), 0);
	cr_assert_eq(value, 7, "untouched on failure");
}

Test(units, rates)
{
	uint64_t units = 0, period = 0;

	cr_assert_eq(rein_rate_parse("20MiB/s", true, &units, &period, NULL), 0);
	cr_assert(units == 20 << 20 && period == 1000000000);
	cr_assert_eq(rein_rate_parse("5/m", false, &units, &period, NULL), 0);
	cr_assert(units == 5 && period == 60000000000);
	cr_assert_lt(rein_rate_parse("5", false, &units, &period, NULL), 0);
	cr_assert_lt(rein_rate_parse("5/h", false, &units, &period, NULL), 0);
	cr_assert_lt(rein_rate_parse("5/s/s", false, &units, &period, NULL), 0);
	cr_assert_lt(rein_rate_parse("/s", false, &units, &period, NULL), 0);
	cr_assert_lt(rein_rate_parse("5MiB/s", false, &units, &period, NULL), 0);
	cr_assert_lt(rein_rate_parse("5/s", true, &units, &period, NULL), 0, "bytes have a unit");
	cr_assert_eq(rein_rate_parse("5B/s", true, &units, &period, NULL), 0);
}

Test(units, what_is_formatted_parses_back)
{
	static const uint64_t amounts[] = {0,	 1,	  999,	      1000,	  1023,	     1024,
					   1536, 1 << 20, 1000000000, 5ULL << 40, UINT64_MAX};
	char text[REIN_UNITS_MAX];
	uint64_t value, period;
	size_t i;

	for (i = 0; i < REIN_COUNT(amounts); i++) {
		cr_assert_eq(rein_size_parse(rein_size_format(text, amounts[i]), &value, NULL), 0, "%s", text);
		cr_assert_eq(value, amounts[i], "%s", text);
		cr_assert_eq(rein_count_parse(rein_count_format(text, amounts[i]), &value, NULL), 0, "%s", text);
		cr_assert_eq(value, amounts[i], "%s", text);
		rein_rate_format(text, true, amounts[i], 60000000000);
		cr_assert_eq(rein_rate_parse(text, true, &value, &period, NULL), 0, "%s", text);
		cr_assert(value == amounts[i] && period == 60000000000, "%s", text);
	}
	cr_assert_str_eq(rein_size_format(text, 20 << 20), "20MiB");
	cr_assert_str_eq(rein_size_format(text, 1500), "1500B");
	cr_assert_str_eq(rein_duration_format(text, 7200000000000), "2h");
	cr_assert_str_eq(rein_duration_format(text, 1500000000), "1500ms");
	cr_assert_str_eq(rein_rate_format(text, false, 5, 1000000000), "5/s");
}

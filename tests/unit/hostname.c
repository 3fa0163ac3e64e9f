/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/hostname.h"

/* Names of hosts; what is no name stands in bad_profiles.c, with what people are told. */

Test(hostname, lower_case_without_the_wildcard)
{
	static const struct {
		const char *text, *name;
		bool wildcard;
	} cases[] = {
		{"API.Example.ORG", "api.example.org", false},
		{"*.Example.org", "example.org", true},
		{"localhost", "localhost", false},
		{"xn--bcher-kva.example", "xn--bcher-kva.example", false},
		{"_dmarc.example.org", "_dmarc.example.org", false},
		{"1.example", "1.example", false},
		{"0xg", "0xg", false},
	};

	for (size_t i = 0; i < REIN_COUNT(cases); i++) {
		char name[REIN_HOSTNAME_MAX];
		bool wildcard;

		cr_assert_eq(rein_hostname_parse(cases[i].text, name, &wildcard, NULL), 0, "%s", cases[i].text);
		cr_expect_str_eq(name, cases[i].name);
		cr_expect_eq(wildcard, cases[i].wildcard);
	}
}

Test(hostname, at_most_253_bytes)
{
	char text[REIN_HOSTNAME_MAX + 1] = "", name[REIN_HOSTNAME_MAX];
	bool wildcard;

	for (int i = 0; i < 253; i++)
		text[i] = i % 50 == 49 ? '.' : 'a';
	cr_expect_eq(rein_hostname_parse(text, name, &wildcard, NULL), 0);
	text[253] = 'a';
	cr_expect_eq(rein_hostname_parse(text, name, &wildcard, NULL), -EINVAL);
}

Test(hostname, a_wildcard_is_what_lies_beneath)
{
	static const struct {
		const char *pattern;
		bool wildcard;
		const char *name;
		bool matches;
	} cases[] = {
		{"example.org", false, "example.org", true},  {"example.org", false, "a.example.org", false},
		{"example.org", true, "a.example.org", true}, {"example.org", true, "a.b.example.org", true},
		{"example.org", true, "example.org", false},  {"example.org", true, "badexample.org", false},
		{"example.org", true, ".example.org", false}, {"example.org", true, "a.example.org.evil", false},
	};

	for (size_t i = 0; i < REIN_COUNT(cases); i++)
		cr_expect_eq(rein_hostname_matches(cases[i].pattern, cases[i].wildcard, cases[i].name),
			     cases[i].matches, "%s", cases[i].name);
}

Test(hostname, patterns_within_patterns)
{
	cr_expect(rein_hostname_contains("org", true, "example.org", true));
	cr_expect(rein_hostname_contains("example.org", true, "example.org", true));
	cr_expect(rein_hostname_contains("example.org", true, "a.example.org", false));
	cr_expect_not(rein_hostname_contains("example.org", true, "example.org", false));
	cr_expect_not(rein_hostname_contains("a.example.org", false, "a.example.org", true));
	cr_expect_not(rein_hostname_contains("a.example.org", true, "example.org", true));
}

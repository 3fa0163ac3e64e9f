/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/hostname.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#define LABEL_MAX 63

static int refuse(const char *text, const char *why, struct rein_error *err)
{
	return rein_fail(err, EINVAL, "\"%.100s\" %s", text, why);
}

/* inet_aton(3) and every resolver that uses it read such names as addresses: 127.1, 0x7f.1, 2130706433. */
static bool is_number(const char *name)
{
	const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;

	if (last[strspn(last, "0123456789")] == '\0')
		return true;
	return last[0] == '0' && last[1] == 'x' && last[2 + strspn(last + 2, "0123456789abcdef")] == '\0';
}

static const char *fault_of_label(const char *label, size_t length)
{
	if (length == 0)
		return "has an empty label; write it without a dot in front, at the end, or two in a row";
	if (length > LABEL_MAX)
		return "has a label of more than 63 bytes";
	if (label[0] == '-' || label[length - 1] == '-')
		return "has a label that begins or ends with \"-\"";
	return NULL;
}

static const char *fault_of_labels(const char *name)
{
	for (;;) {
		size_t length = strcspn(name, ".");
		const char *fault = fault_of_label(name, length);

		if (fault || !name[length])
			return fault;
		name += length + 1;
	}
}

bool rein_hostname_is_plain(const char *name)
{
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] == '\0';
}

static const char *fault_of_bytes(const char *name)
{
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p >= 0x80)
			return "is not ASCII; write the name as DNS has it, such as xn--bcher-kva.example";
	if (strchr(name, '*'))
		return "has a wildcard elsewhere than as the whole first label, as in \"*.example.org\"";
	if (!rein_hostname_is_plain(name))
		return "is not a host name: letters, digits, \"-\", \"_\" and dots";
	return NULL;
}

static const char *fault_of(const char *name)
{
	uint8_t address[16];
	const char *fault;

	if (inet_pton(AF_INET6, name, address) == 1)
		return "is an address; use cidr";
	fault = fault_of_bytes(name);
	if (!fault)
		fault = fault_of_labels(name);
	if (!fault && is_number(name))
		fault = "is an address or looks like one; use cidr";
	return fault;
}

int rein_hostname_parse(const char *text, char ret_name[REIN_HOSTNAME_MAX], bool *ret_wildcard, struct rein_error *err)
{
	bool wildcard = text[0] == '*' && text[1] == '.';
	char name[REIN_HOSTNAME_MAX];
	const char *fault;
	size_t length;

	if (strlen(text) >= sizeof(name))
		return refuse(text, "is longer than the 253 bytes that a name can have", err);
	length = strlen(text) - (wildcard ? 2 : 0);
	for (size_t i = 0; i <= length; i++) {
		char c = text[i + (wildcard ? 2 : 0)];

		name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	fault = fault_of(name);
	if (fault)
		return refuse(text, fault, err);
	memcpy(ret_name, name, length + 1);
	*ret_wildcard = wildcard;
	return 0;
}

static bool is_beneath(const char *domain, const char *name)
{
	size_t outer = strlen(domain), inner = strlen(name);

	return inner > outer + 1 && name[inner - outer - 1] == '.' && strcmp(name + inner - outer, domain) == 0;
}

bool rein_hostname_matches(const char *pattern, bool wildcard, const char *name)
{
	return wildcard ? is_beneath(pattern, name) : strcmp(pattern, name) == 0;
}

bool rein_hostname_contains(const char *outer, bool outer_wildcard, const char *inner, bool inner_wildcard)
{
	if (inner_wildcard && outer_wildcard && strcmp(outer, inner) == 0)
		return true;
	if (inner_wildcard && !outer_wildcard)
		return false;
	return rein_hostname_matches(outer, outer_wildcard, inner);
}

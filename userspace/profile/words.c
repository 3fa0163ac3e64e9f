/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/words.h"

#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"

static const char *const meters[REIN_METER_COUNT] = {
	[REIN_METER_WRITE_BYTES] = "write.bytes",   [REIN_METER_WRITE_FILES] = "write.files",
	[REIN_METER_CREATE_FILES] = "create.files", [REIN_METER_DELETE_FILES] = "delete.files",
	[REIN_METER_RENAME_FILES] = "rename.files", [REIN_METER_CHMOD_FILES] = "chmod.files",
	[REIN_METER_NET_TX_BYTES] = "net.tx.bytes", [REIN_METER_NET_RX_BYTES] = "net.rx.bytes",
	[REIN_METER_NET_CONNECTS] = "net.connects", [REIN_METER_NET_DNS_QUERIES] = "net.dns.queries",
	[REIN_METER_EXEC_COUNT] = "exec.count",	    [REIN_METER_FORK_COUNT] = "fork.count",
};

static const char *const on_trips[REIN_ON_TRIP_COUNT] = {
	[REIN_ON_TRIP_THROTTLE] = "throttle",
	[REIN_ON_TRIP_DENY] = "deny",
	[REIN_ON_TRIP_FREEZE] = "freeze",
	[REIN_ON_TRIP_KILL] = "kill",
};

static const char *const exactnesses[REIN_EXACTNESS_COUNT] = {
	[REIN_EXACTNESS_SAMPLED] = "sampled",
	[REIN_EXACTNESS_PROMPT] = "prompt",
	[REIN_EXACTNESS_EXACT] = "exact",
};

static const char *const verdicts[] = {
	[REIN_VERDICT_DENY] = "deny",
	[REIN_VERDICT_ASK] = "ask",
	[REIN_VERDICT_ALLOW] = "allow",
	[REIN_VERDICT_TRIP] = "trip",
};

static const char *const limits[REIN_LIMIT_COUNT] = {
	[REIN_LIMIT_PROCESSES] = "processes",	[REIN_LIMIT_MEMORY] = "memory",
	[REIN_LIMIT_OPEN_FILES] = "open_files", [REIN_LIMIT_FILE_SIZE] = "file_size",
	[REIN_LIMIT_WALL_TIME] = "wall_time",
};

static const char *const audit_modes[] = {
	[REIN_AUDIT_RELAXED] = "relaxed",
	[REIN_AUDIT_STRICT] = "strict",
};

static const char *word_of(const char *const *words, size_t count, unsigned number)
{
	return number < count && words[number] ? words[number] : "unknown";
}

static int number_of(const char *const *words, size_t count, const char *word)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (words[i] && strcmp(words[i], word) == 0)
			return (int)i;
	return -1;
}

#define WORDS(noun, type, table)                                            \
	const char *rein_##noun##_name(type number)                         \
	{                                                                   \
		return word_of(table, REIN_COUNT(table), (unsigned)number); \
	}                                                                   \
	bool rein_##noun##_parse(const char *word, type *ret)               \
	{                                                                   \
		int number = number_of(table, REIN_COUNT(table), word);     \
                                                                            \
		if (number >= 0)                                            \
			*ret = (type)number;                                \
		return number >= 0;                                         \
	}

WORDS(meter, enum rein_meter, meters)
WORDS(on_trip, enum rein_on_trip, on_trips)
WORDS(exactness, enum rein_exactness, exactnesses)
WORDS(verdict, enum rein_verdict, verdicts)
WORDS(limit, enum rein_limit_kind, limits)
WORDS(audit_mode, enum rein_audit_mode, audit_modes)

bool rein_meter_is_bytes(enum rein_meter meter)
{
	return meter == REIN_METER_WRITE_BYTES || meter == REIN_METER_NET_TX_BYTES || meter == REIN_METER_NET_RX_BYTES;
}

bool rein_meter_is_network(enum rein_meter meter)
{
	return meter >= REIN_METER_NET_TX_BYTES && meter <= REIN_METER_NET_DNS_QUERIES;
}

const char *rein_access_name(enum rein_access access)
{
	static const char *const names[] = {NULL, "read", "write", NULL, "execute"};

	return word_of(names, REIN_COUNT(names), access);
}

const char *rein_net_direction_name(enum rein_net_direction direction)
{
	static const char *const names[] = {[REIN_NET_CONNECT] = "connect", [REIN_NET_LISTEN] = "listen"};

	return word_of(names, REIN_COUNT(names), direction);
}

const char *rein_protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? "tcp" : protocol == IPPROTO_UDP ? "udp" : "unknown";
}

bool rein_protocol_parse(const char *word, uint8_t *ret_protocol)
{
	if (strcmp(word, "tcp") == 0)
		*ret_protocol = IPPROTO_TCP;
	else if (strcmp(word, "udp") == 0)
		*ret_protocol = IPPROTO_UDP;
	else
		return false;
	return true;
}

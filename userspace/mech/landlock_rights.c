/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/landlock_rights.h"

#include "base/cleanup.h"

/* What each ABI added. */
static const struct {
	int abi;
	struct rein_landlock_ruleset adds;
} abis[] = {
	{1, {.fs = REIN_LANDLOCK_REFER - 1}}, /* the thirteen rights before it */
	{2, {.fs = REIN_LANDLOCK_REFER}},
	{3, {.fs = REIN_LANDLOCK_TRUNCATE}},
	{4, {.net = REIN_LANDLOCK_BIND_TCP | REIN_LANDLOCK_CONNECT_TCP}},
	{5, {.fs = REIN_LANDLOCK_IOCTL_DEV}},
	{6, {.scoped = REIN_LANDLOCK_ABSTRACT_UNIX | REIN_LANDLOCK_SIGNAL}},
	{9, {.fs = REIN_LANDLOCK_RESOLVE_UNIX}},
	{10, {.net = REIN_LANDLOCK_BIND_UDP | REIN_LANDLOCK_CONNECT_SEND_UDP}},
};

/* What each access to a place means. Device nodes are made for nobody, so MAKE_CHAR and MAKE_BLOCK stand nowhere. */
static const struct {
	enum rein_access access;
	uint64_t rights;
} meanings[] = {
	{REIN_ACCESS_READ, REIN_LANDLOCK_READ_FILE | REIN_LANDLOCK_READ_DIR},
	{REIN_ACCESS_WRITE, REIN_LANDLOCK_WRITE_FILE | REIN_LANDLOCK_REMOVE_DIR | REIN_LANDLOCK_REMOVE_FILE |
				    REIN_LANDLOCK_MAKE_DIR | REIN_LANDLOCK_MAKE_REG | REIN_LANDLOCK_MAKE_SOCK |
				    REIN_LANDLOCK_MAKE_FIFO | REIN_LANDLOCK_MAKE_SYM | REIN_LANDLOCK_REFER |
				    REIN_LANDLOCK_TRUNCATE},
	/* The kernel opens a program for reading to run it, and Landlock asks for both. */
	{REIN_ACCESS_EXECUTE, REIN_LANDLOCK_EXECUTE | REIN_LANDLOCK_READ_FILE},
};

/* Rights that make sense for something that is no folder; the kernel refuses others in a rule for a file. */
#define OF_FILES                                                                                               \
	(REIN_LANDLOCK_EXECUTE | REIN_LANDLOCK_WRITE_FILE | REIN_LANDLOCK_READ_FILE | REIN_LANDLOCK_TRUNCATE | \
	 REIN_LANDLOCK_IOCTL_DEV | REIN_LANDLOCK_RESOLVE_UNIX)

struct rein_landlock_ruleset rein_landlock_handled(int abi)
{
	struct rein_landlock_ruleset handled = {0};

	for (size_t i = 0; i < REIN_COUNT(abis) && abis[i].abi <= abi; i++) {
		handled.fs |= abis[i].adds.fs;
		handled.net |= abis[i].adds.net;
		handled.scoped |= abis[i].adds.scoped;
	}
	return handled;
}

/* What a kind of place allows besides its access; kinds that are not here get no rule. */
static bool kind_rights(enum rein_place_kind kind, uint64_t *ret_rights)
{
	static const struct {
		enum rein_place_kind kind;
		uint64_t rights;
	} kinds[] = {
		{REIN_PLACE_TREE, 0},
		{REIN_PLACE_PRIVATE, 0},
		{REIN_PLACE_PROC, 0},
		{REIN_PLACE_DEVICES, REIN_LANDLOCK_IOCTL_DEV},
		{REIN_PLACE_TERMINALS, REIN_LANDLOCK_IOCTL_DEV},
		{REIN_PLACE_DEVICE, REIN_LANDLOCK_IOCTL_DEV},
		{REIN_PLACE_SOCKET, REIN_LANDLOCK_RESOLVE_UNIX},
	};

	for (size_t i = 0; i < REIN_COUNT(kinds); i++) {
		if (kinds[i].kind != kind)
			continue;
		*ret_rights = kinds[i].rights;
		return true;
	}
	return false;
}

uint64_t rein_landlock_rights(const struct rein_place *place, uint64_t handled)
{
	uint64_t rights;

	if (!kind_rights(place->kind, &rights))
		return 0;
	for (size_t i = 0; i < REIN_COUNT(meanings); i++)
		if (place->access & meanings[i].access)
			rights |= meanings[i].rights;
	return rights & handled & (place->directory ? ~0ULL : OF_FILES);
}

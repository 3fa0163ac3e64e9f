/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_METER_H
#define REIN_METER_H

/* The numbers in this file cross the kernel boundary: append, never reorder. */

/* What is counted, per agent. The names people write stand in userspace/profile/words.c. */
enum rein_meter {
	REIN_METER_WRITE_BYTES,
	REIN_METER_WRITE_FILES,
	REIN_METER_CREATE_FILES,
	REIN_METER_DELETE_FILES,
	REIN_METER_RENAME_FILES,
	REIN_METER_CHMOD_FILES,
	REIN_METER_NET_TX_BYTES,
	REIN_METER_NET_RX_BYTES,
	REIN_METER_NET_CONNECTS,
	REIN_METER_NET_DNS_QUERIES,
	REIN_METER_EXEC_COUNT,
	REIN_METER_FORK_COUNT,
	REIN_METER_COUNT,
};

/* Ordered by strictness, so that a ceiling can take the larger. */
enum rein_on_trip {
	REIN_ON_TRIP_THROTTLE,
	REIN_ON_TRIP_DENY,
	REIN_ON_TRIP_FREEZE,
	REIN_ON_TRIP_KILL,
	REIN_ON_TRIP_COUNT,
};

/* Ordered from weak to strong, so that "at least" is a comparison. */
enum rein_exactness {
	REIN_EXACTNESS_SAMPLED,
	REIN_EXACTNESS_PROMPT,
	REIN_EXACTNESS_EXACT,
	REIN_EXACTNESS_COUNT,
};

#endif

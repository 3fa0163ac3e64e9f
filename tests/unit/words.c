/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/words.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

/* Every number has a name that leads back to it, and no two share one. */
#define ROUND_TRIP(noun, type, count)                                                      \
	do {                                                                               \
		for (int number = 0; number < (count); number++) {                         \
			type back = (type)-1;                                              \
			cr_expect(rein_##noun##_parse(rein_##noun##_name(number), &back)); \
			cr_expect_eq(back, (type)number);                                  \
		}                                                                          \
		cr_expect_str_eq(rein_##noun##_name((type)99), "unknown");                 \
	} while (0)

Test(words, lead_back_to_their_numbers)
{
	ROUND_TRIP(meter, enum rein_meter, REIN_METER_COUNT);
	ROUND_TRIP(on_trip, enum rein_on_trip, REIN_ON_TRIP_COUNT);
	ROUND_TRIP(exactness, enum rein_exactness, REIN_EXACTNESS_COUNT);
	ROUND_TRIP(verdict, enum rein_verdict, REIN_VERDICT_TRIP + 1);
	ROUND_TRIP(limit, enum rein_limit_kind, REIN_LIMIT_COUNT);
	ROUND_TRIP(audit_mode, enum rein_audit_mode, REIN_AUDIT_STRICT + 1);
}

Test(words, unknown_ones_change_nothing)
{
	enum rein_meter meter = REIN_METER_EXEC_COUNT;
	uint8_t protocol = 77;

	cr_assert_not(rein_meter_parse("unknown", &meter));
	cr_assert_not(rein_meter_parse("", &meter));
	cr_assert_not(rein_meter_parse("Write.Bytes", &meter));
	cr_assert_eq(meter, REIN_METER_EXEC_COUNT);
	cr_assert_not(rein_protocol_parse("icmp", &protocol));
	cr_assert_eq(protocol, 77);
}

Test(words, of_one_direction)
{
	uint8_t protocol;

	cr_assert_str_eq(rein_access_name(REIN_ACCESS_READ), "read");
	cr_assert_str_eq(rein_access_name(REIN_ACCESS_WRITE), "write");
	cr_assert_str_eq(rein_access_name(REIN_ACCESS_EXECUTE), "execute");
	cr_assert_str_eq(rein_access_name(REIN_ACCESS_READ | REIN_ACCESS_WRITE), "unknown");
	cr_assert_str_eq(rein_net_direction_name(REIN_NET_LISTEN), "listen");
	cr_assert(rein_protocol_parse(rein_protocol_name(IPPROTO_UDP), &protocol) && protocol == IPPROTO_UDP);
	cr_assert(rein_meter_is_bytes(REIN_METER_NET_RX_BYTES) && !rein_meter_is_bytes(REIN_METER_DELETE_FILES));
}

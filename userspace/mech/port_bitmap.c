/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/port_bitmap.h"

#include <stdbool.h>
#include <stdint.h>

static uint64_t bits_of(unsigned word, unsigned low, unsigned high)
{
	uint64_t bits = ~0ULL;

	if (word == low / 64)
		bits &= ~0ULL << (low % 64);
	if (word == high / 64)
		bits &= ~0ULL >> (63 - high % 64);
	return bits;
}

void rein_ports_add(struct rein_port_bitmap *bitmap, unsigned low, unsigned high)
{
	for (unsigned word = low / 64; word <= high / 64; word++)
		bitmap->words[word] |= bits_of(word, low, high);
}

void rein_ports_remove(struct rein_port_bitmap *bitmap, unsigned low, unsigned high)
{
	for (unsigned word = low / 64; word <= high / 64; word++)
		bitmap->words[word] &= ~bits_of(word, low, high);
}

static bool has_port(const struct rein_port_bitmap *bitmap, unsigned port)
{
	return (bitmap->words[port / 64] >> (port % 64)) & 1;
}

/* The first port from `port` on that is set, or not; 65536 if there is none. Words that cannot hold it are skipped. */
static unsigned next_port(const struct rein_port_bitmap *bitmap, unsigned port, bool set)
{
	while (port < 65536) {
		if (port % 64 == 0 && bitmap->words[port / 64] == (set ? 0 : ~0ULL))
			port += 64;
		else if (has_port(bitmap, port) == set)
			return port;
		else
			port++;
	}
	return port;
}

size_t rein_ports_ranges(const struct rein_port_bitmap *bitmap, struct rein_port_range *ret_ranges, size_t max)
{
	size_t count = 0;

	for (unsigned low = next_port(bitmap, 0, true); low < 65536; count++) {
		unsigned end = next_port(bitmap, low, false);

		if (count < max)
			ret_ranges[count] = (struct rein_port_range){(uint16_t)low, (uint16_t)(end - 1)};
		low = next_port(bitmap, end, true);
	}
	return count;
}

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_ADDRESS_H
#define REIN_PROFILE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <rein/net.h>

#include "base/error.h"

/* Networks and ports as profiles write them. Errors are EINVAL and quote the text. */

struct rein_network {
	enum rein_net_family family;
	uint8_t address[16]; /* network order; bits past the prefix are zero */
	uint8_t prefix_bits;
};

/* `10.0.0.0/8`, `::1/128`, or one address; IPv4 in its IPv6-mapped form becomes IPv4. Bits past the prefix are an
 * error. */
int rein_network_parse(const char *text, struct rein_network *ret_network, struct rein_error *err);

/* Clears all bits of the address past the first `bits`. */
void rein_address_mask(uint8_t address[16], unsigned bits);

/* Whether every address of `inner` is one of `outer`. */
bool rein_network_contains(const struct rein_network *outer, const struct rein_network *inner);

/* `443` or `3000-3999`; 1 to 65535. */
int rein_ports_parse(const char *text, struct rein_port_range *ret_ports, struct rein_error *err);

#endif

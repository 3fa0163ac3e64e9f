/* SPDX-License-Identifier: GPL-2.0 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "mech/bpf_facts.h"
#include "mech/bpf_load.h"
#include "mech/bpf_pins.h"
#include "mech/bpf_selftest.h"

/* What is believed of pins, and what other versions' pins are good for. */

TestSuite(bpf_pins, .timeout = 120);

static bool believed(const struct caged *caged)
{
	struct rein_pins pins = REIN_PINS_NONE;

	return rein_facts_recall(&caged->machine, REIN_MECH_BPF_NET, &pins);
}

static void open_fired(struct caged *caged)
{
	caged_open_alone(caged);
	rein_bpf_selftest_net(&caged->machine);
	cr_assert(caged->machine.facts[REIN_MECH_BPF_NET].works, "%s", caged->machine.facts[REIN_MECH_BPF_NET].detail);
	cr_assert(believed(caged));
}

Test(bpf_pins, what_has_fired_is_believed_until_a_doctor_comes)
{
	struct caged caged;

	open_fired(&caged);
	rein_bpf_selftest_forget();
	cr_expect_not(believed(&caged));
	rein_bpf_selftest_net(&caged.machine);
	cr_expect(believed(&caged));
}

Test(bpf_pins, a_link_that_was_detached_is_not_believed_and_is_loaded_anew)
{
	REIN_AUTO_FD int link = -1;
	struct caged caged;

	open_fired(&caged);
	link = bpf_obj_get(REIN_PINS "/rein_egress");
	cr_assert_eq(bpf_link_detach(link), 0);
	cr_expect_not(believed(&caged));
	rein_bpf_selftest_net(&caged.machine);
	cr_expect(caged.machine.facts[REIN_MECH_BPF_NET].works);
	cr_expect(believed(&caged));
}

Test(bpf_pins, another_build_does_not_believe_what_this_one_fired)
{
	struct caged caged;

	open_fired(&caged);
	rein_bpf_salt = 1;
	cr_expect_not(believed(&caged));
	rein_bpf_salt = 0;
}

static void become_abi(uint32_t abi)
{
	REIN_AUTO_FD int fd = bpf_obj_get(REIN_PINS "/rein_config");
	struct rein_pins_config config;
	uint32_t zero = 0;

	cr_assert_eq(bpf_map_lookup_elem(fd, &zero, &config), 0);
	config.abi = abi;
	cr_assert_eq(bpf_map_update_elem(fd, &zero, &config, BPF_ANY), 0);
}

Test(bpf_pins, another_abis_pins_are_refused_with_a_way_out_and_removed_when_its_agents_have_ended)
{
	struct rein_pins pins = REIN_PINS_NONE;
	struct rein_error err = {0};
	REIN_AUTO_FD int lock = -1;
	struct caged caged;
	bool removed = false, renewed;
	int r;

	caged_open_alone(&caged);
	caged_start(&caged, true, false);
	lock = rein_pins_lock(&err);
	become_abi(REIN_ABI + 1);
	cr_expect_eq(rein_pins_open(&caged.machine, true, &pins, NULL, &err), -EPROTO);
	cr_expect(strstr(err.text, "rein down") && strstr(err.text, "rein ps"), "%s", err.text);
	cr_expect_eq(rein_pins_renew(&caged.machine, &pins, &renewed, &err), -EPROTO);
	cr_expect_eq(rein_pins_remove(&caged.machine, &removed, &err), -EBUSY);
	caged_stop(&caged);
	r = rein_pins_remove(&caged.machine, &removed, &err);
	if (r == -EBUSY)
		become_abi(REIN_ABI); /* other agents run on this host, and want to go on */
	cr_expect_eq(r, 0, "%s", err.text);
	cr_expect(removed);
	cr_expect_eq(access(REIN_PINS, F_OK), -1);
}

/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_facts.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <time.h>

#include "base/cleanup.h"
#include "mech/bpf_file_hooks.h"
#include "mech/bpf_load.h"
#include "mech/bpf_selftest.h"

#define FACTS REIN_PINS "/rein_facts"

int rein_facts_read(struct rein_pins_facts *ret_facts)
{
	REIN_AUTO_FD int fd = bpf_obj_get(FACTS);
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info), zero = 0;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	if (info.value_size != sizeof(*ret_facts))
		return -EPROTO;
	return bpf_map_lookup_elem(fd, &zero, ret_facts) ? -errno : 0;
}

static int open_facts(void)
{
	REIN_AUTO_FD int fd = bpf_obj_get(FACTS);

	if (fd >= 0 || errno != ENOENT)
		return rein_take_fd(&fd);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rein_facts", 4, sizeof(struct rein_pins_facts), 1, NULL);
	if (fd < 0 || bpf_obj_pin(fd, FACTS))
		return -1;
	return rein_take_fd(&fd);
}

int rein_facts_write(const struct rein_pins_facts *facts, struct rein_error *err)
{
	REIN_AUTO_FD int fd = open_facts();
	uint32_t zero = 0;

	if (fd < 0 || bpf_map_update_elem(fd, &zero, facts, BPF_ANY))
		return rein_fail_errno(err, "cannot pin " FACTS);
	return 0;
}

uint64_t rein_facts_now(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool rein_facts_recall(const struct rein_machine *machine, enum rein_mechanism mechanism, struct rein_pins *ret_pins)
{
	struct rein_pins pins = REIN_PINS_NONE;
	REIN_AUTO_FD int lock = rein_pins_lock(NULL);
	bool fired;

	if (lock < 0 || rein_pins_open(machine, false, &pins, NULL, NULL) < 0)
		return false;
	fired = pins.facts.fired & 1U << mechanism && pins.config.build == rein_bpf_build();
	rein_pins_close(&pins);
	if (fired) {
		ret_pins->config = pins.config;
		ret_pins->facts = pins.facts;
	}
	return fired;
}

void rein_facts_keep(enum rein_mechanism mechanism, const struct rein_pins *fired)
{
	REIN_AUTO_FD int lock = rein_pins_lock(NULL);
	struct rein_pins_facts facts;

	if (lock < 0 || rein_facts_read(&facts) < 0 || facts.loaded_ns != fired->facts.loaded_ns)
		return;
	facts.fired |= 1U << mechanism;
	rein_facts_write(&facts, NULL);
}

/* What took neither kind of bpf-file's programs may have learnt to: a sysctl, a lockdown that was lifted. */
void rein_bpf_selftest_forget(void)
{
	REIN_AUTO_FD int lock = rein_pins_lock(NULL);
	struct rein_pins_facts facts;

	if (lock < 0 || rein_facts_read(&facts) < 0)
		return;
	facts.fired = 0;
	if (facts.flavour == REIN_FILE_NONE) {
		facts.tried = 0;
		facts.refusal[0] = 0;
	}
	rein_facts_write(&facts, NULL);
}

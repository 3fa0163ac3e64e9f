/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "mech/bpf_preempt.h"

/* Which kernels may skip a tracing program. */

static const struct {
	const char *version;
	int mode;
	const char *word; /* NULL: it does not preempt itself */
} kernels[] = {
	{"#1 SMP Debian 5.10.1-1", REIN_PREEMPT_UNKNOWN, NULL},
	{"#1 SMP PREEMPT_DYNAMIC Debian 6.12.1-1", REIN_PREEMPT_NONE, NULL},
	{"#1 SMP PREEMPT_DYNAMIC Debian 6.12.1-1", REIN_PREEMPT_VOLUNTARY, NULL},
	{"#1 SMP PREEMPT_DYNAMIC Debian 6.12.1-1", REIN_PREEMPT_FULL, "preempt=full"},
	{"#1 SMP PREEMPT_DYNAMIC Debian 6.16.1-1", REIN_PREEMPT_LAZY, "preempt=lazy"},
	{"#1 SMP PREEMPT_DYNAMIC Debian 7.9.1-1", 4, "PREEMPT_DYNAMIC, set to nobody knows what"},
	{"#1 SMP PREEMPT_DYNAMIC Debian 6.12.1-1", REIN_PREEMPT_UNKNOWN, "PREEMPT_DYNAMIC, set to nobody knows what"},
	{"#1 SMP PREEMPT_RT Debian 6.12.1-1", REIN_PREEMPT_VOLUNTARY, "PREEMPT_RT"},
	{"#1 SMP PREEMPT Thu Jan 1", REIN_PREEMPT_NONE, "PREEMPT"},
	{"#1 SMP PREEMPT_LAZY Thu Jan 1", REIN_PREEMPT_NONE, "PREEMPT"},
};

Test(preempt, what_cannot_be_told_preempts_itself)
{
	for (size_t i = 0; i < REIN_COUNT(kernels); i++) {
		const char *word = rein_preempt_word(kernels[i].version, kernels[i].mode);

		if (kernels[i].word)
			cr_expect_str_eq(word ? word : "", kernels[i].word, "%s, %d", kernels[i].version,
					 kernels[i].mode);
		else
			cr_expect_null(word, "%s, %d", kernels[i].version, kernels[i].mode);
	}
}

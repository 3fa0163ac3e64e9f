/* SPDX-License-Identifier: GPL-2.0 */
#include "base/descriptors.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ascending(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int close_between(unsigned first, unsigned last, struct rein_error *err)
{
	if (first > last)
		return 0;
	return syscall(SYS_close_range, first, last, 0U) ? rein_fail_errno(err, "cannot close descriptors") : 0;
}

int rein_descriptors_close_except(const int *keep, size_t count, struct rein_error *err)
{
	int sorted[16];
	unsigned next = 3;

	if (count > sizeof(sorted) / sizeof(sorted[0]))
		return rein_fail(err, EINVAL, "too many descriptors to keep");
	memcpy(sorted, keep, count * sizeof(*keep));
	qsort(sorted, count, sizeof(sorted[0]), ascending);
	for (size_t i = 0; i < count; i++) {
		int r;

		if (sorted[i] < (int)next)
			continue;
		r = close_between(next, (unsigned)sorted[i] - 1, err);
		if (r < 0)
			return r;
		next = (unsigned)sorted[i] + 1;
	}
	return close_between(next, ~0U, err);
}

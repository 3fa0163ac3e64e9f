/* SPDX-License-Identifier: GPL-2.0 */
#include "base/vec.h"

#include <string.h>

void *rein_vec_grow(void **items, size_t *count, size_t *room, size_t size)
{
	void *item;

	if (*count == *room) {
		size_t more = *room ? *room * 2 : 8;
		void *moved = reallocarray(*items, more, size);

		if (!moved)
			return NULL;
		*items = moved;
		*room = more;
	}
	item = (char *)*items + *count * size;
	memset(item, 0, size);
	(*count)++;
	return item;
}

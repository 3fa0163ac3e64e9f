/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_BASE_VEC_H
#define REIN_BASE_VEC_H

#include <stddef.h>
#include <stdlib.h>

/* A growing array: `struct { T *items; size_t count, room; }`. Zeroed is empty. Freed with rein_vec_free. */
#define REIN_VEC(T)                 \
	struct {                    \
		T *items;           \
		size_t count, room; \
	}

#define REIN_VEC_TYPE(name, T)      \
	struct name {               \
		T *items;           \
		size_t count, room; \
	}

/* A pointer to a new zeroed item at the end, or NULL without memory. Earlier pointers into the array may die. */
#define rein_vec_add(v) \
	((__typeof__((v)->items))rein_vec_grow((void **)&(v)->items, &(v)->count, &(v)->room, sizeof(*(v)->items)))

#define rein_vec_free(v)                    \
	do {                                \
		free((v)->items);           \
		(v)->items = NULL;          \
		(v)->count = (v)->room = 0; \
	} while (0)

void *rein_vec_grow(void **items, size_t *count, size_t *room, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_SCHEMA_H
#define REIN_PROFILE_SCHEMA_H

#include <cyaml/cyaml.h>
#include <stdbool.h>

/*
 * The language as libcyaml's schema of struct rein_raw_profile, and beside it what the schema cannot say: which short
 * form stands for which long one. A key that begins with '@' is never written by people; desugar.c adds it.
 */
struct rein_shape {
	const struct cyaml_schema_field *fields; /* of the mapping that this is about */
	const char *expected;			 /* what has to stand there, for messages */
	const char *of_scalar; /* a single value is short for {of_scalar: value}; NULL: it is an error */
	const char *of_list;   /* a list is short for {of_list: list}; NULL: it is an error */
	bool named;	       /* these stand in a mapping by name: NAME: {...}; the name becomes @name */
};

extern const struct cyaml_schema_value rein_schema_profile;

/* The shape of the mapping with these fields; every mapping of the schema has one. */
const struct rein_shape *rein_shape_of(const struct cyaml_schema_field *fields);

/* The field `key` of a mapping, or NULL. */
const struct cyaml_schema_field *rein_schema_field(const struct cyaml_schema_field *fields, const char *key);

/* Whether desugar.c adds the key and no person may. */
static inline bool rein_schema_hidden(const char *key)
{
	return key[0] == '@';
}

#endif

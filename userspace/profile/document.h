/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_DOCUMENT_H
#define REIN_PROFILE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/vec.h"

/*
 * A YAML document as a tree that remembers where everything stood. Only what a profile needs of YAML: one document of
 * scalars, lists and mappings with scalar keys. Anchors, aliases and tags are refused, since with them a short file can
 * stand for a long one and a line no longer says what it means; so are duplicate keys, and documents past the bounds.
 */

#define REIN_DOCUMENT_BYTES_MAX (64UL << 20)
#define REIN_DOCUMENT_NODES_MAX 1000000
#define REIN_DOCUMENT_DEPTH_MAX 16

enum rein_node_kind { REIN_NODE_SCALAR, REIN_NODE_LIST, REIN_NODE_MAP };

struct rein_node {
	enum rein_node_kind kind;
	int line, column; /* from 1; columns count characters */
	bool plain;	  /* a scalar without quotes */
	const char *text; /* of a scalar; UTF-8 without NUL bytes */
	size_t first;	  /* index of the first child, 0: none. Children of a map: key, value, key, value */
	size_t next;	  /* index of the next sibling, 0: none */
};

struct rein_document {
	const char *file;		  /* borrowed; what error messages call it */
	REIN_VEC(struct rein_node) nodes; /* [0] is the root */
	REIN_VEC(char *) texts;		  /* owns every text above */
};

/* Parses `length` bytes. The caller frees *ret_document with rein_document_free; errors say file:line:column. */
int rein_document_parse(const char *bytes, size_t length, const char *file, struct rein_document *ret_document,
			struct rein_error *err);
void rein_document_free(struct rein_document *document);
#define REIN_AUTO_DOCUMENT __attribute__((cleanup(rein_document_free)))

static inline const struct rein_node *rein_node_at(const struct rein_document *document, size_t index)
{
	return index ? &document->nodes.items[index] : NULL;
}

static inline const struct rein_node *rein_node_first(const struct rein_document *document,
						      const struct rein_node *node)
{
	return rein_node_at(document, node->first);
}

static inline const struct rein_node *rein_node_next(const struct rein_document *document, const struct rein_node *node)
{
	return rein_node_at(document, node->next);
}

#endif

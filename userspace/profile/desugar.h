/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_DESUGAR_H
#define REIN_PROFILE_DESUGAR_H

#include "profile/document.h"

/*
 * Rewrites a document into the one form that libcyaml reads into struct rein_raw_profile: short forms become long ones,
 * every text gets its place beside it. libcyaml has no alternatives in its types, keeps no positions in its results,
 * takes any word but "false" for true and says nothing of near misses, so what people get wrong is found here.
 */

struct rein_place_mark {
	int line, column;
};

struct rein_normal_form {
	char *text; /* one token a line */
	size_t length;
	REIN_VEC(struct rein_place_mark) lines; /* [n]: where line n + 1 of text came from */
};

/* The caller frees *ret_form with rein_normal_form_free. Errors say file:line:column. */
int rein_desugar(const struct rein_document *document, struct rein_normal_form *ret_form, struct rein_error *err);
void rein_normal_form_free(struct rein_normal_form *form);
#define REIN_AUTO_NORMAL_FORM __attribute__((cleanup(rein_normal_form_free)))

#endif

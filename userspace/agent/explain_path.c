/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/explaining.h"

#include <string.h>

#include "base/cleanup.h"
#include "profile/path.h"
#include "profile/words.h"

/* What the view says about the path of one refusal. */
struct judged {
	const struct rein_path_refusal *refusal;
	const char *real;		/* resolved; NULL where that could not be done */
	const struct rein_place *place; /* that decides; NULL: none */
	enum rein_access wanted;
	bool allowed; /* by the policy: something else refused */
};

/* A hook that saw no flags, and a call that only writers make, leave what was wanted to be read from the answer. */
static enum rein_access wanted_of(const struct rein_path_refusal *refusal, const struct rein_place *place)
{
	bool opens = !strcmp(refusal->deed.before, "open ") && !*refusal->deed.after;

	if (refusal->refused.error == EROFS)
		return REIN_ACCESS_WRITE;
	if (refusal->raw && opens && place && place->access & REIN_ACCESS_READ)
		return REIN_ACCESS_WRITE;
	return refusal->deed.wanted;
}

static bool allows(const struct rein_place *place, const char *real, enum rein_access wanted, int error)
{
	/* A place is a mount: it cannot be moved or removed while the agent lives. */
	if (error == EBUSY)
		return !place || strcmp(place->path, real);
	return place && place->access & wanted;
}

/* What the path stands for, for the caller to free; NULL: that cannot be known. What is the agent's own does not exist
 * here, and where the supervisor may not look, the agent may not either: their links are not followed. */
static char *resolve(const struct rein_path_refusal *refusal)
{
	const struct rein_place *place;
	char *real;

	if (refusal->path[0] != '/')
		return NULL;
	place = rein_view_find(&refusal->refused.agent->launch->plan->view, refusal->path);
	real = place && place->own && !strstr(refusal->path, "/..") ? NULL : rein_path_real(refusal->path);
	return real ? real : strdup(refusal->path);
}

static struct judged judge(const struct rein_path_refusal *refusal, const char *real)
{
	const struct rein_view *view = &refusal->refused.agent->launch->plan->view;
	struct judged judged = {.refusal = refusal, .real = real};

	judged.place = real ? rein_view_find(view, real) : NULL;
	judged.wanted = wanted_of(refusal, judged.place);
	judged.allowed = real && allows(judged.place, real, judged.wanted, refusal->refused.error);
	return judged;
}

static bool is_denied(const struct judged *judged)
{
	return judged->place && judged->place->rule && judged->place->rule->verdict == REIN_VERDICT_DENY;
}

static void write_access(FILE *out, unsigned access)
{
	static const struct {
		enum rein_access bit;
		const char *word;
	} words[] = {{REIN_ACCESS_READ, "reading"}, {REIN_ACCESS_WRITE, "writing"}, {REIN_ACCESS_EXECUTE, "running"}};
	const char *between = "";

	for (size_t i = 0; i < REIN_COUNT(words); i++) {
		if (!(access & words[i].bit))
			continue;
		fprintf(out, "%s%s", between, words[i].word);
		between = " and ";
	}
	if (!*between)
		fprintf(out, "nothing");
}

static const struct rein_origin *rule_of(const struct judged *judged)
{
	return judged->place && judged->place->rule ? &judged->place->rule->origin : NULL;
}

/* No rule put anything there: the root of the view, or nothing at all. */
static bool is_nowhere(const struct judged *judged)
{
	return !judged->place || (!judged->place->rule && !judged->place->access);
}

static void write_access_rule(FILE *out, const struct judged *judged)
{
	fprintf(out, "%s is there for ", judged->place->path);
	write_access(out, judged->place->access);
	fprintf(out, " only");
	if (judged->place->rule) {
		fprintf(out, " by ");
		rein_write_rule(out, rule_of(judged));
	}
}

static void write_reason(FILE *out, const struct judged *judged)
{
	const struct rein_path_refusal *refusal = judged->refusal;

	if (!judged->real) {
		fprintf(out, "what that leads to is not known any more");
	} else if (judged->allowed) {
		fprintf(out, "the policy allows it, but the file's own permissions do not");
	} else if (is_denied(judged)) {
		rein_write_rule(out, rule_of(judged));
		fprintf(out, " denies it");
	} else if (refusal->refused.error == EBUSY) {
		fprintf(out, "rules are kept there, so that it can be neither moved nor removed");
	} else if (judged->place && judged->place->kind == REIN_PLACE_HIDDEN) {
		fprintf(out, "%s belongs to rein and is hidden from every agent", judged->place->path);
	} else if (is_nowhere(judged)) {
		rein_write_no_rule(out, &refusal->refused);
		fprintf(out, " allows it");
	} else {
		write_access_rule(out, judged);
	}
}

static char *why(const struct judged *judged)
{
	const struct rein_path_refusal *refusal = judged->refusal;
	size_t size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	rein_write_subject(out, &refusal->refused);
	fprintf(out, " tried to %s%s%s%s", refusal->deed.before, refusal->path, refusal->truncated ? "..." : "",
		refusal->deed.after);
	if (judged->real && strcmp(judged->real, refusal->path))
		fprintf(out, ", which is %s", judged->real);
	fprintf(out, "; ");
	write_reason(out, judged);
	rein_write_outcome(out, &refusal->refused);
	fclose(out);
	return text;
}

/* What a person could add; nothing where a denial stands against it, since denials win. */
static json_t *remedy(const struct judged *judged)
{
	REIN_AUTO_FREE char *item = NULL, *list = NULL;

	if (!judged->real || judged->allowed || is_denied(judged) || judged->refusal->truncated ||
	    judged->refusal->refused.error == EBUSY || (judged->place && judged->place->kind == REIN_PLACE_HIDDEN))
		return NULL;
	item = rein_yaml_item(judged->real);
	if (!item || asprintf(&list, "filesystem.%s", rein_access_name(judged->wanted)) < 0)
		return NULL;
	return rein_remedy(list, item);
}

static enum rein_mechanism keeper(const struct rein_path_refusal *refusal)
{
	const bool *use = refusal->refused.agent->launch->plan->use;

	if (refusal->refused.mechanism != REIN_MECH_NONE)
		return refusal->refused.mechanism;
	/* Read-only mounts answer EROFS, mount points EBUSY; for the rest Landlock comes first. */
	if (refusal->refused.error == EROFS || refusal->refused.error == EBUSY || !use[REIN_MECH_LANDLOCK])
		return REIN_MECH_NAMESPACES;
	return REIN_MECH_LANDLOCK;
}

void rein_explain_refused_path(const struct rein_path_refusal *refusal)
{
	REIN_AUTO_FREE char *real = resolve(refusal);
	struct judged judged = judge(refusal, real);
	struct rein_refused refused = refusal->refused;

	/* The policy allows it: the file's own permissions refused. That is no work of rein's and not recorded as such.
	 */
	if (refusal->raw && judged.allowed)
		return;
	refused.mechanism = keeper(refusal);
	rein_emit_refusal(&refused, refusal->path, judged.allowed ? NULL : rule_of(&judged), why(&judged),
			  remedy(&judged));
}

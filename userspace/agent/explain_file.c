/* SPDX-License-Identifier: GPL-2.0 */
#include <rein/label.h>
#include <string.h>

#include "agent/explaining.h"
#include "base/cleanup.h"
#include "plan/path.h"

/* What bpf-file refused by a label. The kernel knows which rule the label is of and which names lead up to it. */

#define NAMES_MAX 64 /* more do not fit into an event */

/* The names from what was tried up to the labelled thing, that one included. */
struct names {
	const char *items[NAMES_MAX];
	size_t count;
};

static struct names names_of(const struct rein_raw_event *raw)
{
	struct names names = {.count = 0};
	const char *end = raw->path + sizeof(raw->path);

	for (const char *name = raw->path; name < end && *name && names.count < NAMES_MAX; name += strlen(name) + 1)
		names.items[names.count++] = name;
	return names;
}

static const char *last_name(const char *path, size_t length)
{
	const char *slash = memrchr(path, '/', length);

	return slash ? slash + 1 : path;
}

/* Length of the part of `path` that ends in a component `name`, the longest; 0: none does. */
static size_t part_named(const char *path, const char *name)
{
	size_t length = strlen(path);

	while (length) {
		const char *last = last_name(path, length);

		if (strlen(name) == (size_t)(path + length - last) && !memcmp(last, name, strlen(name)))
			return length;
		length = last > path + 1 ? (size_t)(last - path - 1) : 0;
	}
	return 0;
}

/*
 * Where the labelled thing stands: of the places that the rule decides about, the one whose path has its name; what was
 * renamed by somebody else since is said by the rule's own path. A held folder stands above that.
 */
static char *find_labelled(const struct rein_view *view, const struct rein_path_rule *rule, const char *name)
{
	const char *path = rule->path;
	size_t length = 0;

	for (size_t i = 0; i < view->places.count; i++) {
		const struct rein_place *place = &view->places.items[i];

		if (place->rule != rule || !place->taken)
			continue;
		length = part_named(place->path, name);
		if (length || place->kind != REIN_PLACE_PIN)
			path = place->path;
		if (length)
			break;
	}
	return strndup(path, length ? length : strlen(path));
}

/* Without a rule only the names themselves are known. */
static char *object_of(const struct rein_view *view, const struct rein_path_rule *rule,
		       const struct rein_raw_event *raw)
{
	struct names names = names_of(raw);
	REIN_AUTO_FREE char *top = NULL;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (rule)
		top = find_labelled(view, rule, names.count && !raw->truncated ? names.items[names.count - 1] : "");
	if (!out)
		return NULL;
	fprintf(out, "%s", top ? top : "");
	if (raw->truncated)
		fprintf(out, "/...");
	for (size_t i = names.count - (top && !raw->truncated && names.count); i-- > 0;)
		fprintf(out, "/%s", names.items[i]);
	fclose(out);
	return text;
}

static const struct rein_deed deeds[] = {
	[REIN_FILE_OP_OPEN] = {"open ", "", REIN_ACCESS_READ},
	[REIN_FILE_OP_WRITE] = {"write to ", "", REIN_ACCESS_WRITE},
	[REIN_FILE_OP_MAP] = {"map ", " to run it", REIN_ACCESS_EXECUTE},
	[REIN_FILE_OP_TRUNCATE] = {"cut ", " to a length", REIN_ACCESS_WRITE},
	[REIN_FILE_OP_CREATE] = {"create ", "", REIN_ACCESS_WRITE},
	[REIN_FILE_OP_LINK] = {"make another name of ", "", REIN_ACCESS_WRITE},
	[REIN_FILE_OP_DELETE] = {"delete ", "", REIN_ACCESS_WRITE},
	[REIN_FILE_OP_RENAME] = {"rename ", "", REIN_ACCESS_WRITE},
	[REIN_FILE_OP_ATTRIBUTES] = {"change the attributes of ", "", REIN_ACCESS_WRITE},
	[REIN_FILE_OP_EXECUTE] = {"run ", "", REIN_ACCESS_EXECUTE},
	[REIN_FILE_OP_RECEIVE] = {"take an open descriptor of ", "", REIN_ACCESS_READ},
};

static struct rein_deed deed_of(const struct rein_raw_event *raw)
{
	static const struct rein_deed opens[] = {
		[REIN_LABEL_EXECUTE] = {"run ", "", REIN_ACCESS_EXECUTE},
		[REIN_LABEL_WRITE] = {"open ", " for writing", REIN_ACCESS_WRITE},
		[REIN_LABEL_READ] = {"open ", " for reading", REIN_ACCESS_READ},
		[REIN_LABEL_READ | REIN_LABEL_WRITE] = {"open ", " for reading and writing", REIN_ACCESS_WRITE},
		[REIN_LABEL_READ | REIN_LABEL_EXECUTE] = {"run ", "", REIN_ACCESS_EXECUTE},
	};
	uint32_t wanted = raw->amount & REIN_LABEL_ALL;

	if (raw->nr == REIN_FILE_OP_OPEN && wanted < REIN_COUNT(opens) && opens[wanted].before)
		return opens[wanted];
	return deeds[raw->nr];
}

static void write_reason(FILE *out, const struct rein_raw_event *raw, const struct rein_origin *rule)
{
	if (raw->amount & REIN_EVENT_TOO_DEEP) {
		fprintf(out, "it lies deeper than %d folders, and denials could not be looked for that far",
			REIN_LABEL_DEPTH_MAX);
	} else if (!rule) {
		fprintf(out, "it belongs to rein and is kept from every agent");
	} else if (raw->amount & REIN_EVENT_HELD) {
		fprintf(out, "what ");
		rein_write_rule(out, rule);
		fprintf(out, " denies is in it, so that it can be neither moved nor removed");
	} else if (raw->amount & REIN_EVENT_REPLACED) {
		fprintf(out, "somebody has put another in the place of a folder in which ");
		rein_write_rule(out, rule);
		fprintf(out, " denies something, so that all in it is denied");
	} else {
		rein_write_rule(out, rule);
		fprintf(out, " denies it");
	}
}

static char *why(const struct rein_refused *refused, const struct rein_raw_event *raw, const char *object,
		 const struct rein_origin *rule)
{
	struct rein_deed deed = deed_of(raw);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	rein_write_subject(out, refused);
	fprintf(out, " tried to %s%s%s; ", deed.before, object ? object : "a file", deed.after);
	write_reason(out, raw, rule);
	rein_write_outcome(out, refused);
	fclose(out);
	return text;
}

bool rein_explain_refused_file(const struct rein_refused *refused, const struct rein_raw_event *raw)
{
	const struct rein_launch *launch = refused->agent->launch;
	const struct rein_path_rule *rule =
		raw->rule < launch->policy->paths.count ? &launch->policy->paths.items[raw->rule] : NULL;
	REIN_AUTO_FREE char *object = NULL;
	struct rein_refused told = *refused;

	if (raw->nr >= REIN_COUNT(deeds) || !deeds[raw->nr].before)
		return false;
	object = object_of(&launch->plan->view, rule, raw);
	told.op = rein_file_op_name(raw->nr);
	told.mechanism = REIN_MECH_BPF_FILE;
	rein_emit_refusal(&told, object, rule ? &rule->origin : NULL,
			  why(&told, raw, object, rule ? &rule->origin : NULL), NULL);
	return true;
}

/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/desugar.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/nearest.h"
#include "profile/schema.h"

#define TRAIL_MAX (REIN_DOCUMENT_DEPTH_MAX * 2)

struct writer {
	const struct rein_document *document;
	struct rein_normal_form *form;
	FILE *out;
	struct rein_error *err;
	const char *trail[TRAIL_MAX]; /* the keys that lead here, for messages */
	int depth;
};

static int write_value(struct writer *writer, const struct rein_node *node, const struct cyaml_schema_value *schema,
		       const struct rein_node *name);

/* `file:line:column: filesystem.write: ...` */
static int refuse(const struct writer *writer, const struct rein_node *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(const struct writer *writer, const struct rein_node *node, const char *fmt, ...)
{
	char trail[256] = "", text[640];
	size_t used = 0;
	va_list args;
	int i;

	for (i = 0; i < writer->depth && used + 64 < sizeof(trail); i++)
		if (!rein_schema_hidden(writer->trail[i]))
			used += snprintf(trail + used, sizeof(trail) - used, "%s%.48s", used ? "." : "",
					 writer->trail[i]);
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return rein_fail(writer->err, EINVAL, "%s:%d:%d: %s%s%s", writer->document->file, node->line, node->column,
			 trail, used ? ": " : "", text);
}

/* Ends the line of the normal form that was made from `node`. */
static int end_line(struct writer *writer, const struct rein_node *node)
{
	struct rein_place_mark *mark = rein_vec_add(&writer->form->lines);

	if (!mark || fputc('\n', writer->out) == EOF)
		return rein_fail(writer->err, ENOMEM, "out of memory");
	*mark = (struct rein_place_mark){node->line, node->column};
	return 0;
}

static int write_token(struct writer *writer, const struct rein_node *node, const char *token)
{
	fputs(token, writer->out);
	return end_line(writer, node);
}

static unsigned decode(const unsigned char **p)
{
	unsigned lead = *(*p)++, more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
	unsigned code = more ? lead & (0x3f >> more) : lead;

	while (more-- && (**p & 0xc0) == 0x80)
		code = code << 6 | (*(*p)++ & 0x3f);
	return code;
}

/* Everything but plain ASCII is escaped: raw, YAML would fold some of Unicode's line breaks and refuse others. */
static int write_text(struct writer *writer, const struct rein_node *node, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	putc_unlocked('"', writer->out);
	while (*p) {
		unsigned code = decode(&p);

		if (code >= ' ' && code < 0x7f && code != '"' && code != '\\')
			putc_unlocked((int)code, writer->out);
		else
			fprintf(writer->out, "\\U%08X", code);
	}
	putc_unlocked('"', writer->out);
	return end_line(writer, node);
}

static int write_key(struct writer *writer, const struct rein_node *node, const char *key)
{
	fprintf(writer->out, "\"%s\":", key);
	return end_line(writer, node);
}

static int write_number(struct writer *writer, const struct rein_node *node, const char *key, int number)
{
	fprintf(writer->out, "\"%s\": %d,", key, number);
	return end_line(writer, node);
}

static int write_place(struct writer *writer, const struct rein_node *node, const struct cyaml_schema_field *fields)
{
	int r = 0;

	if (!rein_schema_field(fields, "@line"))
		return 0;
	r = write_number(writer, node, "@line", node->line);
	return r < 0 ? r : write_number(writer, node, "@column", node->column);
}

static bool is_nothing(const struct rein_node *node)
{
	return node->kind == REIN_NODE_SCALAR && node->plain &&
	       (!*node->text || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

static int refuse_kind(const struct writer *writer, const struct rein_node *node, const char *expected)
{
	static const char *const kinds[] = {"a single value", "a list", "a mapping"};

	if (is_nothing(node))
		return refuse(writer, node, "has no value; expected %s (to leave it out, leave out the key too)",
			      expected);
	return refuse(writer, node, "expected %s, found %s", expected, kinds[node->kind]);
}

static int refuse_key(const struct writer *writer, const struct rein_node *key, const struct cyaml_schema_field *fields)
{
	const char *known[32];
	char list[400], hint[96];
	size_t count = 0;

	for (; fields->key && count < REIN_COUNT(known); fields++)
		if (!rein_schema_hidden(fields->key))
			known[count++] = fields->key;
	rein_words_join(known, count, list, sizeof(list));
	rein_words_hint(known, count, key->text, hint, sizeof(hint));
	return refuse(writer, key, "unknown key \"%.64s\"%s; known here: %s", key->text, hint, list);
}

static int refuse_missing(const struct writer *writer, const struct rein_node *node, const char *key)
{
	if (strcmp(key, "rein") == 0)
		return refuse(writer, node,
			      "the key \"rein\" is missing; a profile begins with \"rein: 1\", the version of the "
			      "language");
	return refuse(writer, node, "the key \"%s\" is missing", key);
}

/* One `"key": value,` of a mapping. `value` is the node that the value is made from. */
static int write_field(struct writer *writer, const struct rein_node *key, const struct rein_node *value,
		       const struct cyaml_schema_field *field)
{
	int r = write_key(writer, key, field->key);

	if (r < 0)
		return r;
	if (writer->depth == TRAIL_MAX)
		return refuse(writer, key, "nested too deeply for a profile");
	writer->trail[writer->depth++] = field->key;
	r = write_value(writer, value, &field->value, NULL);
	writer->depth--;
	return r < 0 ? r : write_token(writer, value, ",");
}

static const struct rein_node *find_key(const struct writer *writer, const struct rein_node *map, const char *key)
{
	const struct rein_node *node = rein_node_first(writer->document, map);

	while (node && strcmp(node->text, key) != 0)
		node = rein_node_next(writer->document, rein_node_next(writer->document, node));
	return node;
}

static int check_required(const struct writer *writer, const struct rein_node *map,
			  const struct cyaml_schema_field *fields)
{
	for (; fields->key; fields++)
		if (!rein_schema_hidden(fields->key) && !(fields->value.flags & CYAML_FLAG_OPTIONAL) &&
		    !find_key(writer, map, fields->key))
			return refuse_missing(writer, map, fields->key);
	return 0;
}

static int write_pairs(struct writer *writer, const struct rein_node *map, const struct cyaml_schema_field *fields)
{
	const struct rein_node *key, *value;
	int r = 0;

	for (key = rein_node_first(writer->document, map); key && r == 0;
	     key = rein_node_next(writer->document, value)) {
		const struct cyaml_schema_field *field = rein_schema_field(fields, key->text);

		value = rein_node_next(writer->document, key);
		if (!field || rein_schema_hidden(key->text))
			return refuse_key(writer, key, fields);
		r = write_field(writer, key, value, field);
	}
	return r < 0 ? r : check_required(writer, map, fields);
}

/* Whether people write this as a mapping of keys at all, rather than as a single value or a list. */
static bool has_keys(const struct cyaml_schema_field *fields)
{
	for (; fields->key; fields++)
		if (!rein_schema_hidden(fields->key))
			return true;
	return false;
}

/* Whether the mapping `fields` holds the list of things that stand in the file by name. */
static bool holds_named(const struct cyaml_schema_field *fields)
{
	const struct cyaml_schema_field *items = rein_schema_field(fields, "@items");

	return items && items->value.sequence.entry->type == CYAML_MAPPING &&
	       rein_shape_of(items->value.sequence.entry->mapping.fields)->named;
}

/* The inside of a mapping, whichever form it was written in. */
static int write_inside(struct writer *writer, const struct rein_node *node, const struct rein_shape *shape)
{
	const char *key = NULL;

	if (holds_named(shape->fields))
		key = node->kind == REIN_NODE_MAP ? shape->of_list : NULL;
	else if (node->kind == REIN_NODE_MAP && has_keys(shape->fields))
		return write_pairs(writer, node, shape->fields);
	else if (node->kind != REIN_NODE_MAP && !is_nothing(node))
		key = node->kind == REIN_NODE_SCALAR ? shape->of_scalar : shape->of_list;
	if (!key)
		return refuse_kind(writer, node, shape->expected);
	return write_field(writer, node, node, rein_schema_field(shape->fields, key));
}

static int write_mapping(struct writer *writer, const struct rein_node *node, const struct cyaml_schema_field *fields,
			 const struct rein_node *name)
{
	int r = write_token(writer, node, "{");

	if (r == 0)
		r = write_place(writer, node, fields);
	if (r == 0 && name)
		r = write_field(writer, name, name, rein_schema_field(fields, "@name"));
	if (r == 0)
		r = write_inside(writer, node, rein_shape_of(fields));
	return r < 0 ? r : write_token(writer, node, "}");
}

static int write_named(struct writer *writer, const struct rein_node *key, const struct cyaml_schema_value *entry)
{
	int r;

	if (writer->depth == TRAIL_MAX)
		return refuse(writer, key, "nested too deeply for a profile");
	writer->trail[writer->depth++] = key->text;
	r = write_value(writer, rein_node_next(writer->document, key), entry, key);
	writer->depth--;
	return r;
}

static int write_list(struct writer *writer, const struct rein_node *list, const struct cyaml_schema_value *entry)
{
	bool named = list->kind == REIN_NODE_MAP;
	const struct rein_node *item;
	int r = write_token(writer, list, "[");

	for (item = rein_node_first(writer->document, list); item && r == 0;
	     item = rein_node_next(writer->document, item)) {
		const struct rein_node *here = item;

		if (named)
			item = rein_node_next(writer->document, here);
		r = named ? write_named(writer, here, entry) : write_value(writer, item, entry, NULL);
		if (r == 0)
			r = write_token(writer, item, ",");
	}
	return r < 0 ? r : write_token(writer, list, "]");
}

static int write_flag(struct writer *writer, const struct rein_node *node)
{
	if (node->kind != REIN_NODE_SCALAR || (strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0))
		return refuse(writer, node, "expected true or false");
	return write_token(writer, node, node->text);
}

static int write_word(struct writer *writer, const struct rein_node *node, const struct cyaml_schema_value *schema)
{
	const char *known[16];
	char list[200];
	size_t i;

	for (i = 0; i < schema->enumeration.count && i < REIN_COUNT(known); i++) {
		known[i] = schema->enumeration.strings[i].str;
		if (node->kind == REIN_NODE_SCALAR && strcmp(node->text, known[i]) == 0)
			return write_text(writer, node, node->text);
	}
	rein_words_join(known, i, list, sizeof(list));
	return refuse(writer, node, "expected one of: %s", list);
}

static int write_value(struct writer *writer, const struct rein_node *node, const struct cyaml_schema_value *schema,
		       const struct rein_node *name)
{
	switch (schema->type) {
	case CYAML_MAPPING:
		return write_mapping(writer, node, schema->mapping.fields, name);
	case CYAML_SEQUENCE:
		return write_list(writer, node, schema->sequence.entry);
	case CYAML_BOOL:
		return write_flag(writer, node);
	case CYAML_ENUM:
		return write_word(writer, node, schema);
	case CYAML_STRING:
		return write_text(writer, node, node->text);
	default:
		return refuse(writer, node, "the language has no such value");
	}
}

int rein_desugar(const struct rein_document *document, struct rein_normal_form *ret_form, struct rein_error *err)
{
	REIN_AUTO_NORMAL_FORM struct rein_normal_form form = {0};
	struct writer writer = {.document = document, .form = &form, .err = err};
	bool failed;
	int r;

	writer.out = open_memstream(&form.text, &form.length);
	if (!writer.out)
		return rein_fail(err, ENOMEM, "out of memory");
	r = write_value(&writer, &document->nodes.items[0], &rein_schema_profile, NULL);
	failed = ferror(writer.out);
	if (fclose(writer.out) != 0 || failed)
		return r < 0 ? r : rein_fail(err, ENOMEM, "out of memory");
	if (r < 0)
		return r;
	*ret_form = form;
	form = (struct rein_normal_form){0};
	return 0;
}

void rein_normal_form_free(struct rein_normal_form *form)
{
	free(form->text);
	rein_vec_free(&form->lines);
	*form = (struct rein_normal_form){0};
}

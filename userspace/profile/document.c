/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/document.h"

#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"

/* What is being built: the open lists and maps, and the last child that each has got so far. */
struct builder {
	struct rein_document *document;
	struct rein_error *err;
	const char *bytes;
	size_t length;
	size_t open[REIN_DOCUMENT_DEPTH_MAX], last[REIN_DOCUMENT_DEPTH_MAX], children[REIN_DOCUMENT_DEPTH_MAX];
	size_t depth;
	size_t documents;
};

#define AT(mark) (int)(mark).line + 1, (int)(mark).column + 1

static int refuse(const struct builder *builder, yaml_mark_t mark, const char *why)
{
	return rein_fail(builder->err, EINVAL, "%s:%d:%d: %s", builder->document->file, AT(mark), why);
}

/* Links the newest node into the innermost open list or map. */
static int link_node(struct builder *builder, yaml_mark_t mark)
{
	struct rein_node *nodes = builder->document->nodes.items;
	size_t index = builder->document->nodes.count - 1, top = builder->depth - 1;
	bool is_key;

	if (!builder->depth)
		return 0;
	is_key = nodes[builder->open[top]].kind == REIN_NODE_MAP && builder->children[top] % 2 == 0;
	if (is_key && nodes[index].kind != REIN_NODE_SCALAR)
		return refuse(builder, mark, "a key has to be a word, not a list or a mapping");
	if (builder->last[top])
		nodes[builder->last[top]].next = index;
	else
		nodes[builder->open[top]].first = index;
	builder->last[top] = index;
	builder->children[top]++;
	return 0;
}

static int add_node(struct builder *builder, enum rein_node_kind kind, const yaml_event_t *event, const char *text,
		    bool plain)
{
	struct rein_node *node;

	if (builder->document->nodes.count >= REIN_DOCUMENT_NODES_MAX)
		return refuse(builder, event->start_mark, "the profile is too long: more than 1000000 values");
	node = rein_vec_add(&builder->document->nodes);
	if (!node)
		return rein_fail(builder->err, ENOMEM, "out of memory");
	*node = (struct rein_node){.kind = kind, .text = text, .plain = plain};
	node->line = (int)event->start_mark.line + 1;
	node->column = (int)event->start_mark.column + 1;
	return link_node(builder, event->start_mark);
}

static int on_scalar(struct builder *builder, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	char **text;

	if (event->data.scalar.tag)
		return refuse(builder, event->start_mark, "tags (\"!\") mean nothing in a profile; leave it out");
	if (strlen(value) != event->data.scalar.length)
		return refuse(builder, event->start_mark, "the text holds a NUL byte");
	text = rein_vec_add(&builder->document->texts);
	if (!text || !(*text = strdup(value)))
		return rein_fail(builder->err, ENOMEM, "out of memory");
	return add_node(builder, REIN_NODE_SCALAR, event, *text, event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
}

static int on_start(struct builder *builder, const yaml_event_t *event, enum rein_node_kind kind,
		    const yaml_char_t *tag)
{
	int r;

	if (tag)
		return refuse(builder, event->start_mark, "tags (\"!\") mean nothing in a profile; leave it out");
	if (builder->depth == REIN_DOCUMENT_DEPTH_MAX)
		return refuse(builder, event->start_mark, "nested too deeply for a profile");
	r = add_node(builder, kind, event, NULL, false);
	if (r < 0)
		return r;
	builder->open[builder->depth] = builder->document->nodes.count - 1;
	builder->last[builder->depth] = 0;
	builder->children[builder->depth] = 0;
	builder->depth++;
	return 0;
}

static int compare_keys(const void *left, const void *right)
{
	const struct rein_node *a = *(const struct rein_node *const *)left;
	const struct rein_node *b = *(const struct rein_node *const *)right;
	int order = strcmp(a->text, b->text);

	return order ? order : (a > b) - (a < b);
}

/* Sorted rather than compared pairwise: a mapping may have many thousand keys. */
static int check_duplicates(const struct builder *builder, const struct rein_node *map, size_t count)
{
	const struct rein_document *document = builder->document;
	REIN_AUTO_FREE const struct rein_node **keys = calloc(count + 1, sizeof(*keys));
	const struct rein_node *key = rein_node_first(document, map);
	size_t i;

	if (!keys)
		return rein_fail(builder->err, ENOMEM, "out of memory");
	for (i = 0; i < count; i++, key = rein_node_next(document, rein_node_next(document, key)))
		keys[i] = key;
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (i = 1; i < count; i++)
		if (strcmp(keys[i - 1]->text, keys[i]->text) == 0)
			return rein_fail(builder->err, EINVAL,
					 "%s:%d:%d: the key \"%.100s\" stands here twice; line %d has it already",
					 document->file, keys[i]->line, keys[i]->column, keys[i]->text,
					 keys[i - 1]->line);
	return 0;
}

static int on_end(struct builder *builder)
{
	const struct rein_node *node;

	builder->depth--;
	node = &builder->document->nodes.items[builder->open[builder->depth]];
	if (node->kind != REIN_NODE_MAP)
		return 0;
	return check_duplicates(builder, node, builder->children[builder->depth] / 2);
}

static int on_anchor(const struct builder *builder, const yaml_event_t *event)
{
	return refuse(
		builder, event->start_mark,
		"anchors and aliases (\"&\", \"*\") are not allowed in a profile; quote the text if it begins so");
}

static bool has_anchor(const yaml_event_t *event)
{
	return event->type == YAML_ALIAS_EVENT || (event->type == YAML_SCALAR_EVENT && event->data.scalar.anchor) ||
	       (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.anchor) ||
	       (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor);
}

static int on_event(struct builder *builder, const yaml_event_t *event)
{
	if (has_anchor(event))
		return on_anchor(builder, event);
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (builder->documents++)
			return refuse(builder, event->start_mark, "a second document begins here; a profile is one");
		return 0;
	case YAML_SCALAR_EVENT:
		return on_scalar(builder, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(builder, event, REIN_NODE_LIST, event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return on_start(builder, event, REIN_NODE_MAP, event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(builder);
	default:
		return 0;
	}
}

/* What people stumble over, in words that help. */
static const char *hint_for(const char *problem, const char *context)
{
	if (context && strstr(context, "scanning an alias"))
		return "; quote text that begins with \"*\"";
	if (strstr(problem, "cannot start any token"))
		return "; quote text that begins with \"@\", and indent with spaces";
	if (strstr(problem, "mapping values are not allowed"))
		return "; quote text that holds \": \"";
	return "";
}

/* Of bytes that are no text libyaml tells only which. */
static int on_encoding_error(const struct builder *builder, const yaml_parser_t *parser)
{
	size_t i, end = parser->problem_offset < builder->length ? parser->problem_offset : builder->length;
	int line = 1, column = 1;

	for (i = 0; i < end; i++) {
		line += builder->bytes[i] == '\n';
		column = builder->bytes[i] == '\n' ? 1 : column + ((builder->bytes[i] & 0xc0) != 0x80);
	}
	return rein_fail(builder->err, EINVAL, "%s:%d:%d: not a text in UTF-8: %s", builder->document->file, line,
			 column, parser->problem);
}

static int on_syntax_error(const struct builder *builder, const yaml_parser_t *parser)
{
	const char *problem = parser->problem ? parser->problem : "unknown error";

	if (parser->error == YAML_MEMORY_ERROR)
		return rein_fail(builder->err, ENOMEM, "out of memory");
	if (parser->error == YAML_READER_ERROR)
		return on_encoding_error(builder, parser);
	return rein_fail(builder->err, EINVAL, "%s:%d:%d: not valid YAML: %s%s%s%s", builder->document->file,
			 AT(parser->problem_mark), problem, parser->context ? " " : "",
			 parser->context ? parser->context : "", hint_for(problem, parser->context));
}

static int read_events(struct builder *builder, yaml_parser_t *parser)
{
	yaml_event_type_t type;
	yaml_event_t event;
	int r;

	do {
		if (!yaml_parser_parse(parser, &event))
			return on_syntax_error(builder, parser);
		type = event.type;
		r = on_event(builder, &event);
		yaml_event_delete(&event);
	} while (r == 0 && type != YAML_STREAM_END_EVENT);
	return r;
}

int rein_document_parse(const char *bytes, size_t length, const char *file, struct rein_document *ret_document,
			struct rein_error *err)
{
	REIN_AUTO_DOCUMENT struct rein_document document = {.file = file};
	struct builder builder = {.document = &document, .err = err, .bytes = bytes, .length = length};
	yaml_parser_t parser;
	int r;

	if (length > REIN_DOCUMENT_BYTES_MAX)
		return rein_fail(err, EFBIG, "%s: the profile is larger than 64 MiB", file);
	if (!yaml_parser_initialize(&parser))
		return rein_fail(err, ENOMEM, "out of memory");
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, length);
	r = read_events(&builder, &parser);
	yaml_parser_delete(&parser);
	if (r < 0)
		return r;
	if (!document.nodes.count)
		return rein_fail(err, EINVAL, "%s:1:1: the profile is empty; it begins with \"rein: 1\"", file);
	*ret_document = document;
	document = (struct rein_document){.file = file};
	return 0;
}

void rein_document_free(struct rein_document *document)
{
	size_t i;

	for (i = 0; i < document->texts.count; i++)
		free(document->texts.items[i]);
	rein_vec_free(&document->texts);
	rein_vec_free(&document->nodes);
}

/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/raw.h"

#include <stdio.h>
#include <string.h>

#include "profile/desugar.h"
#include "profile/document.h"
#include "profile/schema.h"

/* What libcyaml logs about one failure: the sentence first, then a backtrace, innermost place first. */
struct complaint {
	char text[200];
	unsigned line; /* of the normal form, 0: unknown */
};

/* libcyaml 1.3.1 gives neither position nor reason in its result; both come only through the log. */
static void on_log(cyaml_log_t level, void *context, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));

static void on_log(cyaml_log_t level, void *context, const char *fmt, va_list args)
{
	struct complaint *complaint = context;
	char message[200];
	const char *place;

	vsnprintf(message, sizeof(message), fmt, args);
	message[strcspn(message, "\n")] = '\0';
	if (!complaint->text[0])
		snprintf(complaint->text, sizeof(complaint->text), "%s",
			 strncmp(message, "Load: ", 6) == 0 ? message + 6 : message);
	place = strstr(message, "(line: ");
	if (place && !complaint->line)
		sscanf(place, "(line: %u", &complaint->line);
}

static cyaml_config_t config_of(struct complaint *complaint)
{
	return (cyaml_config_t){
		.log_fn = on_log,
		.log_ctx = complaint,
		.mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_NO_ALIAS,
	};
}

/* desugar.c finds what people get wrong; what is left for here is said in libcyaml's words, at our place. */
static int on_refused(const struct complaint *complaint, cyaml_err_t code, const struct rein_normal_form *form,
		      const char *file, struct rein_error *err)
{
	struct rein_place_mark mark = {1, 1};

	if (complaint->line && complaint->line <= form->lines.count)
		mark = form->lines.items[complaint->line - 1];
	return rein_fail(err, code == CYAML_ERR_OOM ? ENOMEM : EINVAL, "%s:%d:%d: %s", file, mark.line, mark.column,
			 complaint->text[0] ? complaint->text : cyaml_strerror(code));
}

int rein_raw_parse(const char *bytes, size_t length, const char *file, struct rein_raw_profile **ret_raw,
		   struct rein_error *err)
{
	REIN_AUTO_DOCUMENT struct rein_document document = {0};
	REIN_AUTO_NORMAL_FORM struct rein_normal_form form = {0};
	struct complaint complaint = {0};
	cyaml_config_t config = config_of(&complaint);
	struct rein_raw_profile *raw = NULL;
	cyaml_err_t code;
	int r;

	r = rein_document_parse(bytes, length, file, &document, err);
	if (r == 0)
		r = rein_desugar(&document, &form, err);
	if (r < 0)
		return r;
	code = cyaml_load_data((const uint8_t *)form.text, form.length, &config, &rein_schema_profile,
			       (cyaml_data_t **)&raw, NULL);
	if (code != CYAML_OK || !raw)
		return on_refused(&complaint, code, &form, file, err);
	*ret_raw = raw;
	return 0;
}

void rein_raw_free(struct rein_raw_profile *raw)
{
	struct complaint complaint = {0};
	cyaml_config_t config = config_of(&complaint);

	if (raw)
		cyaml_free(&config, &rein_schema_profile, raw, 0);
}

/* SPDX-License-Identifier: GPL-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int rein_fail(struct rein_error *err, int code, const char *fmt, ...)
{
	va_list args;

	if (err) {
		err->code = code;
		va_start(args, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, args);
		va_end(args);
	}
	return -code;
}

int rein_fail_errno(struct rein_error *err, const char *fmt, ...)
{
	int code = errno ? errno : EIO;
	va_list args;
	int used;

	if (!err)
		return -code;
	err->code = code;
	va_start(args, fmt);
	used = vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof(err->text))
		snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(code));
	return -code;
}

int rein_context(struct rein_error *err, const char *fmt, ...)
{
	char inner[sizeof(err->text)];
	va_list args;
	int used;

	if (!err)
		return -EIO;
	memcpy(inner, err->text, sizeof(inner));
	va_start(args, fmt);
	used = vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof(err->text))
		snprintf(err->text + used, sizeof(err->text) - used, ": %.*s", (int)(sizeof(err->text) - used - 3),
			 inner);
	return -err->code;
}

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_PAGE_H
#define REIN_CMD_PAGE_H

#include <stdio.h>

/* Prints a manual page as plain text where there is no man(1): the macros that rein's own pages use, and no others. */
void rein_page_print(FILE *page, FILE *out);

#endif

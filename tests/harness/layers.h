/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_HARNESS_LAYERS_H
#define REIN_TESTS_HARNESS_LAYERS_H

#include <stdbool.h>

/* A folder of the test's own with the layers of an overlay. Descriptors of the layers, and of what a test looks at. */
struct layers {
	char path[64];
	int lower, upper, view;
};

/* Makes the layers, empty; there is no view yet. */
void layers_open(struct layers *ret_layers);
/* The upper layer by itself is what is seen, or both as an overlay; without overlayfs the test is skipped. */
void layers_see(struct layers *layers, bool overlay);
void layers_close(struct layers *layers);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_FILE_HOOKS_H
#define REIN_MECH_BPF_FILE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The hooks of bpf-file: one row for each lsm/, fentry/ and fexit/ program of bpf/file.bpf.c. Both tables are for
 * whoever adds a program; the loader, the self-test and their tests follow.
 */

/* How decision programs are attached. */
enum rein_file_flavour {
	REIN_FILE_NONE,
	REIN_FILE_LSM,	    /* where `bpf` is in lsm= */
	REIN_FILE_FMOD_RET, /* to the functions that call the hooks */
	REIN_FILE_FLAVOURS,
};

struct rein_file_hook {
	const char *name;    /* behind the slash of SEC(): "path_mkdir", "rw_verify_area" */
	const char *without; /* what passes unseen; ends the sentence "without it ..." */
	bool plain;	     /* fentry/, fexit/: a function of the kernel that is watched, and decides nothing */
	bool optional;	     /* kernels that lack it are covered by the other hooks: say which and since when */
};

/* Ends with a row without a name. */
extern const struct rein_file_hook rein_file_hooks[];

/* NULL: no such row. */
const struct rein_file_hook *rein_file_hook(const char *name);

/*
 * Parameters whose place differs among kernels, or between the LSM hook and the function that calls it. Their place
 * goes into a constant of the programs before they are loaded; 0xff where the function does not exist.
 */
struct rein_file_argument {
	const char *hook; /* as above; of a decision hook or of a plain function */
	const char *parameter;
	size_t constant; /* where in the skeleton's rodata the __u8 stands */
};

/* Ends with a row without a hook. */
extern const struct rein_file_argument rein_file_arguments[];

#define REIN_FILE_NO_ARGUMENT 0xff

#endif

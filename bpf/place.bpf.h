/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PLACE_BPF_H
#define REIN_PLACE_BPF_H

#include "kernel.bpf.h"

/*
 * Arguments whose place among a hook's differs between kernels, or between an LSM hook and the function that calls it.
 * The loader finds them in the kernel's BTF by their names and sets the constants; the verifier then drops the branches
 * that are not taken.
 */
#define PLACE_NONE 0xff /* this kernel does not have it */

/* Between 6.1 and 6.12: inode_setattr got the mount's idmap first; its caller had the user namespace there before. */
const volatile __u8 rein_setattr_dentry = 1;
const volatile __u8 rein_setattr_attr = 2;
/* The caller of mmap_file has no `reqprot`. */
const volatile __u8 rein_mmap_file_prot = 2;
const volatile __u8 rein_mmap_file_flags = 3;
/* 6.17: before, flags were set by ioctl only. */
const volatile __u8 rein_file_setattr_dentry = PLACE_NONE;

/* In assembly: a compiler would compute the address, and the verifier wants a context as it is. */
#define PLACE_CASE(number)                                                                    \
	case number:                                                                          \
		asm volatile("%0 = *(u64 *)(%1 + " #number " * 8)" : "=r"(value) : "r"(ctx)); \
		break;

static __always_inline __u64 place_read(const unsigned long long *ctx, __u8 place)
{
	__u64 value = 0;

	switch (place) {
		PLACE_CASE(0)
		PLACE_CASE(1)
		PLACE_CASE(2)
		PLACE_CASE(3)
	}
	return value;
}

#endif

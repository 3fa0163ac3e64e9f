/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_HARNESS_WRITERS_H
#define REIN_TESTS_HARNESS_WRITERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The ways by which a program can bring bytes into files, one function each, and a judge that looks at the files. A
 * writer has files of its own, never writes a place twice and never writes a zero, so that what got through is what
 * can be counted in the files, whoever wrote it and whatever a meter says.
 */

#define WRITER_OP_MAX (8U << 20)
#define WRITER_VICTIM (64LL << 20)
#define WRITER_RINGS 2

struct writer_ring;

struct writer {
	const char *folder;
	int number; /* tells its files from those of others in the folder */
	unsigned seed;
	int out, append, sync, direct; /* the same file: plain, O_APPEND, O_SYNC, O_DIRECT; -1 where there is none */
	int append_end;		       /* a file that only O_APPEND writes */
	int reserve;		       /* only its allocation counts */
	int victim;		       /* WRITER_VICTIM bytes of nothing that someone else made; -1: nobody did */
	int source;		       /* WRITER_OP_MAX bytes without a zero, on the same file system */
	int pipe[2];
	int made;	  /* files with a name of their own so far */
	off_t end;	  /* of what was tried in `out` */
	off_t reserved;	  /* of what was tried in `reserve` */
	off_t taken;	  /* of the victim, from its end */
	const char *data; /* WRITER_OP_MAX bytes without a zero */
	struct writer_ring *rings[WRITER_RINGS];
	unsigned long aio;
};

struct writer_way {
	const char *name;
	/* Tries to bring n bytes, 1 to WRITER_OP_MAX, into files. What is refused or unknown here is no failure. */
	void (*write)(struct writer *writer, size_t n);
};

extern const struct writer_way writer_calls[], writer_maps[], writer_queues[];
extern const size_t nr_writer_calls, nr_writer_maps, nr_writer_queues;

/* All ways in one row. */
size_t writer_ways(void);
const struct writer_way *writer_way(size_t index);

/* Makes the source file beside the folder, by someone who is not metered. False: no room for it. */
bool writer_source(const char *folder);
/* Makes a file, all holes, that the writer with this number finds: nobody was charged for its size. */
bool writer_victim(const char *folder, int number);
/* Opens what it needs, in the process that will write. False: it may not. Nothing is closed again: the process ends. */
bool writer_open(struct writer *writer, const char *folder, int number, unsigned seed);
/* Bytes that reached files of writers in the folder. */
uint64_t writers_judge(const char *folder);

/* ---- for the ways ---- */

/* A place in `out` where nobody wrote, at a multiple of `align`. */
off_t writer_place(struct writer *writer, size_t n, size_t align);
/* The next n bytes of the victim, from its end towards its beginning, page by page; -1: there are no more. */
off_t writer_victim_place(struct writer *writer, size_t n);
/* A new file of its own; -1: refused. */
int writer_new_file(struct writer *writer, int flags);
/* Throws away what is in the pipe. */
void writer_new_pipe(struct writer *writer);

#endif

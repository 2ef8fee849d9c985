/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All of the program in memory; see program.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "program.h"

#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define PROGRAM_RETRIES 100u /* of a call that a signal interrupted */

/* Populate the pages from `from` up to `to`. */
static int program_populate(uintptr_t from, uintptr_t to, int how)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	from = from / page * page;
	to = (to + page - 1) / page * page;
	for (unsigned i = 0; from < to && i < PROGRAM_RETRIES; i++) {
		if (madvise((void *)from, to - from, how) == 0)
			return 0;
		if (errno == EINVAL)
			return -ENOTSUP;
		if (errno != EINTR)
			return -ENOMEM;
	}
	return 0;
}

/* Where the part of an object ends that is not written to after it was loaded; 0: it has none. */
static uintptr_t program_relro_end(const struct dl_phdr_info *object)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];

		/* The last page is written to, unless all of it is of that part. */
		if (p->p_type == PT_GNU_RELRO)
			return (object->dlpi_addr + p->p_vaddr + p->p_memsz) / page * page;
	}
	return 0;
}

/* Of dl_iterate_phdr(); *arg: the first error. */
static int program_object(struct dl_phdr_info *object, size_t size, void *arg)
{
	uintptr_t relro_end = program_relro_end(object);
	int *first = arg;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum && *first == 0; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		uintptr_t from = object->dlpi_addr + p->p_vaddr, to = from + p->p_memsz;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_R))
			continue;
		*first = program_populate(from, to, MADV_POPULATE_READ);
		if (*first < 0 || !(p->p_flags & PF_W))
			continue;
		*first = program_populate(relro_end > from ? relro_end : from, to,
					  MADV_POPULATE_WRITE);
	}
	return *first;
}

int rzs_program_fill(void)
{
	int err = 0;

	(void)dl_iterate_phdr(program_object, &err);
	return err;
}

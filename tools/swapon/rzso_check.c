/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzso_check.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "rzso_check.h"
#include "rzso_header.h"
#include "rzst.h"
#include "rzst_signature.h"

/* What else than swap is there, or nothing at all. */
static int check_signature(const char *name, const struct rzst_signature *s)
{
	if (s->size == 0) {
		rzst_say("%s: its size is 0; attach or initialise the device first", name);
		return -EINVAL;
	}
	if (s->holds == RZST_HOLDS_OTHER) {
		rzst_say("%s: it holds %s%s: nothing was changed; swapping to it would destroy "
			 "that.  Name another, or leave the check out with -F",
			 name, s->what, s->ambivalent ? " and something else" : "");
		return -EINVAL;
	}
	if (s->holds == RZST_HOLDS_NOTHING) {
		rzst_say("%s: there is no swap header%s; mkswap(8) writes one, and what is stored "
			 "there is lost",
			 name, s->blank ? "" : ", but data of a kind that nobody knows");
		return s->blank ? -ENODATA : -EINVAL;
	}
	return 0;
}

/* It cannot be looked at: removed, or out of reach. */
static void say_unreadable(const char *name, const char *at, int err)
{
	enum rzst_swap_fault fault = err == -EIO ? RZST_SWAP_IO : RZST_SWAP_NO_FILE;
	char why[512];

	switch (-err) {
	case EIO:
	case ENOENT:
	case ENXIO:
	case ENODEV:
		rzst_say("%s: %s", name, rzst_swapon_why(fault, err, why, sizeof(why)));
		return;
	}
	if (rzst_signature_refuses(at, why, sizeof(why)) < 0)
		rzst_say("%s: %s", name, why);
	else
		rzst_say("%s: cannot be read: %s", name, strerror(-err));
}

/* at: name, below RZS_SYSROOT. */
static int check_contents(const char *name, const char *at)
{
	struct rzst_signature s;
	char why[256];
	int refused, err = rzst_signature_read(at, &s);

	rzst_tame(s.what);
	if (err == 0)
		err = check_signature(name, &s);
	else
		say_unreadable(name, at, err);
	if (err < 0 && err != -ENODATA)
		return err;
	refused = rzst_signature_refuses(at, why, sizeof(why));
	if (refused < 0)
		rzst_say("%s: %s; leave the check out with -F", name, why);
	return refused < 0 ? refused : err;
}

static int unsuspend(const struct rzso_options *o, const char *name)
{
	int err;

	rzst_say("%s: it holds the image of a suspended machine, which is of no use any more: the "
		 "signature %s swap again",
		 name, o->dry_run ? "would become that of" : "becomes that of");
	if (o->dry_run)
		return 0;
	err = rzso_header_unsuspend(name);
	if (err < 0)
		rzst_say("%s: cannot write the signature: %s", name, strerror(-err));
	return err;
}

static int fix_page_size(const struct rzso_options *o, const char *name, uint32_t is, uint32_t want)
{
	int err;

	if (!o->fix_page_size) {
		rzst_say("%s: its header is for pages of %u bytes, this machine has %u; --fixpgsz "
			 "writes another header, and what is stored there is lost",
			 name, is, want);
		return -EINVAL;
	}
	rzst_say("%s: its header is for pages of %u bytes: %s one for %u", name, is,
		 o->dry_run ? "it would get" : "it gets", want);
	if (o->dry_run)
		return 0;
	err = rzso_header_reinitialise(name, want);
	if (err == -EINVAL)
		rzst_say("%s: too small for swap, or too large", name);
	else if (err < 0)
		rzst_say("%s: cannot write the header: %s", name, strerror(-err));
	return err;
}

int rzso_check_area(const struct rzso_options *o, const char *name)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	char at[RZST_PATH_MAX];
	struct rzst_header h;
	int err = rzst_path(at, sizeof(at), name);

	if (err == 0 && !o->unchecked)
		err = check_contents(name, at);
	if (err < 0)
		return err;
	err = rzso_header_read(name, &h);
	if (err < 0) {
		/* The kernel says it better. */
		return o->unchecked ? 0 : rzst_fail(err, "%s: %s", name, strerror(-err));
	}
	if (h.page_size && h.page_size != page && !h.suspended)
		err = fix_page_size(o, name, h.page_size, page);
	else if (h.suspended)
		err = unsuspend(o, name);
	return err;
}

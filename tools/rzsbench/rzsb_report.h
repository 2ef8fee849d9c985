/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The results of "rzsbench pages" as one self-contained HTML page.  Threading: one thread.
 *
 * Circle: rzsb_pages is both the command that asks for this page and the results shown on it.
 */
#ifndef RZSB_REPORT_H
#define RZSB_REPORT_H

#include "rzsb_pages.h"

/*
 * Whether it can be written: gnuplot works, and at path is nothing or an earlier report.  0 or a
 * negative errno, with a message.
 */
int rzsb_report_check(const char *path);

/*
 * Write it.  At any moment path is the old report or the complete new one.  No other file or device
 * is replaced.  0 or a negative errno, with a message.
 */
int rzsb_report_write(const struct rzsb_pages *p, const char *path);

/* The plots (rzsb_report_plots.c): <svg> elements, which the caller frees; NULL with a message. */
char *rzsb_draw_sizes(const struct rzsb_pages *p, unsigned method);
char *rzsb_draw_speeds(const struct rzsb_pages *p);
char *rzsb_draw_ram(const struct rzsb_pages *p);
/* MiB a second, from the time for 4 KiB. */
double rzsb_speed(double ns);
/* Whether any method has a speed, which rzsb_draw_speeds() needs. */
bool rzsb_has_speeds(const struct rzsb_pages *p);

#endif

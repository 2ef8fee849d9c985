/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "rzsbench pages" found out as a page of HTML that needs nothing but itself.
 *
 * Circle: rzsb_pages is both the command that asks for this page and the results shown on it.
 */
#ifndef RZSB_REPORT_H
#define RZSB_REPORT_H

#include "rzsb_pages.h"

/*
 * Whether it can be made: gnuplot, a place to write where nothing is or an earlier report.  0, or a
 * negative errno with a message.
 */
int rzsb_report_check(const char *path);

/*
 * Write it; path is the old report or the whole new one at any moment, and no other file or device
 * is replaced.  0, or a negative errno with a message.
 */
int rzsb_report_write(const struct rzsb_pages *p, const char *path);

/* The drawings (rzsb_report_plots.c), <svg> elements the caller frees; NULL with a message. */
char *rzsb_draw_sizes(const struct rzsb_pages *p, unsigned method);
char *rzsb_draw_speeds(const struct rzsb_pages *p);
char *rzsb_draw_ram(const struct rzsb_pages *p);
/* MiB a second on one processor, of the time for 4 KiB. */
double rzsb_speed(double ns);
/* Whether there is any, without which rzsb_draw_speeds() has nothing to draw. */
bool rzsb_has_speeds(const struct rzsb_pages *p);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rzsf_progress.h. */
#include "rzsf_progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PAGE	      4096u
#define COLUMNS	      80u /* of a terminal that does not say */
#define COLUMNS_MOST  200u
#define BAR_LEAST     10u
#define BAR_MOST      40u
#define SECONDS_KNOWN 359999u /* 99:59:59 */

static void put_time(uint64_t seconds, char out[16])
{
	if (seconds > SECONDS_KNOWN)
		snprintf(out, 16, "long");
	else if (seconds >= 3600)
		snprintf(out, 16, "%u:%02u:%02u", (unsigned)(seconds / 3600),
			 (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
	else
		snprintf(out, 16, "%u:%02u", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
}

/* "1024 pages left, 256 pages/s, 0:04 left"; nothing is known of the time before a page is back. */
static void put_numbers(const struct rzsf_progress *p, char *out, size_t size)
{
	uint64_t left = p->left / PAGE;
	uint64_t back = p->at_start > p->left ? (p->at_start - p->left) / PAGE : 0;
	double rate = p->elapsed_ms > 0 ? (double)back * 1000 / (double)p->elapsed_ms : 0;
	double seconds = rate > 0 ? (double)left / rate : 0;
	char time[16];
	size_t n = (size_t)snprintf(out, size, "%llu pages left, %.0f pages/s",
				    (unsigned long long)left, rate);

	if (rate <= 0 || n >= size)
		return;
	put_time(seconds < SECONDS_KNOWN ? (uint64_t)(seconds + 0.5) : SECONDS_KNOWN + 1, time);
	snprintf(out + n, size - n, ", %s left", time);
}

static unsigned percent_of(const struct rzsf_progress *p)
{
	if (p->left >= p->at_start)
		return p->at_start ? 0 : 100;
	return (unsigned)((double)(p->at_start - p->left) * 100 / (double)p->at_start);
}

const char *rzsf_progress_text(const struct rzsf_progress *p, unsigned columns, char *out,
			       size_t size)
{
	unsigned percent = percent_of(p), room, bar, full;
	char numbers[96], cells[BAR_MOST + 1];

	put_numbers(p, numbers, sizeof(numbers));
	room = (unsigned)(strlen(p->name) + strlen(numbers)) + 12;
	bar = columns > room ? columns - room : 0;
	if (bar > BAR_MOST)
		bar = BAR_MOST;
	if (bar < BAR_LEAST) {
		snprintf(out, size, "%s: %3u %%  %s", p->name, percent, numbers);
	} else {
		full = bar * percent / 100;
		memset(cells, '#', full);
		memset(cells + full, '-', bar - full);
		cells[bar] = '\0';
		snprintf(out, size, "%s [%s] %3u %%  %s", p->name, cells, percent, numbers);
	}
	if (columns && strlen(out) >= columns)
		out[columns - 1] = '\0';
	return out;
}

unsigned rzsf_progress_columns(void)
{
	struct winsize w;

	if (!isatty(STDERR_FILENO))
		return 0;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0)
		return COLUMNS;
	return w.ws_col < COLUMNS_MOST ? w.ws_col : COLUMNS_MOST;
}

void rzsf_progress_draw(const struct rzsf_progress *p, unsigned columns)
{
	char text[512];

	fprintf(stderr, "\r%s\033[K", rzsf_progress_text(p, columns, text, sizeof(text)));
	fflush(stderr);
}

void rzsf_progress_wipe(void)
{
	fputs("\r\033[K", stderr);
	fflush(stderr);
}

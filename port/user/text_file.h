/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small files of text, such as those in /proc.
 *
 * Threading: any thread that may read and write files.  Allocates nothing.
 */
#ifndef RZS_TEXT_FILE_H
#define RZS_TEXT_FILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Read the first size - 1 bytes of a file as a string, without a newline at the end.  false, and an
 * empty string: the file is empty or cannot be read.
 */
bool rzs_text_file_read(const char *path, char *out, size_t size);

/* Write text to a file that exists.  0 or a negative errno. */
int rzs_text_file_write(const char *path, const char *text);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sizes as expressions; see size_expr.h.
 *
 * A recursive descent parser that computes while it parses.  Values are fractions of 64-bit numbers
 * in lowest terms, so ram / 3 * 3 is ram and 100M * 29% is 29M; floating point would miss both by a
 * byte, and thereby by a page.  Each value has a kind, and a combination that makes no sense, such
 * as a size times a size, is refused.
 */
#include "size_expr.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "size.h"

#define EXPR_DEPTH_MAX	16 /* nested parentheses */
#define EXPR_DIGITS_MAX 6  /* after the point */
#define EXPR_MIB	(1 << 20)

enum expr_kind {
	EXPR_NUMBER, /* without suffix: a factor, or a size in expr.unit */
	EXPR_BYTES,
	EXPR_PERCENT, /* a share of the left operand, or of ram */
};

struct expr_value {
	int64_t num, den; /* den > 0; no common divisor */
	enum expr_kind kind;
};

struct expr {
	const char *p; /* the next character */
	int64_t ram;   /* bytes, 0: not known */
	int64_t unit;  /* bytes, of a number without suffix */
	unsigned depth;
	int err; /* of the first fault, which ends parsing */
	struct rzs_size_fault fault;
};

static void expr_fail(struct expr *e, int err, const char *what, const char *at)
{
	if (e->err)
		return;
	e->err = err;
	e->fault.what = what;
	e->fault.at = at;
}

static int64_t expr_gcd(int64_t a, int64_t b)
{
	while (b) {
		int64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a < 0 ? -a : a;
}

static void expr_too_large(struct expr *e, const char *at)
{
	expr_fail(e, -ERANGE, "too large a number, or too fine a fraction", at);
}

/* a * num / den; num and den have no common divisor. */
static struct expr_value expr_scale(struct expr *e, struct expr_value a, int64_t num, int64_t den,
				    const char *at)
{
	int64_t left = expr_gcd(a.num, den), right = expr_gcd(num, a.den);

	if (left > 1) {
		a.num /= left;
		den /= left;
	}
	if (right > 1) {
		num /= right;
		a.den /= right;
	}
	if (__builtin_mul_overflow(a.num, num, &a.num) ||
	    __builtin_mul_overflow(a.den, den, &a.den) || a.num == INT64_MIN ||
	    a.den == INT64_MIN) {
		expr_too_large(e, at);
		return (struct expr_value){0, 1, a.kind};
	}
	if (a.den < 0) {
		a.den = -a.den;
		a.num = -a.num;
	}
	return a;
}

/* Convert a number or percentage to bytes. */
static struct expr_value expr_bytes(struct expr *e, struct expr_value a, const char *at)
{
	if (a.kind == EXPR_NUMBER)
		a = expr_scale(e, a, e->unit, 1, at);
	if (a.kind == EXPR_PERCENT && e->ram == 0)
		expr_fail(e, -EINVAL, "this system does not say how much RAM it has", at);
	if (a.kind == EXPR_PERCENT) {
		a = expr_scale(e, a, 1, 100, at);
		a = expr_scale(e, a, e->ram, 1, at);
	}
	a.kind = EXPR_BYTES;
	return a;
}

/* Convert two values to one kind, to add or compare them. */
static void expr_match(struct expr *e, struct expr_value *a, struct expr_value *b, const char *at)
{
	if (a->kind == b->kind)
		return;
	*a = expr_bytes(e, *a, at);
	*b = expr_bytes(e, *b, at);
}

/* a + sign * b, both of one kind. */
static struct expr_value expr_sum(struct expr *e, struct expr_value a, struct expr_value b,
				  int sign, const char *at)
{
	int64_t common = expr_gcd(a.den, b.den), left, right, num, den;

	if (__builtin_mul_overflow(a.num, b.den / common, &left) ||
	    __builtin_mul_overflow(b.num, sign * (a.den / common), &right) ||
	    __builtin_add_overflow(left, right, &num) ||
	    __builtin_mul_overflow(a.den, b.den / common, &den) || num == INT64_MIN) {
		expr_too_large(e, at);
		return (struct expr_value){0, 1, a.kind};
	}
	common = expr_gcd(num, den);
	return (struct expr_value){num / common, den / common, a.kind};
}

static struct expr_value expr_product(struct expr *e, struct expr_value a, struct expr_value b,
				      const char *at)
{
	if (a.kind == EXPR_BYTES && b.kind == EXPR_BYTES)
		expr_fail(e, -EINVAL, "a size times a size is not a size", at);
	if (b.kind == EXPR_PERCENT) {
		b = expr_scale(e, b, 1, 100, at);
	} else if (b.kind == EXPR_BYTES) {
		if (a.kind == EXPR_PERCENT)
			a = expr_scale(e, a, 1, 100, at);
		a.kind = EXPR_BYTES;
	}
	return expr_scale(e, a, b.num, b.den, at);
}

static struct expr_value expr_quotient(struct expr *e, struct expr_value a, struct expr_value b,
				       const char *at)
{
	if (b.kind == EXPR_PERCENT || (b.kind == EXPR_BYTES && a.kind != EXPR_BYTES)) {
		expr_fail(e, -EINVAL,
			  "only a size can be divided by a size, and nothing by a percentage", at);
		return a;
	}
	if (b.num == 0) {
		expr_fail(e, -ERANGE, "divided by zero", at);
		return a;
	}
	if (b.kind == EXPR_BYTES)
		a.kind = EXPR_NUMBER;
	return expr_scale(e, a, b.den, b.num, at);
}

/* The smaller of two values, or the larger. */
static struct expr_value expr_choose(struct expr *e, struct expr_value a, struct expr_value b,
				     bool larger, const char *at)
{
	expr_match(e, &a, &b, at);
	return (expr_sum(e, a, b, -1, at).num < 0) == larger ? b : a;
}

/* Skip white space.  Returns what comes next. */
static const char *expr_here(struct expr *e)
{
	while (*e->p == ' ' || *e->p == '\t')
		e->p++;
	return e->p;
}

/* Whether c is next; if so, skip it.  After a fault always false. */
static bool expr_next(struct expr *e, char c)
{
	if (e->err || *expr_here(e) != c)
		return false;
	e->p++;
	return true;
}

static bool expr_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool expr_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Read digits into v; fraction: those after the point.  Returns their number. */
static unsigned expr_digits(struct expr *e, struct expr_value *v, bool fraction)
{
	const char *start = e->p;

	for (; expr_is_digit(*e->p); e->p++) {
		if (fraction && e->p - start == EXPR_DIGITS_MAX)
			expr_fail(e, -EINVAL, "more than 6 digits after the point", start);
		if (e->err)
			break;
		if (__builtin_mul_overflow(v->num, 10, &v->num) ||
		    __builtin_add_overflow(v->num, *e->p - '0', &v->num) ||
		    (fraction && __builtin_mul_overflow(v->den, 10, &v->den))) {
			expr_too_large(e, start);
			*v = (struct expr_value){0, 1, EXPR_NUMBER};
		}
	}
	return (unsigned)(e->p - start);
}

/* Digits, optionally a point and digits, optionally % or a suffix; no white space. */
static struct expr_value expr_number(struct expr *e)
{
	struct expr_value v = {0, 1, EXPR_NUMBER};
	const char *start = e->p, *suffix;
	unsigned shift;
	int64_t common;

	expr_digits(e, &v, false);
	if (*e->p == '.') {
		e->p++;
		if (expr_digits(e, &v, true) == 0)
			expr_fail(e, -EINVAL, "expected digits", e->p);
	}
	common = expr_gcd(v.num, v.den);
	v.num /= common;
	v.den /= common;
	suffix = e->p;
	if (*suffix == '%') {
		e->p++;
		v.kind = EXPR_PERCENT;
		return v;
	}
	shift = rzs_size_suffix(&e->p);
	if (e->p == suffix)
		return v;
	v = expr_scale(e, v, (int64_t)1 << shift, 1, start);
	v.kind = EXPR_BYTES;
	return v;
}

static struct expr_value expr_whole(struct expr *e);

/* From after ( to after its ): one expression; with several, the smallest or largest of a list. */
static struct expr_value expr_inside(struct expr *e, bool several, bool larger)
{
	const char *at = e->p;
	struct expr_value v = {0, 1, EXPR_NUMBER};

	if (++e->depth > EXPR_DEPTH_MAX)
		expr_fail(e, -EINVAL, "parentheses are nested too deeply", at);
	if (!e->err)
		v = expr_whole(e);
	for (at = expr_here(e); several && expr_next(e, ','); at = expr_here(e))
		v = expr_choose(e, v, expr_whole(e), larger, at);
	if (!expr_next(e, ')'))
		expr_fail(e, -EINVAL,
			  several ? "expected an operator, a comma or )"
				  : "expected an operator or )",
			  e->p);
	e->depth--;
	return v;
}

/* A number, ram, a function, or an expression in parentheses. */
static struct expr_value expr_factor(struct expr *e)
{
	struct expr_value v = {0, 1, EXPR_NUMBER};
	const char *word;
	size_t len = 0;

	if (expr_next(e, '('))
		return expr_inside(e, false, false);
	word = e->p;
	if (e->err || expr_is_digit(*word))
		return e->err ? v : expr_number(e);
	while (expr_is_letter(word[len]))
		len++;
	if (len == 3 && strncmp(word, "ram", len) == 0) {
		e->p += len;
		if (e->ram == 0)
			expr_fail(e, -EINVAL, "this system does not say how much RAM it has", word);
		return (struct expr_value){e->ram, 1, EXPR_BYTES};
	}
	if (len == 3 && (strncmp(word, "min", len) == 0 || strncmp(word, "max", len) == 0)) {
		e->p += len;
		if (expr_next(e, '('))
			return expr_inside(e, true, word[1] == 'a');
		expr_fail(e, -EINVAL, "expected (", e->p);
	}
	expr_fail(e, -EINVAL, "expected a number, ram, min(, max( or (", word);
	return v;
}

static struct expr_value expr_term(struct expr *e)
{
	struct expr_value v = expr_factor(e);

	for (;;) {
		const char *at = expr_here(e);

		if (expr_next(e, '*'))
			v = expr_product(e, v, expr_factor(e), at);
		else if (expr_next(e, '/'))
			v = expr_quotient(e, v, expr_factor(e), at);
		else
			return v;
	}
}

static struct expr_value expr_whole(struct expr *e)
{
	struct expr_value v = expr_term(e);

	for (;;) {
		const char *at = expr_here(e);
		struct expr_value w;
		int sign = 1;

		if (expr_next(e, '-'))
			sign = -1;
		else if (!expr_next(e, '+'))
			return v;
		w = expr_term(e);
		expr_match(e, &v, &w, at);
		v = expr_sum(e, v, w, sign, at);
	}
}

/* Whether the text contains a percentage or a word: then bare numbers are MiB. */
static bool expr_has_ram(const char *text)
{
	const char *p;

	for (p = text; *p; p++) {
		if (*p == '%')
			return true;
		if (expr_is_letter(*p) && (p == text || (!expr_is_digit(p[-1]) &&
							 !expr_is_letter(p[-1]) && p[-1] != '.')))
			return true;
	}
	return false;
}

bool rzs_size_is_bare(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && text[digits] == '\0';
}

bool rzs_size_is_exact(const char *text)
{
	return !expr_has_ram(text) && !strpbrk(text, "./");
}

/* Whether text looks like an expression.  A leading - alone makes it a bad number. */
static bool expr_is_meant(const char *text)
{
	if (*text == '-')
		text++;
	return strpbrk(text, "()+-*/,. \t") || strstr(text, "ram");
}

int rzs_size_eval(const char *text, uint64_t ram, uint64_t *out, struct rzs_size_fault *fault)
{
	struct expr e = {.p = text, .unit = expr_has_ram(text) ? EXPR_MIB : 1};
	struct expr_value v;
	int err;

	fault->at = NULL;
	err = rzs_size_parse(text, ram, out, &fault->what);
	if (err == 0 || !expr_is_meant(text))
		return err;
	e.ram = ram <= INT64_MAX ? (int64_t)ram : INT64_MAX;
	v = expr_whole(&e);
	if (*expr_here(&e))
		expr_fail(&e, -EINVAL, "expected an operator", e.p);
	v = expr_bytes(&e, v, text);
	if (v.num < 0)
		expr_fail(&e, -ERANGE, "the result is less than zero", NULL);
	*fault = e.fault;
	*out = e.err ? 0 : (uint64_t)(v.num / v.den);
	return e.err;
}

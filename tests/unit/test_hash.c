/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checksum of objects: the vectors that are published with wyhash, on machines with products of
 * 128 bits and without, and that no flipped bit goes unseen.
 */
#include "hash.h"
#include "t.h"

#undef __SIZEOF_INT128__
#undef RZS_HASH_H
#define rzs_wy_multiply narrow_multiply
#define rzs_wy_mix	narrow_mix
#define rzs_wy_short	narrow_short
#define rzs_hash64	narrow_hash64
#include "hash.h"
#undef rzs_wy_multiply
#undef rzs_wy_mix
#undef rzs_wy_short
#undef rzs_hash64

static const struct {
	const char *text;
	uint64_t hash; /* its seed is its place here */
} vectors[] = {
	{"", 0x0409638ee2bde459},
	{"a", 0xa8412d091b5fe0a9},
	{"abc", 0x32dd92e4b2915153},
	{"message digest", 0x8619124089a3a16b},
	{"abcdefghijklmnopqrstuvwxyz", 0x7a43afb61d7f5f40},
	{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 0xff42329b90e50d58},
	{"1234567890123456789012345678901234567890"
	 "1234567890123456789012345678901234567890",
	 0xc39cab13b115aad3},
};

#define NR_VECTORS (sizeof(vectors) / sizeof(vectors[0]))

T_TEST(the_published_vectors)
{
	for (size_t i = 0; i < NR_VECTORS; i++)
		T_EQ(rzs_hash64(vectors[i].text, strlen(vectors[i].text), i), vectors[i].hash);
}

T_TEST(the_published_vectors_in_narrow_products)
{
	for (size_t i = 0; i < NR_VECTORS; i++)
		T_EQ(narrow_hash64(vectors[i].text, strlen(vectors[i].text), i), vectors[i].hash);
}

/* Both ways to multiply, on factors with all and with few bits. */
T_TEST(products_agree)
{
	uint64_t state = t_seed();

	for (unsigned i = 0; i < 100000; i++) {
		uint64_t a = t_rand(&state), b = t_rand(&state), c, d;

		if (i % 3 == 0)
			a |= ~0ull << i % 64;
		if (i % 5 == 0)
			b |= ~0ull >> i % 64;
		c = a;
		d = b;
		narrow_multiply(&a, &b);
		rzs_wy_multiply(&c, &d);
		T_EQ(a, c);
		T_EQ(b, d);
	}
}

/* Of every length's every bit, in the half of the hash that is kept. */
T_TEST(every_flipped_bit_shows)
{
	uint64_t state = t_seed();
	uint8_t bytes[200];

	for (size_t n = 1; n <= sizeof(bytes); n++) {
		uint32_t sum;

		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)t_rand(&state);
		sum = (uint32_t)rzs_hash64(bytes, n, 0);
		for (size_t bit = 0; bit < 8 * n; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			T_NE((uint32_t)rzs_hash64(bytes, n, 0), sum);
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Atomics, locks and waiting for the ports to Linux processes (port/user and port/test).
 * port/CONTRACT describes the functions without "sync" in their names.
 *
 * A lock is one futex word: 0: free; 1: held; 2: held, and some thread may sleep on it.  A waiter
 * spins for a few microseconds at most, and then sleeps.  If a real-time thread spun without end,
 * the holder of the lock could never run on its CPU.  Neither side allocates memory, in the process
 * or in the kernel (its futex hash exists already).
 *
 * A port may define RZS_SYNC_YIELD() before it includes this, to make races between threads likely.
 */
#ifndef RZS_PORT_SYNC_H
#define RZS_PORT_SYNC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RZS_SYNC_YIELD
#define RZS_SYNC_YIELD() ((void)0)
#endif

/* Spins before sleeping: longer than a copy of a few KiB, far shorter than a scheduler tick. */
#define RZS_SYNC_SPINS 100u

/* Which way a branch goes as a rule. */
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

struct rzs_lock_word {
	uint32_t word;
};
typedef struct rzs_lock_word rzs_lock_t;

static inline void rzs_sync_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ __volatile__("yield" ::: "memory");
#else
	__asm__ __volatile__("" ::: "memory");
#endif
}

/*
 * The number of the system call depends on the size of its timeout.  Where a long has 32 bits,
 * futex takes seconds of 32 bits and futex_time64 (since Linux 5.1) seconds of 64, whatever time_t
 * is here.  The newest of these machines have only futex_time64.
 */
#ifdef SYS_futex
#define RZS_SYNC_FUTEX SYS_futex
#else
#define RZS_SYNC_FUTEX SYS_futex_time64
#endif

struct rzs_sync_old_timespec {
	long sec, nsec;
};

/* Sleep while *word is val.  timeout: relative, or NULL for none.  May return early. */
static inline void rzs_sync_futex_wait(const uint32_t *word, uint32_t val,
				       const struct timespec *timeout)
{
#if defined(SYS_futex) && defined(SYS_futex_time64)
	struct rzs_sync_old_timespec old;

	if (timeout && sizeof(timeout->tv_sec) > sizeof(old.sec)) {
		if (!syscall(SYS_futex_time64, word, FUTEX_WAIT_PRIVATE, val, timeout, NULL, 0) ||
		    errno != ENOSYS)
			return;
		old.sec = (long)timeout->tv_sec;
		old.nsec = (long)timeout->tv_nsec;
		(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, val, &old, NULL, 0);
		return;
	}
#endif
	(void)syscall(RZS_SYNC_FUTEX, word, FUTEX_WAIT_PRIVATE, val, timeout, NULL, 0);
}

static inline void rzs_sync_futex_wake(const uint32_t *word, int nr)
{
	(void)syscall(RZS_SYNC_FUTEX, word, FUTEX_WAKE_PRIVATE, nr, NULL, NULL, 0);
}

/* Locks */

static inline void rzs_lock_init(rzs_lock_t *l)
{
	__atomic_store_n(&l->word, 0, __ATOMIC_RELAXED);
}

static inline bool rzs_trylock(rzs_lock_t *l)
{
	uint32_t seen = 0;

	return __atomic_compare_exchange_n(&l->word, &seen, 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static __attribute__((noinline, unused)) void rzs_sync_lock_slow(rzs_lock_t *l)
{
	for (unsigned i = 0; i < RZS_SYNC_SPINS; i++) {
		uint32_t seen = __atomic_load_n(&l->word, __ATOMIC_RELAXED);

		if (seen == 0 && rzs_trylock(l))
			return;
		if (seen == 2) /* others sleep already, so the wait is long */
			break;
		rzs_sync_relax();
	}
	while (__atomic_exchange_n(&l->word, 2, __ATOMIC_ACQUIRE) != 0)
		rzs_sync_futex_wait(&l->word, 2, NULL);
}

static inline void rzs_lock(rzs_lock_t *l)
{
	RZS_SYNC_YIELD();
	if (!rzs_trylock(l))
		rzs_sync_lock_slow(l);
	RZS_SYNC_YIELD();
}

static inline void rzs_unlock(rzs_lock_t *l)
{
	RZS_SYNC_YIELD();
	if (__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) == 2)
		rzs_sync_futex_wake(&l->word, 1);
}

/* Mutexes: in a process, locks can be held for long. */

typedef rzs_lock_t rzs_mutex_t;

static inline void rzs_mutex_init(rzs_mutex_t *m)
{
	rzs_lock_init(m);
}

static inline bool rzs_mutex_trylock(rzs_mutex_t *m)
{
	return rzs_trylock(m);
}

static inline void rzs_mutex_lock(rzs_mutex_t *m)
{
	rzs_lock(m);
}

static inline void rzs_mutex_unlock(rzs_mutex_t *m)
{
	rzs_unlock(m);
}

/* Atomics */

static inline uint64_t rzs_load(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline uint64_t rzs_load_relaxed(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline void rzs_set(uint64_t *p, uint64_t v)
{
	RZS_SYNC_YIELD();
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline bool rzs_cas(uint64_t *p, uint64_t *seen, uint64_t v)
{
	RZS_SYNC_YIELD();
	return __atomic_compare_exchange_n(p, seen, v, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static inline void rzs_add(uint64_t *p, uint64_t v)
{
	(void)__atomic_fetch_add(p, v, __ATOMIC_RELAXED);
}

static inline uint32_t rzs_load32(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void rzs_set32(uint32_t *p, uint32_t v)
{
	RZS_SYNC_YIELD();
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline bool rzs_cas32(uint32_t *p, uint32_t *seen, uint32_t v)
{
	RZS_SYNC_YIELD();
	return __atomic_compare_exchange_n(p, seen, v, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Waiting on a word */

/* The futex is the low half of the word, as in (uint32_t)*p. */
static inline const uint32_t *rzs_sync_low_half(const uint64_t *p)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return (const uint32_t *)(const void *)p + 1;
#else
	return (const uint32_t *)(const void *)p;
#endif
}

static inline void rzs_wait(uint64_t *p, uint64_t seen)
{
	for (unsigned i = 0; i < RZS_SYNC_SPINS; i++) {
		if ((uint32_t)rzs_load_relaxed(p) != (uint32_t)seen)
			return;
		rzs_sync_relax();
	}
	rzs_sync_futex_wait(rzs_sync_low_half(p), (uint32_t)seen, NULL);
}

static inline void rzs_wake(uint64_t *p)
{
	rzs_sync_futex_wake(rzs_sync_low_half(p), INT32_MAX);
}

#endif

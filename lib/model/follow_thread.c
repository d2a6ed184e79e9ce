/* SPDX-License-Identifier: MIT */
/*
 * The thread that copies rings: see follow_copy.h.
 *
 * It sleeps most of the time and is done in some microseconds each time, so it may go before
 * others: real-time where that is permitted, else as far as it is.
 *
 * A processor that has nothing to do is halted, and that of a virtual machine may be milliseconds
 * late to wake up: the time in which a ring is filled at five million events a second.  So
 * while rings are filled fast another thread keeps the processor of the first from being halted, in
 * time that nobody else wants (SCHED_IDLE).
 */
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "model/clock.h"
#include "model/follow_copy.h"

/* How much of a ring is to be filled from a pass to the next: an eighth. */
#define SHARE 8u
#define PAUSE_LEAST_NS 50000u
#define PAUSE_MOST_NS 1000000u
/* Rings that were filled fast may be again. */
#define HASTY_NS 100000000u

/* ---- The waker ------------------------------------------------------------------------ */

/* Moves this thread to CPU; where that may not be it stays where it is. */
static void follow_cpu(int cpu)
{
	cpu_set_t set;

	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getcpu() == cpu)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static void *stay_awake(void *arg)
{
	struct copier *copier = arg;
	struct sched_param param = {0};

	if (pthread_setschedparam(pthread_self(), SCHED_IDLE, &param) != 0)
		return NULL;
	while (!atomic_load(&copier->is_stopping)) {
		if (!atomic_load(&copier->is_hasty))
			sem_wait(&copier->hurry);
		follow_cpu(atomic_load(&copier->cpu));
		for (int i = 0; i < 1000; i++)
			atomic_signal_fence(memory_order_seq_cst);
	}
	return NULL;
}

/* Notes whether rings are filled fast; UNTIL_NS: as long as they are taken for that. */
static void note_haste(struct copier *copier, bool is_hasty, uint64_t *until_ns)
{
	uint64_t now = clock_now_ns();

	atomic_store(&copier->cpu, sched_getcpu());
	if (is_hasty)
		*until_ns = now + HASTY_NS;
	if (now >= *until_ns)
		atomic_store(&copier->is_hasty, false);
	else if (!atomic_exchange(&copier->is_hasty, true) && copier->has_waker)
		sem_post(&copier->hurry);
}

/* ---- Copying -------------------------------------------------------------------------- */

/* The greatest part of a ring that was filled since the last time, in 2^-20. */
static uint64_t most_filled(struct copier *copier, uint64_t *before)
{
	const struct region_header *header = live_header(copier->live);
	uint64_t most = 0;

	for (uint32_t i = 0; i < copier->nrings; i++) {
		uint64_t now = copier->rings[i].copied, fresh = now - before[i];

		if (header->ring[i].size == 0)
			continue;
		fresh = fresh < header->ring[i].size ? fresh : header->ring[i].size;
		if ((fresh << 20) / header->ring[i].size > most)
			most = (fresh << 20) / header->ring[i].size;
		before[i] = now;
	}
	return most;
}

/* As long as it takes to fill the share at the rate of the last TOOK nanoseconds. */
static uint64_t pause_for(uint64_t filled, uint64_t took)
{
	uint64_t pause = PAUSE_MOST_NS;

	if (filled > 0 && took < (uint64_t)1 << 40)
		pause = (took << 20) / SHARE / filled;
	if (pause < PAUSE_LEAST_NS)
		return PAUSE_LEAST_NS;
	return pause < PAUSE_MOST_NS ? pause : PAUSE_MOST_NS;
}

static void *copy_on(void *arg)
{
	struct copier *copier = arg;
	uint64_t before[REGION_RINGS] = {0}, last = clock_now_ns(), hasty_until = 0;

	if (sched_getscheduler(0) != SCHED_RR)
		(void)setpriority(PRIO_PROCESS, 0, -10); /* of the thread; it need not be allowed */
	while (!atomic_load(&copier->is_stopping)) {
		uint64_t now = clock_now_ns(), pause;

		copier_pass(copier);
		pause = pause_for(most_filled(copier, before), now - last);
		last = now;
		note_haste(copier, pause < PAUSE_MOST_NS, &hasty_until);
		nanosleep(&(struct timespec){0, (long)pause}, NULL);
	}
	return NULL;
}

/* ---- Both ----------------------------------------------------------------------------- */

/* Starts the thread that copies in front of all others, if that is permitted. */
static bool start_first(struct copier *copier)
{
	struct sched_param param = {.sched_priority = sched_get_priority_min(SCHED_RR)};
	pthread_attr_t attributes;
	bool is_first;

	pthread_attr_init(&attributes);
	pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attributes, SCHED_RR);
	pthread_attr_setschedparam(&attributes, &param);
	is_first = pthread_create(&copier->thread, &attributes, copy_on, copier) == 0;
	pthread_attr_destroy(&attributes);
	return is_first || pthread_create(&copier->thread, NULL, copy_on, copier) == 0;
}

bool copier_start(struct copier *copier)
{
	sigset_t all, was;

	if (copier->has_thread)
		return true;
	atomic_store(&copier->is_stopping, false);
	sem_init(&copier->hurry, 0, 0);
	/* Signals are for those who wait for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &was);
	copier->has_waker = pthread_create(&copier->waker, NULL, stay_awake, copier) == 0;
	copier->has_thread = start_first(copier);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (!copier->has_thread)
		copier_stop(copier);
	return copier->has_thread;
}

void copier_stop(struct copier *copier)
{
	if (!copier->has_thread && !copier->has_waker)
		return;
	atomic_store(&copier->is_stopping, true);
	sem_post(&copier->hurry);
	if (copier->has_thread)
		pthread_join(copier->thread, NULL);
	if (copier->has_waker)
		pthread_join(copier->waker, NULL);
	copier->has_thread = copier->has_waker = false;
	sem_destroy(&copier->hurry);
}

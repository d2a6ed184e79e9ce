/* SPDX-License-Identifier: MIT */
/* The tracepoint of the peer `lttng`: what an event of memctx's ring holds, two words. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER memctx_bench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "bench/lttng/event.h"

#if !defined(BENCH_LTTNG_EVENT_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define BENCH_LTTNG_EVENT_H

#include <lttng/tracepoint.h>

LTTNG_UST_TRACEPOINT_EVENT(memctx_bench, event, LTTNG_UST_TP_ARGS(uint64_t, word, uint64_t, what),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(uint64_t, word, word)
			lttng_ust_field_integer(uint64_t, what, what)))

#endif

#include <lttng/tracepoint-event.h>

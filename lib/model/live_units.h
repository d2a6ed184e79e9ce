/* SPDX-License-Identifier: MIT */
/*
 * Copying units of a live process's region, a run of them at a time.
 *
 * They are read in the order records, names, slots, records again: a context whose record changed
 * meanwhile is none.
 */
#ifndef MEMCTX_MODEL_LIVE_UNITS_H
#define MEMCTX_MODEL_LIVE_UNITS_H

#include "model/live.h"
#include "region_fine.h"

#define LIVE_UNIT_BYTES sizeof(struct region_names)
#define LIVE_UNITS 256u

_Static_assert(LIVE_UNIT_BYTES == 256, "a unit is as large as its names");

/* A structure of the region in the room that it has there. */
#define LIVE_IN_UNIT(type)                                                                         \
	union {                                                                                    \
		struct type it;                                                                    \
		char room[LIVE_UNIT_BYTES];                                                        \
	}

/* A run of units of one bank, small enough to stay in the processor's cache. */
struct live_units {
	uint32_t n;
	LIVE_IN_UNIT(region_record) records[LIVE_UNITS], again[LIVE_UNITS];
	LIVE_IN_UNIT(region_names) names[LIVE_UNITS];
	LIVE_IN_UNIT(region_slot) slots[LIVE_UNITS];
};

/*
 * Reads the units from UNIT on: at most MOST, and no more than there is room for, nor than its bank
 * has.  UNIT is below the banks' end.  False: they are not to be had.
 */
bool live_units_read(
	const struct live *live, uint32_t unit, uint32_t most, struct live_units *units);

/* The record of the context in unit I, whose names are ended then; NULL: there is none. */
const struct region_record *live_units_context(struct live_units *units, uint32_t i);

/* Where unit I has fine classes and its part was read, their counters; else false. */
bool live_units_fine(const struct live_units *units, uint32_t i, struct region_fine *fine);

/* Where UNIT's part of a plane begins, which is at PLANE of its bank's. */
uint64_t live_unit_offset(const struct region_header *header, uint32_t unit, uint32_t plane);

/* `live` of the record of any UNIT; 0 where that is not to be had. */
uint8_t live_unit_state(const struct live *live, uint32_t unit);

#endif

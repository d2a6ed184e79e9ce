/* SPDX-License-Identifier: MIT */
/*
 * Copying units of a live process's region: see live_units.h.
 */
#include "model/live_units.h"

uint64_t live_unit_offset(const struct region_header *header, uint32_t unit, uint32_t plane)
{
	return header->banks + plane + unit / header->bank_units * header->bank_bytes +
	       unit % header->bank_units * LIVE_UNIT_BYTES;
}

bool live_units_read(
	const struct live *live, uint32_t unit, uint32_t most, struct live_units *units)
{
	const struct region_header *header = live_header(live);
	uint64_t at = live_unit_offset(header, unit, 0);
	uint32_t n = header->bank_units - unit % header->bank_units;

	n = n < LIVE_UNITS ? n : LIVE_UNITS;
	n = n < most ? n : most;
	units->n = n;
	return live_read(live, at + header->records, units->records, n * LIVE_UNIT_BYTES) &&
	       live_read(live, at + header->names, units->names, n * LIVE_UNIT_BYTES) &&
	       live_read(live, at + header->slots, units->slots, n * LIVE_UNIT_BYTES) &&
	       live_read(live, at + header->records, units->again, n * LIVE_UNIT_BYTES);
}

const struct region_record *live_units_context(struct live_units *units, uint32_t i)
{
	const struct region_record *record = &units->again[i].it;
	struct region_names *names = &units->names[i].it;

	if (record->live != 1 || units->records[i].it.live != 1 ||
		record->serial != units->records[i].it.serial)
		return NULL;
	names->name[sizeof names->name - 1] = names->ident[sizeof names->ident - 1] = '\0';
	return record;
}

bool live_units_fine(const struct live_units *units, uint32_t i, struct region_fine *fine)
{
	const struct region_record *record = &units->again[i].it;

	if (!record->fine || i + 1 >= units->n || units->again[i + 1].it.live != REGION_PART)
		return false;
	fine->slot = &units->slots[i].it;
	fine->record = record;
	fine->part_freed = (const uint64_t *)&units->slots[i + 1];
	fine->part_reused = (const uint64_t *)&units->again[i + 1];
	fine->part_carved = (const uint64_t *)(const void *)&units->names[i + 1];
	return true;
}

uint8_t live_unit_state(const struct live *live, uint32_t unit)
{
	const struct region_header *header = live_header(live);
	struct region_record record;

	if (unit / header->bank_units >= header->nbanks ||
		!live_read(live, live_unit_offset(header, unit, header->records), &record,
			sizeof record))
		return 0;
	return record.live;
}

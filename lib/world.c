/* SPDX-License-Identifier: MIT */
/*
 * Worlds: all that the library holds outside of the memory that it got through its backing, as a
 * value that can be put aside, copied and taken up again.
 *
 * Invariant: what decides about the next operation of a context is in its world's value or in
 * memory from that world's backing; serial numbers alone go on over all worlds.
 */
#include <errno.h>
#include <string.h>

#include "ring.h"

struct world {
	struct mcx_units units;
	struct mcx_blocks blocks;
	struct mcx_public published;
	memctx *current;
};

_Static_assert(sizeof(struct world) <= sizeof(((struct memctx_world *)0)->kept),
	"a world keeps all there is");

int memctx_swap_world(struct memctx_world *world)
{
	struct memctx_backing backing = mcx_backing;
	struct world kept;

	if (!mcx_backing_is_whole(&world->backing)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&kept, world->kept, sizeof(kept));
	mcx_units_swap(&kept.units);
	mcx_blocks_swap(&kept.blocks);
	mcx_public_swap(&kept.published);
	kept.current = memctx_switch(kept.current);
	mcx_backing = world->backing;
	world->backing = backing;
	memcpy(world->kept, &kept, sizeof(kept));
	return 0;
}

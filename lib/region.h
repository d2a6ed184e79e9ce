/* SPDX-License-Identifier: MIT */
/*
 * The published region: what a process that uses the library shows to readers of its uid.
 *
 * A memfd named "memctx".  Its writer is the process; a reader copies (pread) and trusts nothing.
 *
 *   offset 0                   struct region_header, in the first REGION_HEADER_BYTES
 *   header.rings               rings: arrays of struct region_event, each a power of two long
 *   header.banks               the shared part of bank 0, 1 …: slots, records, names, at the
 *                              offsets that the header tells; unit u is number u % bank_units of
 *                              bank u / bank_units
 *
 * Every context is to be read by itself: a record says which unit its parent has and what that
 * parent's serial was, so a tree is put together from parents alone and what was torn is seen
 * (the parent's serial differs).  No lock and no sequence over a tree is needed, and a writer
 * stores only what it would store anyway.
 *
 * Events stand in the order in which their thread made them.  An event is 16 bytes; one that needs
 * more is followed by records of its own (REGION_SIZE, REGION_TEXT …), which say so in their op.
 * This file is the layout alone: it declares nothing that the library does.
 */
#ifndef MCX_REGION_H
#define MCX_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "memctx" and two bytes that a text would not have, as the machine stores them. */
#define REGION_MAGIC UINT64_C(0x0a0d7874636d656d)
#define REGION_LAYOUT 4u
#define REGION_NAME "memctx"
#define REGION_HEADER_BYTES 65536u
#define REGION_RINGS 1024u
#define REGION_CLASSES 11u

/*
 * A thread's ring.  Entry (n & (size - 1)) holds entry number n of the thread, the latest of those.
 * The head is stored with every REGION_HEAD_LAGth entry only: those from it on are there as far as
 * region_is_written() says so of each of them, and as one without a gap.
 */
#define REGION_HEAD_LAG 64u

struct region_ring {
	uint64_t head;   /* entries written since the ring was made, or less; never falls */
	uint64_t offset; /* of its first event in the file */
	uint32_t size;   /* in events, a power of two; 0: there is no such ring */
	uint32_t tid;    /* of the thread that writes it; 0: it has ended */
	uint64_t gap;    /* entries written when recording was last switched on after a pause */
};

struct region_header {
	uint64_t magic;
	uint32_t layout;
	uint32_t header_bytes;
	uint64_t file_bytes;
	int64_t pid;
	uint64_t started_ns;   /* CLOCK_REALTIME when the region was made */
	uint64_t monotonic_ns; /* CLOCK_MONOTONIC then: what event times count from */
	uint64_t base;         /* address of bank 0 in the process */
	uint64_t bank_stride;  /* from a bank to the next, in the process */
	uint64_t banks;        /* offset of the first bank's shared part in the file */
	uint64_t bank_bytes;   /* of a bank's shared part */
	uint32_t bank_units;
	uint32_t unit_bytes;
	uint32_t nbanks;
	uint32_t slots, records, names; /* offsets in a bank's shared part */
	uint64_t units_used;            /* units below it may be in use */
	uint64_t units_live;            /* contexts, deleted ones kept for reuse included */
	uint64_t rings;                 /* offset of the rings in the file */
	uint64_t ring_events;           /* a new ring's size; 0: the ring is off */
	uint64_t lost;                  /* events that found no ring */
	char version[16];               /* of the library */
	struct region_ring ring[REGION_RINGS];
};

_Static_assert(sizeof(struct region_header) <= REGION_HEADER_BYTES, "the header fits its pages");

/*
 * word   in an event about a chunk: the chunk's header word while it is in use (chunk.h), which
 *        names context, class and slack; in others the address of the context << 16, or a number
 * what   lap | op << 56 | the address of the payload, or another number of 48 bits
 *
 * WHAT is stored last, and of an event of several entries the first entry last.
 */
#define REGION_SIZED 0xf8u /* low bits of the address in a word: the slack's bits are the size */

struct region_event {
	uint64_t word;
	uint64_t what;
};

#define REGION_LAP ((uint64_t)1 << 63) /* set in the first lap of a ring, then in every second */
#define REGION_OP_SHIFT 56
#define REGION_OP_MASK 127u
#define REGION_WHAT_MASK (((uint64_t)1 << 48) - 1)

enum region_op {
	REGION_NOTHING,   /* never written */
	REGION_ALLOC,     /* a chunk; if large, REGION_SIZE follows; if aligned, REGION_ALIGN */
	REGION_FREE,      /* a chunk */
	REGION_REALLOC,   /* a chunk as it is now; REGION_SIZE if large; REGION_FROM if it moved */
	REGION_FROM,      /* what: where the chunk was */
	REGION_SIZE,      /* word: the size asked for */
	REGION_ALIGN,     /* word: the alignment asked for */
	REGION_CREATE,    /* context; what: kind; REGION_PARENT follows, REGION_INIT and
			     REGION_MIN unless they are the default's, texts */
	REGION_PARENT,    /* word: the parent's address << 16, or 0; what: serial of the context */
	REGION_INIT,      /* word: init_size; what: max_size */
	REGION_MIN,       /* word: min_size; what: align */
	REGION_NAME_TEXT, /* 15 bytes: word, then the low 7 of what */
	REGION_IDENT,     /* context: its ident is now the texts that follow (none: it has none) */
	REGION_IDENT_TEXT,
	REGION_RESET, /* context */
	REGION_RESETONLY,
	REGION_DELETE,  /* one context: those below it were deleted before */
	REGION_MOVE,    /* context; REGION_PARENT follows */
	REGION_HANDOFF, /* word: the context's address << 16 | ring it was last in; REGION_HEAD */
	REGION_HEAD,    /* word: entries of that ring that come before */
	REGION_TIME,    /* word: CLOCK_MONOTONIC in ns */
	REGION_GAP,     /* recording was off before this */
	REGION_BLOCKS,  /* watched arena; what: blocks, signed; REGION_SIZE: bytes, signed */
	REGION_CHUNKS,  /* likewise, chunks that it handed out or took back */
	REGION_CHUNK,   /* of a creation; word: chunk_size; what: enum memctx_classes */
	REGION_OPS
};

/* The lap of entry NUMBER of a ring of SIZE. */
static inline uint64_t region_lap(uint64_t number, uint64_t size)
{
	return (number & size) == 0 ? REGION_LAP : 0;
}

/*
 * Whether WHAT, found where entry NUMBER belongs, is that entry's.  It must be one of the next SIZE
 * entries from a head on that was read before; memory that is zero, as that of a child's rings
 * may be, never is.
 */
static inline bool region_is_written(uint64_t what, uint64_t number, uint64_t size)
{
	return (what & REGION_LAP) == region_lap(number, size) &&
	       (what >> REGION_OP_SHIFT & REGION_OP_MASK) != 0;
}

/*
 * A slot of a watched arena has its blocks in total_bytes and nblocks, its chunks in large_chunks
 * and large_requested, and nothing else.
 *
 * A slot: what every operation counts, a word a class: count << 34 | slack.  live = carved + reused
 * - freed, exact modulo 2^64 when nothing runs; free chunks = carved's count - live's count.
 */
struct region_slot {
	uint64_t freed[REGION_CLASSES + 1];
	uint64_t reused[REGION_CLASSES + 1];
	uint64_t total_bytes; /* blocks and the context's unit */
	uint64_t nblocks;
	uint64_t large_chunks;
	uint64_t large_requested;
	uint64_t large_bytes; /* of their blocks, headers included */
	/*
	 * Where the record's by_bytes is set: chunks in use, and free ones, with their headers.
	 * Where `fine` is set they are 0, and the classes are not these: see region_fine.h.
	 */
	uint64_t live_bytes, free_bytes;
};

#define REGION_COUNT_SHIFT 34

/* What a class's words come to: chunks in use, free ones, the slack of those in use. */
struct region_class {
	uint64_t live, free, slack;
};

/*
 * Of a class of chunks of BYTES, from its words CARVED and LIVE = carved + reused - freed.  What is
 * read while the process runs may be torn: below 0, more chunks in use than there are, more slack
 * than they have room for.
 */
static inline struct region_class region_class(uint64_t carved, uint64_t live, uint64_t bytes)
{
	uint64_t all = carved >> REGION_COUNT_SHIFT, used = live >> REGION_COUNT_SHIFT;
	uint64_t slack = live & (((uint64_t)1 << REGION_COUNT_SHIFT) - 1);

	/* A number below 0 is far more than there are. */
	if (used > all)
		used = used - all < all ? all : 0;
	return (struct region_class){used, all - used, slack <= used * bytes ? slack : 0};
}

/* A context's record.  A unit with live 0 is nobody's. */
struct region_record {
	uint64_t carved[REGION_CLASSES + 1];
	uint64_t serial; /* of the creation; another number: another context */
	uint64_t peak_bytes;
	struct region_life {
		uint64_t allocs;  /* those that the counters of the classes do not show */
		uint64_t dropped; /* chunks that resets ended */
		uint64_t reallocs;
		uint64_t resets;
		uint64_t carved; /* up to the last reset */
		uint64_t reused; /* likewise */
		uint64_t cut;    /* chunks cut from tails */
	} life;
	uint64_t parent_serial;
	uint32_t parent; /* unit number + 1; 0: a root */
	uint8_t live;    /* 1: a context; REGION_PART: what region_fine.h says */
	uint8_t kind;
	uint8_t align;        /* of chunks, less 1 */
	uint8_t block_header; /* bytes of a block that chunks are carved from */
	uint8_t chunk_header; /* of a chunk, where by_bytes is set */
	uint8_t by_bytes;     /* chunks are as large as they are, not as their class */
	uint8_t fine;         /* an aset with classes=fine */
	uint32_t idents;      /* how often the ident has changed, stored after it */
	/* As the context was created; what is before changes as it is used. */
	uint64_t init_size, max_size;
	uint64_t chunk_size; /* a slab's */
};

_Static_assert(offsetof(struct region_record, init_size) == 192, "what changes is three lines");

/* Name and ident, 0-terminated, shortened where they are longer. */
struct region_names {
	char name[64];
	char ident[192];
};

#endif

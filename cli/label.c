/* SPDX-License-Identifier: MIT */
/*
 * Labels of lines: see label.h.
 */
#include "label.h"

#include "model/display.h"
#include "model/rows.h"
#include "model/size.h"

/* Levels that are indented; what stands deeper bears its level's number. */
enum { INDENT = 2, INDENTED_LEVELS = 10 };
enum { LEAST_NAME = 4, MOST_NAME = 120, NAME_TEXT = 1024 };

/* What a line's context is called, with its ident where that is wanted. */
static void join_names(char out[static NAME_TEXT], const struct label *label)
{
	const char *name = rows_name(label->snapshot, label->context);
	const char *ident = label->with_ident ? rows_ident(label->snapshot, label->context) : NULL;

	snprintf(out, NAME_TEXT, "%s%s%s", *name != '\0' ? name : "\"\"", ident != NULL ? " " : "",
		ident != NULL ? ident : "");
}

/* What stands before a name that is too deep to be indented: "[57] ". */
static const char *level_text(char out[static SIZE_TEXT], const struct label *label)
{
	*out = '\0';
	if (label->level > INDENTED_LEVELS)
		snprintf(out, SIZE_TEXT, "[%u] ", label->level + 1);
	return out;
}

static int indent_of(const struct label *label)
{
	return INDENT * (int)(label->level < INDENTED_LEVELS ? label->level : INDENTED_LEVELS);
}

/* The columns of a line's label but for the name. */
static int frame_width(const struct label *label)
{
	char level[SIZE_TEXT];

	return indent_of(label) + page_width(level_text(level, label)) + page_width(label->members);
}

int label_width(const struct page *page, const struct label *label)
{
	char joined[NAME_TEXT];

	join_names(joined, label);
	return frame_width(label) +
	       display_width(joined, MOST_NAME, page->utf8 ? 0 : DISPLAY_ASCII);
}

void label_print(struct page *page, const struct label *label, int width)
{
	char joined[NAME_TEXT], level[SIZE_TEXT], name[DISPLAY_SIZE(MOST_NAME)];
	int room = width - frame_width(label);

	join_names(joined, label);
	page_to(page, indent_of(label));
	page_left(page, 0, level_text(level, label));
	room = room < LEAST_NAME ? LEAST_NAME : room > MOST_NAME ? MOST_NAME : room;
	display_fit(name, joined, room, page->utf8 ? 0 : DISPLAY_ASCII);
	page_left(page, 0, name);
	page_left(page, 0, label->members);
	page_to(page, width);
}

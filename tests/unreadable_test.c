/* SPDX-License-Identifier: MIT */
/*
 * The screens of a live process that cannot be read for a while, and of one that ends: what was
 * seen last stays, and the screen says which of the two it is.
 *
 * The process is a child that shows readers a copy of its region, which it can empty and fill.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "feed_support.h"
#include "memctx.h"
#include "region.h"
#include "tui/view.h"

enum { WIDTH = 100, HEIGHT = 24 };

/* ---- The child ------------------------------------------------------------------------ */

static int region_descriptor(void)
{
	char target[64];
	int fd = -1;
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");

	while (dir != NULL && fd < 0 && (entry = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);

		target[n > 0 ? n : 0] = '\0';
		if (strstr(target, "/memfd:" REGION_NAME) != NULL)
			fd = atoi(entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return fd;
}

/* Makes TO what FROM is; its holes stay holes. */
static bool copy(int from, int to)
{
	static char bytes[65536];
	off_t at = 0, end;
	struct stat status;

	if (fstat(from, &status) != 0 || ftruncate(to, status.st_size) != 0)
		return false;
	while ((at = lseek(from, at, SEEK_DATA)) >= 0) {
		for (end = lseek(from, at, SEEK_HOLE); at < end;) {
			size_t most = (size_t)(end - at) < sizeof bytes ? (size_t)(end - at)
									: sizeof bytes;
			ssize_t n = pread(from, bytes, most, at);

			if (n <= 0 || pwrite(to, bytes, (size_t)n, at) != n)
				return false;
			at += n;
		}
	}
	return true;
}

/* Answers each byte from IN by one to OUT: after '-' readers see nothing, after '+' all again. */
static int show_copy(int in, int out)
{
	int kept = memfd_create("kept", 0), shown, region;
	memctx *top = memctx_create(NULL, "Top", NULL, MEMCTX_ASET, NULL);
	char byte = '+';

	if (memctx_alloc(memctx_create(top, "below", NULL, MEMCTX_ASET, NULL), 100) == NULL)
		return 1;
	region = region_descriptor();
	if (region < 0 || !copy(region, kept))
		return 2;
	close(region);
	shown = memfd_create(REGION_NAME, 0);
	do {
		if (byte == '-' ? ftruncate(shown, 0) != 0 : !copy(kept, shown))
			return 3;
		if (write(out, "!", 1) != 1)
			return 4;
	} while (read(in, &byte, 1) == 1);
	return 0;
}

/* ---- The screen ----------------------------------------------------------------------- */

static pid_t child;
static int to_child, from_child;
static struct state state;

/* Tells the child, and waits until it has done it. */
static void tell(const char *byte)
{
	char answer;

	assert_int_equal(write(to_child, byte, strlen(byte)), strlen(byte));
	assert_int_equal(read(from_child, &answer, 1), 1);
}

static int begin(void **unused)
{
	char number[20];
	int in[2], out[2];

	(void)unused;
	if (pipe(in) != 0 || pipe(out) != 0)
		return -1;
	child = fork();
	if (child == 0) {
		close(in[1]);
		close(out[0]);
		_exit(show_copy(in[0], out[1]));
	}
	close(in[0]);
	close(out[1]);
	to_child = in[1];
	from_child = out[0];
	tell("");
	snprintf(number, sizeof number, "%d", (int)child);
	feed_begin(number, &state);
	return 0;
}

static int end(void **unused)
{
	(void)unused;
	feed_end(&state);
	close(to_child);
	close(from_child);
	return 0;
}

/* The screen as it is after a look at the process. */
static const char *look(void)
{
	static char text[HEIGHT * (WIDTH * DISPLAY_CELL + 1) + 1];
	struct canvas *canvas = canvas_new(WIDTH, HEIGHT, false);
	size_t n = 0;

	assert_non_null(canvas);
	feed_refresh(feed);
	assert_int_equal(state_update(&state), 0);
	view_paint(canvas, &state);
	for (int y = 0; y < HEIGHT; y++) {
		for (int x = 0; x < WIDTH; x++)
			n += (size_t)snprintf(
				text + n, sizeof text - n, "%s", canvas_at(canvas, y, x)->text);
		n += (size_t)snprintf(text + n, sizeof text - n, "\n");
	}
	canvas_free(canvas);
	return text;
}

static void assert_shows(const char *screen, const char *text)
{
	if (strstr(screen, text) != NULL)
		return;
	fputs(screen, stderr);
	fail_msg("not on the screen: %s", text);
}

/* What was seen is on the screen whatever became of the process. */
static void assert_tree_stays(const char *screen)
{
	assert_shows(screen, "Top");
	assert_shows(screen, "below");
	assert_shows(screen, " 2 contexts ");
}

static void test_unreadable(void **unused)
{
	const char *screen = look();

	(void)unused;
	assert_tree_stays(screen);
	assert_shows(screen, "LIVE every ");
	for (int i = 0; i < 2; i++) {
		tell("-");
		screen = look();
		assert_shows(screen, "NOT READABLE   up ");
		assert_shows(screen, "it is gone, or its region is damaged");
		assert_tree_stays(screen);
		assert_false(feed_has_ended(feed));
		screen = look();
		assert_shows(screen, "NOT READABLE   up ");
		tell("+");
		screen = look();
		assert_shows(screen, "LIVE every ");
		assert_null(strstr(screen, "region is damaged"));
		assert_tree_stays(screen);
	}
	close(to_child);
	assert_int_equal(waitpid(child, NULL, 0), child);
	to_child = open("/dev/null", O_WRONLY);
}

/* That it ended is what is said, though it could not be read before. */
static void test_ended(void **unused)
{
	const char *screen;

	(void)unused;
	tell("-");
	assert_shows(look(), "NOT READABLE");
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	screen = look();
	assert_shows(screen, "ENDED   up ");
	assert_shows(screen, "the process has ended; this is the last that was seen of it");
	assert_null(strstr(screen, "NOT READABLE"));
	assert_tree_stays(screen);
	assert_true(feed_has_ended(feed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unreadable, begin, end),
		cmocka_unit_test_setup_teardown(test_ended, begin, end),
	};

	return cmocka_run_group_tests_name("unreadable", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Runs a program in a terminal of its own, plays random keys, mouse clicks and resizes at it, ends
 * it, and says whether it stood that and gave the terminal back.  For tests/tui.sh.
 *
 *   pty_storm SEED MILLISECONDS ENDING COMMAND [ARGUMENT...]
 *
 * ENDING is a key ("q") after which it must exit with 0, the number of a signal that it must die
 * of, or "hup": the terminal goes away and it must end.  Status 0: it stood it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

enum { LAST_OUTPUT = 4096, PATIENCE_MS = 20000 };

static uint64_t seed;
static char output[LAST_OUTPUT];
static size_t n_output;

static unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static long now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Takes what the program prints, the last of it kept, for at most MS. */
static void drain(int terminal, int ms)
{
	struct pollfd poll_fd = {.fd = terminal, .events = POLLIN};
	char bytes[2048];

	while (poll(&poll_fd, 1, ms) > 0) {
		ssize_t got = read(terminal, bytes, sizeof bytes);

		if (got <= 0)
			return;
		if (n_output + (size_t)got > sizeof output) {
			size_t kept = sizeof output / 2;

			if (n_output > kept)
				memmove(output, output + n_output - kept, kept);
			n_output = n_output > kept ? kept : n_output;
		}
		if ((size_t)got > sizeof output - n_output)
			got = (ssize_t)(sizeof output - n_output);
		memcpy(output + n_output, bytes, (size_t)got);
		n_output += (size_t)got;
		ms = 0;
	}
}

static void send_text(int terminal, const char *text)
{
	if (write(terminal, text, strlen(text)) < 0 && errno != EAGAIN && errno != EIO)
		perror("write");
}

static void send_key(int terminal)
{
	static const char *const sequences[] = {"\033[A", "\033[B", "\033[C", "\033[D", "\033OA",
		"\033OB", "\033OC", "\033OD", "\033[5~", "\033[6~", "\033[H", "\033[F", "\033OP",
		"\033OR", "\033OS", "\033[17~", "\033[Z", "\t", "\r", "\r", "\033", "\177", "\f",
		"\303\251", "\346\274\242"};
	/* Those that end it or make files are left to others. */
	static const char never[] = "qse";
	char text[40] = "";

	if (below(3) == 0) {
		snprintf(text, sizeof text, "%s",
			sequences[below(sizeof sequences / sizeof *sequences)]);
	} else if (below(8) == 0) {
		snprintf(text, sizeof text, "\033[<%u;%u;%u%c", below(2) ? 0 : 64 + below(2),
			1 + below(150), 1 + below(50), 'M');
	} else {
		do
			text[0] = (char)(' ' + (int)below(95));
		while (strchr(never, text[0]));
	}
	send_text(terminal, text);
}

static void resize(int terminal)
{
	struct winsize size = {
		(unsigned short)(1 + below(60)), (unsigned short)(1 + below(180)), 0, 0};

	if (below(4) == 0)
		size = (struct winsize){24, 80, 0, 0};
	else if (below(6) == 0)
		size = (struct winsize){1, 1, 0, 0};
	ioctl(terminal, TIOCSWINSZ, &size);
}

static bool has_ended(pid_t pid, int *status)
{
	return waitpid(pid, status, WNOHANG) == pid;
}

/* 0, or 1 with the reason said. */
static int fail(const char *why, int status)
{
	fprintf(stderr, "%s (wait status %#x); the last that it wrote:\n", why, (unsigned)status);
	fwrite(output, 1, n_output, stderr);
	fputc('\n', stderr);
	return 1;
}

/* Waits until the program has read what was typed, but for now and then a burst. */
static void let_read(int terminal, int side)
{
	long end = now_ms() + PATIENCE_MS;
	int waiting = 1;

	while (below(200) != 0 && now_ms() < end && ioctl(side, FIONREAD, &waiting) == 0 &&
		waiting > 0)
		drain(terminal, 1);
}

static int storm(int terminal, int side, pid_t pid, long ms)
{
	long end = now_ms() + ms;
	int status;

	while (now_ms() < end) {
		unsigned what = below(40);

		if (what == 0)
			resize(terminal);
		else if (what == 1)
			kill(pid, SIGWINCH);
		else if (what == 2)
			drain(terminal, 20);
		else
			send_key(terminal);
		drain(terminal, 1);
		let_read(terminal, side);
		if (has_ended(pid, &status))
			return fail("it ended by itself", status);
	}
	return 0;
}

static bool wait_for_end(int terminal, pid_t pid, int *status)
{
	long end = now_ms() + PATIENCE_MS;

	while (now_ms() < end) {
		if (terminal >= 0)
			drain(terminal, 5);
		else
			usleep(5000);
		if (has_ended(pid, status))
			return true;
	}
	kill(pid, SIGKILL);
	return false;
}

/* Ends it as asked; 0 where it ends as it must. */
static int end_it(int terminal, pid_t pid, const char *ending)
{
	int number = atoi(ending), status = 0;
	bool is_hup = !strcmp(ending, "hup");

	if (is_hup) {
		close(terminal);
	} else if (number > 0) {
		kill(pid, number);
	} else {
		/* Out of prompts and the help first. */
		for (int i = 0; i < 4; i++) {
			send_text(terminal, "\033");
			drain(terminal, 60);
		}
		send_text(terminal, ending);
	}
	if (!wait_for_end(is_hup ? -1 : terminal, pid, &status))
		return fail("it does not end", status);
	if (is_hup)
		return 0;
	if (number > 0 ? !WIFSIGNALED(status) || WTERMSIG(status) != number : status != 0)
		return fail("it ends otherwise than it must", status);
	return 0;
}

/* The terminal's settings are what they were, and the last that was written leaves its screen. */
static int check_terminal(int terminal, int side, const struct termios *before)
{
	static const char goodbye[] = "\033[?1049l";
	struct termios after;

	/* What a program wrote last may take its time through the terminal. */
	for (int i = 0; i < 20 && !memmem(output, n_output, goodbye, strlen(goodbye)); i++)
		drain(terminal, 50);
	if (tcgetattr(side, &after) != 0 || after.c_iflag != before->c_iflag ||
		after.c_oflag != before->c_oflag || after.c_cflag != before->c_cflag ||
		after.c_lflag != before->c_lflag ||
		memcmp(after.c_cc, before->c_cc, sizeof after.c_cc) != 0)
		return fail("the terminal is not set as it was", 0);
	if (!memmem(output, n_output, goodbye, strlen(goodbye)))
		return fail("the terminal's screen is not given back", 0);
	return 0;
}

int main(int argc, char **argv)
{
	struct winsize size = {24, 80, 0, 0};
	struct termios before;
	int terminal, side, failed;
	pid_t pid;

	if (argc < 5)
		return 2;
	seed = strtoull(argv[1], NULL, 10);
	if (openpty(&terminal, &side, NULL, NULL, &size) != 0 || tcgetattr(side, &before) != 0)
		return 2;
	pid = fork();
	if (pid == 0) {
		close(terminal);
		if (login_tty(side) == 0)
			execvp(argv[4], argv + 4);
		_exit(127);
	}
	fcntl(terminal, F_SETFL, O_NONBLOCK);
	drain(terminal, PATIENCE_MS);
	failed = storm(terminal, side, pid, atol(argv[2])) || end_it(terminal, pid, argv[3]);
	if (!failed && strcmp(argv[3], "hup") != 0)
		failed = check_terminal(terminal, side, &before);
	return failed;
}

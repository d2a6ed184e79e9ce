/* SPDX-License-Identifier: MIT */
/*
 * Publishing never stands in a program's way: whatever limits the process, whatever it does to its
 * descriptors, contexts work and count exactly.  Each test runs in a child of
 * its own, since a process makes its region once, with its first context.
 */
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "publish_support.h"

/* ---- The region ------------------------------------------------------------------------------ */

static void region_is_sealed(void)
{
	struct region_header header;
	struct stat status;
	int fd;

	HOLDS(region_fd() == -1);
	work_a_little();
	fd = region_fd();
	HOLDS(fd >= 0 && fstat(fd, &status) == 0);
	HOLDS((status.st_mode & 0777) == 0600);
	HOLDS(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	HOLDS(ftruncate(fd, 0) == -1 && errno == EPERM);
	HOLDS(ftruncate(fd, status.st_size + 4096) == -1 && errno == EPERM);
	HOLDS(pwrite(fd, "x", 1, 0) == -1 && errno == EPERM);
	HOLDS(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	HOLDS(pread(fd, &header, sizeof header, 0) == sizeof header);
	HOLDS(header.magic == REGION_MAGIC && header.pid == getpid());
	HOLDS(header.file_bytes == (uint64_t)status.st_size);
	HOLDS(header.units_live == 2 && header.ring[0].head > 400);
}

static void nothing_is_published(void)
{
	memctx_delete(work_a_little());
	HOLDS(region_fd() == -1 && mcx_region == NULL);
	HOLDS(memctx_set_backing(NULL) == 0); /* gives the address space back */
	memctx_delete(work_a_little());
	HOLDS(mcx_region == NULL);
}

static void unwanted_by_environment(void)
{
	setenv("MEMCTX_PUBLISH", "0", 1);
	nothing_is_published();
}

static void unwanted_by_call(void)
{
	HOLDS(memctx_publish(false) == 0);
	nothing_is_published();
	errno = 0;
	HOLDS(memctx_publish(true) == -1 && errno == EBUSY);
	memctx_set_ring(1000); /* has nowhere to write */
	work_a_little();
}

static void no_large_files(void)
{
	limit_to(RLIMIT_FSIZE, 1 << 20);
	nothing_is_published();
}

static void half_large_files(void)
{
	limit_to(RLIMIT_FSIZE, 100 << 20);
	work_a_little();
	HOLDS(mcx_region != NULL && mcx_region->nbanks < MCX_BANKS);
	HOLDS(mcx_region->file_bytes <= 100 << 20);
}

static void no_descriptors(void)
{
	limit_to(RLIMIT_NOFILE, 0);
	memctx_delete(work_a_little());
	limit_to(RLIMIT_NOFILE, RLIM_INFINITY);
	HOLDS(region_fd() == -1 && mcx_region == NULL);
}

static void little_address_space(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	limit_to(RLIMIT_AS, 200 << 20);
	work_a_little();
#endif
}

static void hardly_any_address_space(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	memctx *ctx;

	limit_to(RLIMIT_AS, 12 << 20); /* not even a bank */
	ctx = memctx_create(NULL, "too much", NULL, MEMCTX_ASET, NULL);
	HOLDS(ctx != NULL || errno == ENOMEM);
#endif
}

/* What the program opened under the region's old number is not touched. */
static void descriptors_closed_and_reused(void)
{
	memctx *top = work_a_little();
	int fd = region_fd(), mine;

	HOLDS(fd >= 0);
	for (int i = 3; i < 200; i++)
		close(i);
	mine = open("/dev/null", O_RDWR);
	HOLDS(mine >= 0 && dup2(mine, fd) == fd);
	HOLDS(memctx_alloc(top, 50000) != NULL);
	memctx_delete(top);
	HOLDS(memctx_set_backing(NULL) == 0); /* ends the region */
	HOLDS(write(fd, "x", 1) == 1);
	top = work_a_little(); /* and begins another */
	HOLDS(mcx_region != NULL);
	memctx_delete(top);
}

/* ---- Who records ----------------------------------------------------------------------------- */

static struct sockaddr_un recorder = {.sun_family = AF_UNIX};

static int listen_as_recorder(void)
{
	socklen_t size = sizeof recorder;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	HOLDS(fd >= 0);
	HOLDS(bind(fd, (struct sockaddr *)&recorder, sizeof recorder.sun_family) == 0);
	HOLDS(listen(fd, 4) == 0 && getsockname(fd, (struct sockaddr *)&recorder, &size) == 0);
	return fd;
}

/* The number of the descriptor that would come next. */
static int next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY);

	close(fd);
	return fd;
}

static void hand_over(void)
{
	int before = next_fd();
	char text[200];

	snprintf(text, sizeof text, "%d:%s", (int)getpid(), recorder.sun_path + 1);
	setenv("MEMCTX_RECORD", text, 1);
	errno = 0;
	HOLDS(memctx_create(NULL, "top", NULL, MEMCTX_ASET, NULL) != NULL && errno == 0);
	HOLDS(region_fd() == before && next_fd() == before + 1);
}

static int received_fd(int connection)
{
	char bytes[1];
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {bytes, 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};
	int fd;

	HOLDS(recvmsg(connection, &message, MSG_CMSG_CLOEXEC) == 1);
	HOLDS(CMSG_FIRSTHDR(&message) != NULL && control.header.cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
	return fd;
}

/* What was handed over is there though its process has ended long since. */
static void region_is_handed_over(void)
{
	struct region_header header;
	int listener = listen_as_recorder(), connection, fd;
	pid_t child = start(hand_over);

	HOLDS(ends_well(child));
	connection = accept(listener, NULL, NULL);
	fd = received_fd(connection);
	HOLDS(pread(fd, &header, sizeof header, 0) == sizeof header);
	HOLDS(header.magic == REGION_MAGIC && header.pid == child && header.ring[0].head > 0);
	HOLDS(pwrite(fd, "x", 1, 0) == -1);
	close(fd);
	close(connection);
	close(listener);
}

/* Nobody else sends anything, and nothing that the variable says is in the way. */
static void nothing_is_handed_over(void)
{
	int listener = listen_as_recorder();
	char texts[7][200] = {"", "x", ":", "1:"};

	snprintf(texts[4], sizeof texts[4], "%d", (int)getpid());
	snprintf(texts[5], sizeof texts[5], "%d:nobody listens", (int)getpid());
	snprintf(texts[6], sizeof texts[6], "%d:%0150d", (int)getpid(), 0);
	strcat(texts[3], recorder.sun_path + 1);
	HOLDS(fcntl(listener, F_SETFL, O_NONBLOCK) == 0);
	for (int i = 0; i < 7; i++) {
		setenv("MEMCTX_RECORD", texts[i], 1);
		memctx_delete(work_a_little());
		HOLDS(region_fd() >= 0);
		HOLDS(memctx_set_backing(NULL) == 0); /* ends the region */
		HOLDS(accept(listener, NULL, NULL) == -1 && errno == EAGAIN);
	}
	close(listener);
}

/* ---- Rings ----------------------------------------------------------------------------------- */

static void ring_by_environment(const char *text, uint64_t events)
{
	setenv("MEMCTX_RING", text, 1);
	work_a_little();
	HOLDS(mcx_region != NULL && mcx_region->ring_events == events);
	HOLDS((mcx_region->ring[0].head > 0) == (events > 0));
}

static void ring_off(void)
{
	ring_by_environment("0", 0);
}

static void ring_small(void)
{
	ring_by_environment("1", 256);
	HOLDS(mcx_region->ring[0].size == 256);
}

static void ring_odd(void)
{
	ring_by_environment("1000", 1024);
}

static void ring_huge(void)
{
	ring_by_environment("18446744073709551615", MCX_RING_BYTES / sizeof(struct region_event));
}

static void ring_nonsense(void)
{
	ring_by_environment("12x", 16384);
}

static void ring_off_by_call(void)
{
	memctx_set_ring(0);
	ring_by_environment("1000", 0); /* the call overrules */
	memctx_set_ring(1);
	work_a_little();
	HOLDS(mcx_region->ring[0].size == 256 && mcx_region->ring[0].head > 0);
}

/* Events longer than half a ring, and names longer than an event. */
static void ring_with_long_texts(void)
{
	static char text[5001];
	memctx *ctx;

	memset(text, 't', sizeof text - 1);
	memctx_set_ring(1);
	ctx = memctx_create(NULL, text, text, MEMCTX_ASET, NULL);
	HOLDS(ctx != NULL && mcx_region->ring[0].head >= 128);
	HOLDS(memctx_set_ident(ctx, text + 1) == 0);
	HOLDS(memctx_set_ident(ctx, NULL) == 0);
	HOLDS(strlen(memctx_name(ctx)) == 5000 && memctx_ident(ctx) == NULL);
	memctx_delete(ctx);
}

enum { CROWD = 40 };

static pthread_barrier_t barrier;

static void *one_of_a_crowd(void *arg)
{
	memctx *ctx = memctx_create(NULL, "one", NULL, MEMCTX_ASET, NULL);

	HOLDS(ctx != NULL && memctx_alloc(ctx, 10) != NULL);
	pthread_barrier_wait(&barrier); /* all live at once */
	HOLDS(memctx_alloc(ctx, 20) != NULL);
	memctx_delete(ctx);
	return arg;
}

static void run_crowd(void)
{
	pthread_t threads[CROWD];

	HOLDS(pthread_barrier_init(&barrier, NULL, CROWD) == 0);
	for (int i = 0; i < CROWD; i++)
		HOLDS(pthread_create(&threads[i], NULL, one_of_a_crowd, NULL) == 0);
	for (int i = 0; i < CROWD; i++)
		HOLDS(pthread_join(threads[i], NULL) == 0);
	pthread_barrier_destroy(&barrier);
}

/* More threads than there is room for rings: the rest lose events, nothing else. */
static void rings_beyond_the_budget(void)
{
	memctx_set_ring((size_t)1 << 19); /* 8 MiB each: halves until 16 MiB are full */
	run_crowd();
	HOLDS(mcx_region->lost > 0);
	run_crowd(); /* with the rings that the first left */
	HOLDS(mcx_region->ring[0].tid == 0);
}

static void rings_are_taken_over(void)
{
	unsigned made = 0;

	for (int i = 0; i < 3; i++)
		run_crowd();
	while (made < REGION_RINGS && mcx_region->ring[made].size != 0)
		made++;
	HOLDS(made == CROWD);
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { THOUSAND = 300 };
#else
enum { THOUSAND = 1500 };
#endif

static void *one_of_a_thousand(void *arg)
{
	memctx *ctx;

	pthread_barrier_wait(&barrier);
	ctx = memctx_create(NULL, "one", NULL, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS);
	HOLDS(ctx != NULL && memctx_alloc(ctx, 10) != NULL);
	pthread_barrier_wait(&barrier); /* no ring is free before each thread asked for one */
	memctx_delete(ctx);
	return arg;
}

/* More threads at once than there can be rings. */
static void threads_by_the_thousand(void)
{
	static pthread_t threads[THOUSAND];
	pthread_attr_t attributes;
	unsigned rings = THOUSAND < REGION_RINGS ? THOUSAND : REGION_RINGS;

	if (RUNNING_ON_VALGRIND)
		return;
	memctx_set_ring(256);
	HOLDS(pthread_barrier_init(&barrier, NULL, THOUSAND) == 0);
	HOLDS(pthread_attr_init(&attributes) == 0);
	HOLDS(pthread_attr_setstacksize(&attributes, 256 << 10) == 0);
	for (int i = 0; i < THOUSAND; i++)
		HOLDS(pthread_create(&threads[i], &attributes, one_of_a_thousand, NULL) == 0);
	for (int i = 0; i < THOUSAND; i++)
		HOLDS(pthread_join(threads[i], NULL) == 0);
	HOLDS(mcx_region->ring[rings - 1].size == 256);
	HOLDS((mcx_region->lost > 0) == (THOUSAND > REGION_RINGS));
}

#define ALL(DO)                                                                                    \
	DO(region_is_sealed)                                                                       \
	DO(unwanted_by_environment)                                                                \
	DO(unwanted_by_call)                                                                       \
	DO(no_large_files)                                                                         \
	DO(half_large_files)                                                                       \
	DO(no_descriptors)                                                                         \
	DO(little_address_space)                                                                   \
	DO(hardly_any_address_space)                                                               \
	DO(descriptors_closed_and_reused)                                                          \
	DO(region_is_handed_over)                                                                  \
	DO(nothing_is_handed_over)                                                                 \
	DO(ring_off)                                                                               \
	DO(ring_small)                                                                             \
	DO(ring_odd)                                                                               \
	DO(ring_huge)                                                                              \
	DO(ring_nonsense)                                                                          \
	DO(ring_off_by_call)                                                                       \
	DO(ring_with_long_texts)                                                                   \
	DO(rings_beyond_the_budget)                                                                \
	DO(rings_are_taken_over)                                                                   \
	DO(threads_by_the_thousand)

ALL(IN_CHILD)

int main(void)
{
#define TEST(work) cmocka_unit_test(test_##work),
	const struct CMUnitTest tests[] = {ALL(TEST)};

	return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}

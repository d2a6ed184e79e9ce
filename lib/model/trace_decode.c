/* SPDX-License-Identifier: MIT */
/*
 * Text out of compressed bytes.  libarchive decodes xz and zstd, by these two filters alone and
 * no archive format; gzip is zlib's, since libarchive does not look at gzip's checksums.  Several
 * streams in a row are one text.  What is cut short or damaged is an error, never a shorter text.
 */
#include <archive.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "model/trace_internal.h"

#define STORED_SIZE ((size_t)64 << 10)

struct trace_decoder {
	trace_stored_fn *read; /* the compressed bytes: read(2)'s return value */
	void *context;
	const char *name;
	char *stored;            /* what was read last */
	int failed;              /* read's errno */
	struct archive *archive; /* NULL: gzip */
	const void *block;       /* the archive's text, as far as it was decoded and not read */
	size_t block_size;
	bool ended; /* the archive has no more */
	z_stream stream;
	bool between; /* gzip: a member has ended, and no other begun */
};

static const struct {
	const char *name;
	size_t size;
	const char *bytes;
} compressions[] = {
	{"gzip", 2, "\x1F\x8B"},
	{"xz", 6, "\xFD\x37\x7A\x58\x5A\x00"},
	{"zstd", 4, "\x28\xB5\x2F\xFD"},
};

const char *trace_compression(const char *bytes, size_t size)
{
	for (size_t i = 0; i < sizeof(compressions) / sizeof(compressions[0]); i++) {
		if (size >= compressions[i].size &&
			memcmp(bytes, compressions[i].bytes, compressions[i].size) == 0)
			return compressions[i].name;
	}
	return NULL;
}

/* What a library says went wrong, unless it was reading, or memory. */
static int decoding_error(
	const struct trace_decoder *decoder, int number, const char *why, struct trace_error *error)
{
	char shown[160];
	if (decoder->failed != 0 || number == ENOMEM) {
		trace_system_error(error, decoder->failed != 0 ? decoder->failed : ENOMEM);
		return -1;
	}
	if (why == NULL)
		why = "no reason given";
	trace_show(shown, sizeof(shown), why, strlen(why));
	*error = (struct trace_error){0};
	snprintf(error->message, sizeof(error->message),
		"the %s data is damaged or cut short (%s); expected a whole compressed trace",
		decoder->name, shown);
	return -1;
}

static ptrdiff_t read_stored(struct trace_decoder *decoder)
{
	ptrdiff_t got = decoder->read(decoder->context, decoder->stored, STORED_SIZE);
	if (got < 0)
		decoder->failed = errno;
	return got;
}

/* ---- xz and zstd ---------------------------------------------------------------------- */

static int archive_failed(struct trace_decoder *decoder, struct trace_error *error)
{
	struct archive *archive = decoder->archive;
	return decoding_error(
		decoder, archive_errno(archive), archive_error_string(archive), error);
}

static la_ssize_t archive_reads(struct archive *archive, void *context, const void **bytes)
{
	struct trace_decoder *decoder = context;
	ptrdiff_t got = read_stored(decoder);
	if (got < 0)
		archive_set_error(archive, decoder->failed, "%s", strerror(decoder->failed));
	*bytes = decoder->stored;
	return got;
}

/* libarchive's statuses are the worse the less they are. */
static int least(int left, int right)
{
	return left < right ? left : right;
}

static int archive_start(struct trace_decoder *decoder, struct trace_error *error)
{
	struct archive_entry *entry;
	struct archive *archive = decoder->archive = archive_read_new();
	if (archive == NULL)
		return decoding_error(decoder, ENOMEM, NULL, error);
	/* Raw is every text's format, but that of none at all. */
	int status = archive_read_support_filter_xz(archive);
	status = least(status, archive_read_support_filter_zstd(archive));
	status = least(status, archive_read_support_format_raw(archive));
	status = least(status, archive_read_support_format_empty(archive));
	if (status >= ARCHIVE_WARN)
		status = archive_read_open(archive, decoder, NULL, archive_reads, NULL);
	if (status < ARCHIVE_WARN)
		return archive_failed(decoder, error);
	status = archive_read_next_header(archive, &entry);
	decoder->ended = status == ARCHIVE_EOF;
	if (status != ARCHIVE_OK && !decoder->ended)
		return archive_failed(decoder, error);
	/* The last filter is the file itself: alone, nothing was decoded. */
	if (archive_filter_count(archive) < 2)
		return archive_failed(decoder, error);
	return 0;
}

static ptrdiff_t archive_get(
	struct trace_decoder *decoder, char *to, size_t size, struct trace_error *error)
{
	la_int64_t offset;
	while (decoder->block_size == 0 && !decoder->ended) {
		int status = archive_read_data_block(
			decoder->archive, &decoder->block, &decoder->block_size, &offset);
		if (status != ARCHIVE_OK && status != ARCHIVE_EOF)
			return archive_failed(decoder, error);
		decoder->ended = status == ARCHIVE_EOF;
	}
	size = size < decoder->block_size ? size : decoder->block_size;
	if (size == 0)
		return 0;
	memcpy(to, decoder->block, size);
	decoder->block = (const char *)decoder->block + size;
	decoder->block_size -= size;
	return (ptrdiff_t)size;
}

/* ---- gzip ----------------------------------------------------------------------------- */

static int gzip_start(struct trace_decoder *decoder, struct trace_error *error)
{
	/* The largest window, and gzip's header, no other. */
	int status = inflateInit2(&decoder->stream, 15 + 16);
	if (status == Z_OK)
		return 0;
	return decoding_error(
		decoder, status == Z_MEM_ERROR ? ENOMEM : 0, decoder->stream.msg, error);
}

/* Sees to it that there are stored bytes.  1; 0: the end, between two members; -1. */
static int gzip_refill(struct trace_decoder *decoder, struct trace_error *error)
{
	z_stream *stream = &decoder->stream;
	if (stream->avail_in > 0)
		return 1;
	ptrdiff_t got = read_stored(decoder);
	if (got == 0 && decoder->between)
		return 0;
	if (got <= 0)
		return decoding_error(decoder, 0, "it ends too early", error);
	stream->next_in = (Bytef *)decoder->stored;
	stream->avail_in = (uInt)got;
	return 1;
}

/* Behind a member another may begin; zeros that fill up a tape's block say nothing. */
static void gzip_next_member(struct trace_decoder *decoder)
{
	z_stream *stream = &decoder->stream;
	while (stream->avail_in > 0 && *stream->next_in == 0) {
		stream->next_in++;
		stream->avail_in--;
	}
	if (stream->avail_in > 0) {
		inflateReset(stream);
		decoder->between = false;
	}
}

/* Decodes into the stream's room what the next stored bytes give.  1; 0: the end; -1. */
static int gzip_step(struct trace_decoder *decoder, struct trace_error *error)
{
	z_stream *stream = &decoder->stream;
	int status = gzip_refill(decoder, error);
	if (status <= 0)
		return status;
	if (decoder->between) {
		gzip_next_member(decoder);
		return 1;
	}
	status = inflate(stream, Z_NO_FLUSH);
	decoder->between = status == Z_STREAM_END;
	if (status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR)
		return 1;
	return decoding_error(decoder, status == Z_MEM_ERROR ? ENOMEM : 0, stream->msg, error);
}

/* What was decoded comes before an error, which comes again when there is no more. */
static ptrdiff_t gzip_get(
	struct trace_decoder *decoder, char *to, size_t size, struct trace_error *error)
{
	z_stream *stream = &decoder->stream;
	uInt room = size < INT32_MAX ? (uInt)size : INT32_MAX;
	int status = 1;
	stream->next_out = (Bytef *)to;
	stream->avail_out = room;
	while (stream->avail_out == room && status > 0)
		status = gzip_step(decoder, error);
	return stream->avail_out < room ? (ptrdiff_t)(room - stream->avail_out) : status;
}

/* ---- Any ------------------------------------------------------------------------------ */

struct trace_decoder *trace_decoder_open(
	const char *compression, trace_stored_fn *read, void *context, struct trace_error *error)
{
	struct trace_decoder *decoder = calloc(1, sizeof(*decoder));
	if (decoder == NULL) {
		trace_system_error(error, ENOMEM);
		return NULL;
	}
	decoder->read = read;
	decoder->context = context;
	decoder->name = compression;
	decoder->stored = malloc(STORED_SIZE);
	int status = -1;
	if (decoder->stored == NULL)
		trace_system_error(error, ENOMEM);
	else if (strcmp(compression, "gzip") == 0)
		status = gzip_start(decoder, error);
	else
		status = archive_start(decoder, error);
	if (status == 0)
		return decoder;
	trace_decoder_close(decoder);
	return NULL;
}

void trace_decoder_close(struct trace_decoder *decoder)
{
	if (decoder == NULL)
		return;
	if (decoder->archive != NULL)
		archive_read_free(decoder->archive);
	inflateEnd(&decoder->stream);
	free(decoder->stored);
	free(decoder);
}

ptrdiff_t trace_decoder_read(
	struct trace_decoder *decoder, char *to, size_t size, struct trace_error *error)
{
	return decoder->archive != NULL ? archive_get(decoder, to, size, error)
					: gzip_get(decoder, to, size, error);
}

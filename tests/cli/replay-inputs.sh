#!/bin/bash
# SPDX-License-Identifier: MIT
# The same trace however it comes: a pipe, compressed, with CR LF, without its last LF.
printf 'memctx-trace 1\ncreate 1 - aset "a"\nalloc 1 1 100\nalloc 1 2 5\nfree 1\n' >in.trace
report() {
	sed -e 1d -e '/replayed in/d'
}
memctx-tool replay in.trace | report >expected
wc -l <expected
memctx-tool replay - <in.trace | report | diff - expected
sed "" in.trace | memctx-tool replay - | report | diff - expected
memctx-tool replay <(cat in.trace) | report | diff - expected
sed 's/$/\r/' in.trace >crlf
memctx-tool replay crlf | report | diff - expected
head -c -1 in.trace >cut.trace
memctx-tool replay cut.trace | report | diff - expected
gzip -c in.trace >in.gz
xz -c in.trace >in.xz
memctx-tool replay in.gz | report | diff - expected
memctx-tool replay in.xz | report | diff - expected
if command -v zstd >/dev/null; then
	zstd -qc in.trace >in.zst
	memctx-tool replay in.zst | report | diff - expected
fi
memctx-tool replay - <in.xz | head -n 1
memctx-tool replay ./in.trace | head -n 1
mkdir folder
cp in.trace folder/123
memctx-tool replay folder/123 | head -n 1

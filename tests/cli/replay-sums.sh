#!/bin/bash
# SPDX-License-Identifier: MIT
# With exact sizes, the parts are the total, the classes' chunks are the live and the free ones, and
# all contexts together are the total at the peak.
awk 'BEGIN {
	print "memctx-trace 1\ncreate 0 - aset \"top\""
	srand(4711)
	for (i = 1; i <= 60; i++)
		printf "create %d %d aset \"context %d\"\n", i, int(rand() * i), i % 40
	for (i = 1; i <= 20000; i++) {
		if (n > 3000 || (n > 0 && rand() < 0.3)) {
			at = int(rand() * n)
			print "free " live[at]
			live[at] = live[--n]
		} else {
			printf "alloc %d %d %d\n", int(rand() * 61), i, exp(rand() * 10)
			live[n++] = i
		}
	}
}' >in.trace
memctx-tool replay --bytes --all in.trace | tr -d , | awk '
	/^  total/ { total = $2; end = $4 }
	/^  live chunks/ { live = $3 }
	/^    (asked|tails|slack|headers|freelists)/ {
		n = 0
		for (i = 2; i <= NF; i++)
			if ($i ~ /^[0-9]+$/ && $(i + 1) ~ /%$/)
				value[++n] = $i
		parts += value[1]
		parts_end += value[2]
	}
	/^LARGEST/ { listing = 1; next }
	/^$/ { listing = 0 }
	listing { contexts += $(NF - 2); n_contexts++ }
	/^  contexts/ { n_live = $2 }
	/^FREELISTS/ { lists = 1; next }
	lists && ($1 + 0 > 0 || $1 ~ /^[0-9]+K$/ || $1 == "large") { in_classes += $2 }
	lists && $1 == "all" { all = $2; lists = 0 }
	END {
		print total == parts ? "the parts are the total" : total " is not " parts
		print end == parts_end ? "at the end too" : end " is not " parts_end
		print total == contexts ? "the contexts are the total" : total " is not " contexts
		print n_contexts == n_live ? "each is listed" : n_live " is not " n_contexts
		same = all == live && in_classes == live
		print same ? "the classes are all chunks" : live " " in_classes " " all
	}'

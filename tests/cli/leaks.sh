#!/bin/bash
# SPDX-License-Identifier: MIT
# A leak of one chunk a query among a thousand queries, whose caches warm up and then stay, is what
# leaks names, and what diff shows; without it there is nothing to name.
exec 2>&1
cat >server.awk <<'END'
function dice(below) {
	seed = (seed * 16807) % 2147483647
	return seed % below
}
BEGIN {
	seed = 4711
	print "memctx-trace 1\ncreate 1 - aset \"Top\""
	print "create 2 1 aset \"Cache\"\ncreate 3 1 aset \"Session\""
	for (q = 1; q <= 1000; q++) {
		query = 100 + q
		print "create " query " 3 aset \"Query\" ident=\"select " q "\""
		for (i = 0; i < 12; i++)
			print "alloc " query " " ++id " " dice(2000)
		# A cache of 150 entries, filled as they are asked for.
		key = dice(150)
		if (!(key in cached)) {
			cached[key] = 1
			print "alloc 2 " ++id " 3000"
		}
		# A full one of 40, whose entries take turns.
		if (q > 40)
			print "free " turn[q % 40]
		turn[q % 40] = ++id
		print "alloc 2 " id " 1000"
		# In the session, in the very class of the leak, much comes and goes.
		for (i = 0; i < 5; i++)
			print "alloc 3 " ++id " 60"
		if (leak)
			print "alloc 3 " ++id " 50"
		for (i = 0; i < 5; i++)
			print "free " id - leak - i
		print "delete " query
	}
}
END
for leak in 1 0; do
	awk -v leak=$leak -f server.awk >server$leak.trace
done
memctx-tool leaks server1.trace
echo "status $?"
memctx-tool leaks - <server0.trace
echo "status $?"
memctx-tool leaks --all --bytes server1.trace
memctx-tool leaks --all --top=2 server1.trace | tail -n 6
LC_ALL=C memctx-tool leaks server1.trace | sed -n 6p
memctx-tool diff --by=requested server0.trace server1.trace
memctx-tool diff --by=requested server1.trace@14000 server1.trace@27000 | head -n 4
# The contexts themselves; a chunk that grows; more names than fit.
awk 'BEGIN {
	print "memctx-trace 1\ncreate 1 - aset \"Top\"\nalloc 1 1 20000"
	for (i = 2; i <= 9; i++)
		print "create " i " " i - 1 " aset \"a rather long name\""
	for (q = 1; q <= 500; q++) {
		print "create " 100 + q " 9 aset \"Plan\" ident=\"select " q "\""
		print "alloc " 100 + q " " 1000 + q " 500"
		print "realloc 1 " 20000 + 300 * q
	}
}' >grows.trace
memctx-tool leaks grows.trace
memctx-tool leaks --json grows.trace >grows.json
jq -c '.schema, .events, .samples == 23, .events_per_sample, (.leaks | length)' grows.json
jq -c '.leaks[] | [.path[0], .path[-1], (.path | length), .what, .class_size, .live, .made,
	.requested_bytes, .oldest_events, .parts_born_in, .parts_looked_at]' grows.json
jq -c '.others[] | [.path[-1], .what, .class_size, .live]' grows.json
jq -c '.leaks[] | [(.live_at_samples | length), .live_at_samples == (.live_at_samples | sort)]' \
	grows.json
# What is refused.
try() {
	memctx-tool leaks "$@"
	echo "status $?: leaks $*"
}
try
try a b
try --top=x server1.trace
try none.trace
printf 'memctx-trace 1\ncreate 1 - aset "a"\nfree 3\nalloc 1 1 5 odd=1\n' >bad.trace
try bad.trace
try --keep-going --all bad.trace
# A line that is no event, before what is found.
printf 'memctx-trace 1\nodd\ncreate 1 - aset "a"\nodd\nalloc 1 1 5\n' >odd.trace
try --keep-going --all odd.trace
# A path's end is shown, however long the path is.
awk 'BEGIN { print "memctx-trace 1\ncreate 0 - aset \"D0\""
	for (i = 1; i < 100; i++) print "create " i " " i - 1 " aset \"D" i "\""
	print "alloc 99 1 10" }' >deep.trace
memctx-tool leaks --all deep.trace | grep ' 16 '
printf 'memctx-trace 1\n' | memctx-tool leaks -
memctx-tool leaks server1.trace >/dev/full
echo "/dev/full: status $?"
memctx-tool leaks --json server1.trace >/dev/full
echo "/dev/full: status $?"
memctx-tool leaks server1.trace >&-
echo "closed: status $?"

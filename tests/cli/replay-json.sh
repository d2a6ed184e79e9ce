#!/bin/bash
# SPDX-License-Identifier: MIT
# --json against a model in awk that knows the trace and nothing of the allocator; and what the
# figures of the allocator owe to each other.
awk 'function context() {
	return rand() < 0.5 ? 0 : int(rand() * (made + 1))
}
BEGIN {
	print "memctx-trace 1\ncreate 0 - aset \"top\""
	srand(815)
	for (i = 1; i <= 8000; i++) {
		roll = rand()
		if (roll < 0.03) {
			made++
			print "create " made " " context() " aset \"context\""
		} else if (roll < 0.035) {
			print "reset " int(rand() * made) + 1
		} else if (roll < 0.04) {
			print "resetonly " int(rand() * made) + 1
		} else if (roll < 0.043) {
			print "deletechildren " int(rand() * made) + 1
		} else if (roll < 0.046) {
			print "delete " int(rand() * made) + 1
		} else if (roll < 0.05) {
			print "move " int(rand() * made) + 1 " " context()
		} else if (roll < 0.055) {
			print "base " context() " 100 3\nfreebase " context() " 100"
		} else if (roll < 0.65) {
			print "alloc " context() " " i " " int(exp(rand() * 10))
		} else if (roll < 0.7) {
			print "realloc " int(rand() * i) " " int(exp(rand() * 10))
		} else {
			print "free " int(rand() * i)
		}
	}
}' >any.trace
# What the dice made invalid is left out, until all is valid.
while memctx-tool check -k any.trace 2>errors; [ -s errors ]; do
	cut -d: -f2 errors | sed 's/$/d/' >script
	sed -i -f script any.trace
done >/dev/null
cat >model.awk <<'MODEL'
function below(c, top) {
	while (c != "-" && c != top)
		c = parent[c]
	return c == top
}
function drop_chunks(c, chunk, at) {
	for (chunk in owner)
		if (owner[chunk] == c) {
			requested -= size[chunk]
			live--
			delete owner[chunk]
		}
	for (at in bases)
		if (bases[at] && at ~ "^" c " ") {
			split(at, part, " ")
			requested -= part[2] * bases[at]
			live -= bases[at]
			bases[at] = 0
		}
}
function drop(c) {
	drop_chunks(c)
	delete parent[c]
	contexts--
}
function drop_below(top, c, n, list, i) {
	for (c in parent)
		if (c != top && below(c, top))
			list[++n] = c
	for (i = 1; i <= n; i++)
		drop(list[i])
}
/^create/ { parent[$2] = $3; contexts++; created++ }
/^alloc/ { owner[$3] = $2; size[$3] = $4; requested += $4; live++ }
/^realloc/ { requested += $3 - size[$2]; size[$2] = $3 }
/^free / { requested -= size[$2]; live--; delete owner[$2] }
/^reset / { drop_below($2); drop_chunks($2) }
/^resetonly/ { drop_chunks($2) }
/^deletechildren/ { drop_below($2) }
/^delete / { drop_below($2); drop($2) }
/^move/ { parent[$2] = $3 }
/^base/ { bases[$2 " " $3] += $4; requested += $3 * $4; live += $4 }
/^freebase/ { bases[$2 " " $3]--; requested -= $3; live-- }
/^[a-z]/ && !/^memctx-trace/ { words[$1]++; events++ }
{
	if (requested > most)
		most = requested
	if (live > most_live)
		most_live = live
}
events == stop && !said {
	said = 1
	print "peak", contexts, live, requested
}
END {
	print "end", contexts, live, requested
	print "most", most, most_live
	print "created", created, events
	for (word in words)
		print word, words[word] | "sort"
}
MODEL
memctx-tool replay --json any.trace >any.json
echo "status $?"
jq -r '"peak \(.peak | "\(.live_contexts) \(.live_chunks) \(.requested_bytes)")",
	"end \(.end | "\(.live_contexts) \(.live_chunks) \(.requested_bytes)")",
	"most \(.peak_requested_bytes) \(.peak_live_chunks)",
	"created \(.contexts_created) \(.end.event)",
	(.events | to_entries | sort_by(.key)[] | select(.value > 0) | "\(.key) \(.value)")' \
	any.json >told
awk -v stop="$(jq .peak.event any.json)" -f model.awk any.trace >known
diff known told && echo "the model agrees"
# Many events, of every word, and not all the same moment.
if [ "$(wc -l <told)" -ne 15 ] || [ "$(jq .end.event any.json)" -lt 2500 ]; then cat told; fi
jq -c '(.peak, .end) | [.total_bytes == .requested_bytes + .slack_bytes + .header_bytes +
		.freelist_bytes + .tail_bytes,
	.free_bytes == .freelist_bytes + .tail_bytes, .used_bytes == .total_bytes - .free_bytes,
	.total_nblocks >= .live_contexts, .free_chunks == ([.classes[].free] | add)]' any.json
jq -c '[.skipped, .kinds_replaced, .elapsed_seconds > 0, .events_per_second > 0,
	.peak.total_bytes >= .end.total_bytes]' any.json
memctx-tool replay --json --until=100 any.trace | jq -c '[.end.event, .peak.event <= 100]'
printf 'memctx-trace 1\ncreate 1 - aset "a"\nfree 1\ncreate 2 1 bump "b"\n' |
	memctx-tool replay --json --keep-going - | jq -c '[.skipped, .kinds_replaced, .end.event]'
printf 'memctx-trace 1\nfree 1\n' | memctx-tool replay --json -
echo "status $?"

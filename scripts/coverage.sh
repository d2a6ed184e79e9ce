#!/bin/bash
# SPDX-License-Identifier: MIT
#
# coverage.sh BUILD PROGRAM...: runs the programs of a build made with --coverage and prints, for
# each file of lib/, the share of lines and branches that they reached and the lines that they did
# not.  The annotated sources stay in BUILD/gcov.
set -u
build=$1
shift

find "$build" -name '*.gcda' -delete
failed=0
for program in "$@"; do
	"$program" >"$build/coverage.log" 2>&1 </dev/null && continue
	echo "$program failed:"
	tail -n 20 "$build/coverage.log"
	failed=1
done

# One table: FOLDER has the objects of the library's TITLE.
table() {
	local folder=$1 title=$2 out=$build/gcov/$2
	ls "$folder"/*.gcda >/dev/null 2>&1 || return 0
	rm -rf "$out"
	mkdir -p "$out"
	# All at once, so that a header's lines are summed over those that include it.
	gcov -b -r -o "$folder" lib/*.c >"$out/summary" 2>/dev/null
	mv -- *.gcov "$out"
	awk -v title="$title" -v out="$out" '
	function uncovered(file,    path, line, part, list) {
		path = out "/" file ".gcov"
		while ((getline line < path) > 0) {
			split(line, part, ":")
			# The first sum of a line; those of each copy of an inline function follow.
			if (!seen[file, part[2]]++ && part[1] ~ /#####|=====/)
				list = list " " (part[2] + 0)
		}
		return list
	}
	function row(name, lines, hit, branches, taken, rest) {
		printf "%-20s %6d  %6.2f %%   %6d  %6.2f %%  %s\n", name, lines,
			lines ? 100 * hit / lines : 100, branches,
			branches ? 100 * taken / branches : 100, rest
	}
	function flush() {
		if (file != "")
			row(file, lines, hit, branches, taken, uncovered(file))
		all_lines += lines; all_hit += hit
		all_branches += branches; all_taken += taken
		file = ""; lines = hit = branches = taken = 0
	}
	function share(text,    part) { # "Lines executed:98.00% of 200"
		split(text, part, /[:% ]+/)
		total = part[length(part)]
		return int(part[length(part) - 2] / 100 * total + 0.5)
	}
	BEGIN { printf "%-20s %6s  %8s   %6s  %8s  %s\n", title, "lines", "run", "branch", "taken",
		"lines not run" }
	/^File / { flush(); split($0, name, "\047"); file = name[2]; sub(/.*\//, "", file) }
	/^Lines executed:/ && file != "" { hit = share($0); lines = total }
	/^Taken at least once:/ && file != "" { taken = share($0); branches = total }
	/^Creating|^Removing/ { flush(); }
	END { flush(); row("in all", all_lines, all_hit, all_branches, all_taken, "") }
	' "$out/summary"
}

table "$build/lib" libmemctx
table "$build/check" libmemctx-check
exit $failed

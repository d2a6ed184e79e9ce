#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Nothing points back: cli -> tui -> lib/model -> lib, by what each file includes.  The same look at
# a tree with every breach in it must report every breach.
set -u
cd "$(dirname "$0")/.." || exit 1

# The layer of a path: what stands below it may be included, what stands above may not.
layer() {
	case $1 in
	lib/memctx.h) echo public ;;
	# The published region's layout: what a reader of another process needs.
	lib/region.h | lib/region_fine.h) echo layout ;;
	lib/model/*) echo model ;;
	lib/*) echo lib ;;
	tui/*) echo tui ;;
	cli/*) echo cli ;;
	*) echo none ;;
	esac
}

# Which file INCLUDE names in FILE, as the compiler would look for it.
resolve() {
	local folder
	for folder in "${1%/*}" lib .; do
		[ -e "$folder/$2" ] && realpath -m --relative-to=. "$folder/$2" && return
	done
}

allowed() {
	case $1 in
	lib | layout) [[ $2 == @(public|lib|layout) ]] ;;
	model) [[ $2 == @(public|model|layout) ]] ;;
	tui) [[ $2 == @(public|model|tui) ]] ;;
	cli) [[ $2 == @(public|model|tui|cli) ]] ;;
	esac
}

# Whether FILE may include <HEADER> of a library that only some part knows.
allowed_system() {
	case $2 in
	*cJSON.h) [ "$1" = lib/model/json.c ] ;;
	*curses.h) [ "$(layer "$1")" = tui ] ;;
	archive.h | archive_entry.h | zlib.h) [ "$(layer "$1")" = model ] ;;
	*) true ;;
	esac
}

# What FILE includes between OPEN and CLOSE.
includes() {
	sed -n "s/^[[:space:]]*#[[:space:]]*include[[:space:]]*$1\(.*\)$2.*/\1/p" "$3"
}

# Prints each breach in the tree of the current folder.
breaches() {
	local file header target
	for file in lib/*.[ch] lib/model/*.[ch] tui/*.[ch] cli/*.[ch]; do
		[ -e "$file" ] || continue
		while read -r header; do
			target=$(resolve "$file" "$header")
			if [ -z "$target" ]; then
				echo "$file includes $header, which is not there"
			elif ! allowed "$(layer "$file")" "$(layer "$target")"; then
				echo "$file includes $target"
			fi
		done < <(includes '"' '"' "$file")
		while read -r header; do
			allowed_system "$file" "$header" || echo "$file includes <$header>"
		done < <(includes '<' '>' "$file")
	done
}

breach() {
	mkdir -p "$(dirname "$1")"
	echo "#include $2" >>"$1"
}

# A tree of which each file breaks one rule.
try_breaches() {
	cd "$(mktemp -d)" || exit 1
	breach lib/memctx.h '<stddef.h>'
	breach lib/internal.h '"memctx.h"'
	breach tui/view.h '"model/snapshot.h"'
	breach cli/cli.h '"tui/view.h"'
	breach lib/model/snapshot.h '"memctx.h"'
	breach lib/1.c '"model/snapshot.h"'
	breach lib/2.c '<cjson/cJSON.h>'
	breach lib/model/3.c '"internal.h"'
	breach lib/model/4.c '"../../tui/view.h"'
	breach lib/model/5.c '<cjson/cJSON.h>'
	breach lib/model/json.c '<cjson/cJSON.h>'
	breach tui/6.c '"cli/cli.h"'
	breach cli/7.c '<ncursesw/curses.h>'
	breach cli/8.c '"../lib/internal.h"'
	breach lib/9.c '<archive.h>'
	breaches >found
	for number in 1 2 3 4 5 6 7 8 9; do
		grep -q "/$number\.c includes" found || echo "breach $number was not seen" >>found
	done
	cat found
	[ "$(wc -l <found)" -eq 9 ] && ! grep -q 'not seen' found
}

(try_breaches >"${TMPDIR:-/tmp}/breaches" 2>&1) || {
	cat "${TMPDIR:-/tmp}/breaches"
	exit 1
}
found=$(breaches)
echo "$found"
[ -z "$found" ]

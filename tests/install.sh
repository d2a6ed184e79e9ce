#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make install into a staged folder and into a prefix: a program builds there with what pkg-config
# says, against the shared and the static library, and runs; uninstall leaves nothing behind.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "$*"
	exit 1
}

cat >"$work/program.c" <<'END'
#include <memctx.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	memctx *root = memctx_create(NULL, "root", NULL, MEMCTX_ASET, NULL);
	char *text = memctx_strdup(root, memctx_version());
	int ok = memctx_owner(text) == root && memctx_requested(text) == strlen(text) + 1;

	puts(text);
	memctx_delete(root);
	return ok ? 0 : 1;
}
END

version=$(sed -n 's/^.define MEMCTX_VERSION_[A-Z]* //p' lib/memctx.h | paste -sd. -)

# Files and links below FOLDER.
files() {
	find "$1" ! -type d | sed "s|^$1/||" | sort
}

# The README's program, which its reader copies.
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' README.md >"$work/readme.c"

# The header in C++, with all of its macros.
cat >"$work/program.cc" <<'END'
#include <memctx.h>
#include <cstdio>

int main()
{
	struct memctx_options options = MEMCTX_DEFAULT_OPTIONS;
	memctx *root = memctx_create(nullptr, "root", nullptr, MEMCTX_ASET, &options);

	options = MEMCTX_SMALL_OPTIONS;
	memctx *small = memctx_create(root, "small", nullptr, MEMCTX_ASET, &options);
	std::printf("%zu %zu\n", memctx_total(root), memctx_total(small));
	memctx_delete(root);
}
END

# Builds and runs the program three ways with the library below ROOT/LIB.
try_programs() {
	local root=$1 lib=$1/$2 flags
	flags=$(pkg-config --cflags --libs memctx)
	# shellcheck disable=SC2086 # flags
	$CC -Wall -Werror -o "$work/shared" "$work/program.c" $flags
	[ "$(LD_LIBRARY_PATH=$lib "$work/shared")" = "$version" ] || fail "the shared library"
	# shellcheck disable=SC2086
	$CC -Wall -Werror -o "$work/readme" "$work/readme.c" $flags
	LD_LIBRARY_PATH=$lib "$work/readme" | grep -q . || fail "the README's program"
	for compiler in g++ clang++; do
		command -v $compiler >/dev/null || continue
		for standard in 11 17 20; do
			# shellcheck disable=SC2086
			$compiler -std=c++$standard -Wall -Wextra -pedantic -Werror \
				-o "$work/cxx" "$work/program.cc" $flags
			[ "$(LD_LIBRARY_PATH=$lib "$work/cxx")" = "8192 1024" ] ||
				fail "a C++$standard program by $compiler"
		done
	done
	readelf -d "$work/shared" | grep -q 'NEEDED.*libmemctx\.so\.0' || fail "no soname"
	# shellcheck disable=SC2046,SC2086
	$CC -Wall -Werror -o "$work/static" "$work/program.c" $(pkg-config --cflags memctx) \
		"$lib/libmemctx.a" -pthread
	[ "$("$work/static")" = "$version" ] || fail "the static library's version"
	# shellcheck disable=SC2086
	$CC -o "$work/check" "$work/program.c" ${flags/-lmemctx/-lmemctx-check}
	LD_LIBRARY_PATH=$lib "$work/check" >/dev/null || fail "libmemctx-check"
	[ "$(pkg-config --modversion memctx)" = "$version" ] || fail "memctx.pc's version"
	LD_LIBRARY_PATH='' "$root/bin/memctx-tool" --version | grep -qF "$version" ||
		fail "the installed tool"
}

expect() {
	local file
	for file; do
		[ -s "$file" ] || fail "not installed: $file"
	done
}

make install PREFIX="$work/prefix" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
cd "$work/prefix"
expect bin/memctx-tool include/memctx.h share/doc/memctx/LICENSE lib/pkgconfig/memctx.pc \
	share/memctx/memctx-tree.schema.json share/memctx/traces/trace.txt \
	share/man/man1/memctx-tool.1 share/man/man1/memctx-tool-replay.1 \
	share/bash-completion/completions/memctx-tool
for lib in libmemctx libmemctx-check; do
	expect lib/$lib.a lib/$lib.so lib/$lib.so.0 "lib/$lib.so.$version"
done
cd "$OLDPWD"
PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig try_programs "$work/prefix" lib

# Staged as a distribution does it, with a library folder of its own.
libdir=/usr/lib/some-triplet
make install DESTDIR="$work/stage" PREFIX=/usr LIBDIR=$libdir >"$work/log" 2>&1
[ "$(ls "$work/stage")" = usr ] || fail "files outside of the prefix: $(ls "$work/stage")"
# shellcheck disable=SC2030,SC2031 # each call has its own
(export PKG_CONFIG_PATH=$work/stage$libdir/pkgconfig
	try_programs "$work/stage/usr" lib/some-triplet)
# The other use of a stage: pkg-config told that it is the system's root.
# shellcheck disable=SC2030,SC2031
(export PKG_CONFIG_SYSROOT_DIR=$work/stage PKG_CONFIG_LIBDIR=$work/stage$libdir/pkgconfig
	try_programs "$work/stage/usr" lib/some-triplet)

# What was there before stays, and nothing else does.
touch "$work/stage/usr/lib/other" "$work/prefix/include/other.h"
make uninstall PREFIX="$work/prefix" >"$work/log" 2>&1
make uninstall DESTDIR="$work/stage" PREFIX=/usr LIBDIR=$libdir >"$work/log" 2>&1
[ "$(files "$work/prefix")" = include/other.h ] || fail "left: $(files "$work/prefix")"
[ "$(files "$work/stage")" = usr/lib/other ] || fail "left: $(files "$work/stage")"
[ ! -d "$work/prefix/share/memctx" ] || fail "left: $work/prefix/share/memctx"

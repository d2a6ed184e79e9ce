#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What building and testing need, and the Debian package that has it.
#
#   deps.sh demo            installs what is missing for building
#   deps.sh check           that, and what the suites need
#   deps.sh need NAME...    fails, naming what is missing; installs nothing
#   deps.sh lacks NAME...   prints the names that are missing
#
# What is still missing after that (INSTALL=no, no apt-get, neither root nor sudo) is named; demo
# fails then, check only where building would.  A suite says what it uses in a line
# `# needs: NAME...` and is skipped without it.
set -u

# Whether NAME is there; sets $package to what to install for it.
has() {
	package=$1
	case $1 in
	cc)
		package=gcc
		# shellcheck disable=SC2086 # CC may be `ccache gcc`
		set -- ${CC:-cc}
		[ "$1" = clang ] && package=clang
		command -v "$1" ;;
	libc)
		package=libc6-dev
		echo '#include <stdio.h>' | ${CC:-cc} -E -x c - ;;
	libcjson | libarchive | zlib | cmocka | ncursesw)
		case $1 in
		libcjson | libarchive) package=$1-dev ;;
		zlib) package=zlib1g-dev ;;
		cmocka) package=libcmocka-dev ;;
		ncursesw) package=libncurses-dev ;;
		esac
		pkg-config --exists "$1" ;;
	xz)
		package=xz-utils
		command -v xz ;;
	nm | ar)
		package=binutils
		command -v "$1" ;;
	jsonschema)
		package=python3-jsonschema
		/usr/bin/python3 -c 'import jsonschema' ;;
	*) command -v "$1" ;;
	esac >/dev/null 2>&1
}

# The packages for those of NAME... that are missing; with pkg-config itself missing every library
# seems to be, so what dpkg has is left out.
missing_packages() {
	for name in "$@"; do
		has "$name" && continue
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed' ||
			echo "$package"
	done | sort -u | tr '\n' ' '
}

missing_names() {
	for name in "$@"; do
		has "$name" || echo "$name"
	done | sort -u | tr '\n' ' '
}

say() {
	echo "memctx: $*" >&2
}

# Installs packages, having said so.
install_packages() {
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null; then
			say "missing; as root: apt-get install $*"
			return 1
		fi
		as_root=sudo
	fi
	say "installing with apt-get${as_root:+ (by sudo)}: $*"
	apt_install "$@" && return
	say "apt-get's lists may be old or empty: updating them"
	$as_root apt-get -q update && apt_install "$@" && return
	say "trying them one by one"
	for one in "$@"; do
		apt_install "$one"
	done
}

apt_install() {
	$as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q install -y --no-install-recommends "$@"
}

# Has NAME... present afterwards, or says what is not and fails.
provide() {
	packages=$(missing_packages "$@")
	if [ -n "$packages" ] && [ "${INSTALL:-yes}" != no ] && command -v apt-get >/dev/null; then
		# shellcheck disable=SC2086 # a list
		install_packages $packages
	fi
	names=$(missing_names "$@")
	[ -z "$names" ] && return
	say "missing: $names"
	# shellcheck disable=SC2086
	packages=$(missing_packages $names)
	[ -n "$packages" ] && say "Debian's packages for it: $packages"
	return 1
}

build="cc libc pkg-config libcjson libarchive zlib"
[ -d tui ] && build="$build ncursesw"

# What the suites say they need.
suites() {
	ls tests/*_test.c >/dev/null 2>&1 && echo cmocka
	echo valgrind
	sed -n 's/^# needs: //p' tests/*.sh 2>/dev/null
}

what=$1
shift
case $what in
demo)
	# shellcheck disable=SC2086
	provide $build ;;
check)
	# shellcheck disable=SC2046,SC2086
	provide $build $(suites) && exit
	# shellcheck disable=SC2086
	missing=$(missing_names $build)
	[ -z "$missing" ] || exit 1
	say "the suites that need it are skipped" ;;
need)
	INSTALL=no provide "$@" ;;
lacks)
	missing_names "$@" ;;
*)
	say "deps.sh: unknown: $what"
	exit 2 ;;
esac

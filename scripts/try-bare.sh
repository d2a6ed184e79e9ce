#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Tries the README's lines with `make demo` and `make check` on a bare system, made by debootstrap:
# as root where there is no sudo, then as a user with sudo.  Takes minutes, and downloads.
#
#   try-bare.sh [FOLDER [SUITE]]    as root
#
# FOLDER is build/bare, SUITE (kept in FOLDER/base for the next time) bookworm.
# MIRROR names another archive than Debian's.  What is tried is HEAD, as committed.
set -eu
cd "$(dirname "$0")/.."
folder=$(realpath -m "${1:-build/bare}")
suite=${2:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
base=$folder/base

say() {
	echo "== $*"
}

# The README's line for `make WHAT`.
line() {
	local found
	found=$(grep -m 1 -E "^[^#]*; make $1\$" README.md) || {
		say "README.md has no line for make $1" >&2
		exit 1
	}
	echo "${found#"${found%%[![:space:]]*}"}"
}

# Runs a command in ROOT as USER, with nothing of this environment.
inside() {
	local root=$1 user=$2
	shift 2
	env -i TERM=dumb LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		chroot "$root" su - "$user" -c "cd ~/memctx && $*"
}

# A fresh copy of the bare system with the sources in USER's home.
prepare() {
	local root=$1 home=$2
	cp -a "$base" "$root"
	cp /etc/resolv.conf /etc/hosts "$root/etc/"
	mount -t proc proc "$root/proc"
	mount --bind /dev "$root/dev"
	mount --bind /dev/pts "$root/dev/pts"
	mkdir -p "$root$home/memctx"
	git archive HEAD | tar -x -C "$root$home/memctx"
}

finish() {
	for root in "$folder"/root "$folder"/user; do
		umount "$root/proc" "$root/dev/pts" "$root/dev" 2>/dev/null || true
	done
}

# The README's line for `make WHAT`, in ROOT as USER.
try_line() {
	local root=$1 user=$2 what=$3 log=$folder/$2-$3.log
	say "$user: $(line "$what")"
	inside "$root" "$user" "$(line "$what")" >"$log" 2>&1 || {
		tail -n 40 "$log"
		say "$user: make $what failed"
		exit 1
	}
	grep -E '^memctx: |passed, ' "$log"
}

# Both targets again, which must install and build nothing.
try_again() {
	local root=$1 user=$2 what log=$folder/$2
	for what in demo check; do
		say "$user, again: make $what"
		inside "$root" "$user" "make $what" >"$log-$what-again.log" 2>&1
		if grep -E '^  (CC|LINK|AR) |^memctx: installing' "$log-$what-again.log"; then
			say "the second make $what was not idle"
			exit 1
		fi
	done
	tail -n 1 "$log-check-again.log"
}

trap finish EXIT
finish
rm -rf --one-file-system "$folder/root" "$folder/user"
[ -d "$base" ] || debootstrap --variant=minbase "$suite" "$base" "$mirror" >"$folder.log"

# With only what building needs, the suites that need more are skipped, and nothing fails.
try_skipping() {
	local last
	say "root: INSTALL=no make check, after make demo"
	inside "$folder/root" root "INSTALL=no make check" >"$folder/root-skipping.log" 2>&1 || true
	last=$(tail -n 1 "$folder/root-skipping.log")
	echo "$last"
	[[ $last =~ ^[0-9]+\ passed,\ 0\ failed,\ [1-9][0-9]*\ skipped$ ]] || exit 1
}

prepare "$folder/root" /root
for tool in make gcc sudo; do
	! chroot "$folder/root" sh -c "command -v $tool" || say "$tool is there: not so bare"
done
try_line "$folder/root" root demo
try_skipping
try_line "$folder/root" root check
try_again "$folder/root" root

prepare "$folder/user" /home/dev
chroot "$folder/user" sh -ec 'apt-get -q update && apt-get -q install -y sudo
	useradd -s /bin/bash dev && echo "dev ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/dev
	chown -R dev: /home/dev
	rm -rf /var/lib/apt/lists/*' >"$folder/user-setup.log" 2>&1
try_line "$folder/user" dev demo
try_line "$folder/user" dev check
try_again "$folder/user" dev
say "done"

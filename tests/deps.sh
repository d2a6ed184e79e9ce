#!/bin/bash
# SPDX-License-Identifier: MIT
#
# scripts/deps.sh on a made-up machine: a PATH with a few tools, and an apt-get, sudo and id that
# only write down what they were asked.  It must install what is missing, that alone, and nothing
# with INSTALL=no.
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# What the machine has of its own.
mkdir "$work/bin"
for tool in sh bash sed grep sort tr cat ls head env; do
	ln -s "$(command -v $tool)" "$work/bin/$tool"
done

# A tool that does nothing, or BODY.
fake() {
	printf '#!/bin/sh\n%s\n' "${2:-}" >"$work/bin/$1"
	chmod +x "$work/bin/$1"
}

# An apt-get that makes tools appear: INSTALLS is sed's translation from packages to tools.
fake_apt() {
	fake apt-get "echo \"apt-get \$*\" >>$work/asked
	case \$* in *update*) : >$work/lists; exit ;; esac
	[ -e $work/lists ] || exit 100
	for package; do
		case \$package in
		valgrind | tmux) printf '#!/bin/sh\n' >$work/bin/\$package ;;
		libcjson-dev) echo libcjson >>$work/libraries ;;
		esac
	done
	/bin/chmod -R +x $work/bin"
}

# A machine that lacks cJSON's library and valgrind; root, and apt's lists are there.
machine() {
	rm -f "$work/bin/sudo" "$work/bin/valgrind" "$work/bin/tmux"
	printf '%s\n' libarchive zlib ncursesw cmocka >"$work/libraries"
	: >"$work/asked"
	: >"$work/lists"
	fake cc
	fake clang
	fake make
	fake jq
	fake id 'echo 0'
	fake dpkg-query 'exit 1'
	fake pkg-config "grep -qx \"\$2\" $work/libraries"
	fake_apt
}

# Runs deps.sh there, in a folder with the suites that are given to it.
deps() {
	(cd "$work/tree" &&
		env -i PATH="$work/bin" "${settings[@]}" sh "$OLDPWD/scripts/deps.sh" "$@")
}

# expect WHAT STATUS ASKED SAID: what apt-get was asked for, and words of what was printed.
expect() {
	local what=$1 wanted=$2 asked=$3 said=$4 got
	shift 4
	deps "$@" >"$work/said" 2>&1
	got=$?
	asked_for=$(sed 's/ -[^ ]*//g' "$work/asked" | tr '\n' ';')
	if [ $got -ne "$wanted" ] || [ "$asked_for" != "$asked" ] ||
		! (echo; cat "$work/said") | grep -qF -e "$said"; then
		echo "$what: status $got (not $wanted), apt-get: '$asked_for' (not '$asked'), said:"
		cat "$work/said"
		status=1
	fi
	settings=()
}

mkdir -p "$work/tree/tests"
printf '#!/bin/sh\n# needs: tmux jq\n' >"$work/tree/tests/screen.sh"
settings=()

machine
expect "demo" 0 "apt-get install libcjson-dev;" "installing with apt-get: libcjson-dev" demo
: >"$work/asked"
expect "demo again" 0 "" "" demo
expect "check" 0 "apt-get install tmux valgrind;" "tmux valgrind" check

machine
rm "$work/lists"
expect "empty lists" 0 "apt-get install libcjson-dev;apt-get update;apt-get install libcjson-dev;" \
	"updating" demo

machine
settings=(INSTALL=no)
expect "INSTALL=no demo" 1 "" "Debian's packages for it: libcjson-dev" demo
settings=(INSTALL=no)
expect "INSTALL=no check, no cJSON" 1 "" "libcjson" check
echo libcjson >>"$work/libraries"
settings=(INSTALL=no)
expect "INSTALL=no check" 0 "" "Debian's packages for it: tmux valgrind" check

machine
fake id 'echo 1000'
expect "neither root nor sudo" 1 "" "as root: apt-get install libcjson-dev" demo
# shellcheck disable=SC2016 # for the script
fake sudo "echo sudo >>$work/asked; exec \"\$@\""
expect "sudo" 0 "sudo;apt-get install libcjson-dev;" "(by sudo)" demo

machine
rm "$work/bin/apt-get"
expect "no apt-get" 1 "" "missing: libcjson" demo

machine
rm "$work/bin/pkg-config"
fake dpkg-query "case \$* in *libarchive-dev) echo 'install ok installed' ;; *) exit 1 ;; esac"
rm "$work/lists"
fake apt-get "echo \"apt-get \$*\" >>$work/asked; exit 100"
deps demo >/dev/null 2>&1
if ! grep -q 'install.* libcjson-dev pkg-config' "$work/asked" ||
	grep -q libarchive-dev "$work/asked"; then
	echo "without pkg-config, what dpkg has was asked for again, or too little was:"
	cat "$work/asked"
	status=1
fi

machine
[ "$(deps lacks jq tmux valgrind)" = "tmux valgrind " ] || {
	echo "lacks: $(deps lacks jq tmux valgrind)"
	status=1
}
exit $status

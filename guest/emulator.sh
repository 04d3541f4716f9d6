#!/bin/bash
# Prints the root of a QEMU that shows every store to a plugin (10 or newer), fetching it from Debian at need.
set -u

PROGRAM=guest/emulator.sh
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$HERE/lib.sh"
# shellcheck source-path=SCRIPTDIR source=work.sh
. "$HERE/work.sh"
# shellcheck source-path=SCRIPTDIR source=archive.sh
. "$HERE/archive.sh"

SUBJECT=emulator
OR_ELSE=', or install QEMU 10'
LEAST=10
PACKAGES=(qemu-system-x86 qemu-system-common qemu-system-data seabios)

usage()
{
	cat <<'END'
usage: guest/emulator.sh

Prints / where this machine's QEMU is new enough, else a folder in the cache with one from the
backports of this machine's Debian suite, unpacked and never installed.
END
}

# version_of QEMU : its first number, or 0
version_of()
{
	"$1" --version 2>/dev/null | sed -n '1s/.* version \([0-9]*\).*/\1/p' | grep . || echo 0
}

suite()
{
	# shellcheck disable=SC1091
	(. /etc/os-release && echo "${VERSION_CODENAME:-}") 2>/dev/null
}

fetch()
{
	local target=$1 suite name missing packages=()
	suite=$(suite)
	[ -n "$suite" ] || lacking "an audit takes QEMU $LEAST or newer, and this machine's Debian suite is not known: install it"
	say "emulator: an audit takes QEMU $LEAST or newer; asking the mirror for that of $suite-backports"
	open_archive "$suite-backports"
	for name in "${PACKAGES[@]}"; do
		packages+=("$name=$(candidate "$name")")
	done
	fetch_packages "${PACKAGES[0]}" "${packages[@]}"
	for name in "$WORK"/debs/*.deb; do
		dpkg-deb -x "$name" "$WORK/root" || lacking "cannot unpack $(basename "$name")"
	done
	missing=$(ldd "$WORK/root/usr/bin/qemu-system-x86_64" | awk '/not found/ { print $1 }' | paste -sd ' ')
	[ -z "$missing" ] || lacking "QEMU of $suite-backports needs libraries that are not here: $missing"
	[ "$(version_of "$WORK/root/usr/bin/qemu-system-x86_64")" -ge $LEAST ] ||
		lacking "$suite-backports has no QEMU $LEAST: install one"
	mv "$WORK/root" "$target" || lacking "cannot write $target"
	say "emulator: ${packages[0]} is in the cache"
}

main()
{
	local target=$CACHE/emulator
	case ${1-} in
	-h | --help)
		usage
		exit
		;;
	?*) usage_error "'$1' is not expected" ;;
	esac
	if [ "$(version_of qemu-system-x86_64)" -ge $LEAST ]; then
		echo /
		return
	fi
	make_cache "$CACHE"
	need_tool flock util-linux
	exec 9>"$CACHE/.lock-emulator" || lacking "cannot write to $CACHE"
	flock 9
	if [ ! -x "$target/usr/bin/qemu-system-x86_64" ]; then
		WORK=$(mktemp -d "$CACHE/.work-XXXXXX") || lacking "cannot write to $CACHE"
		fetch "$target"
	fi
	echo "$target"
}

main "$@"

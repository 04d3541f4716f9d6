#!/bin/bash
# Shows on a machine with nothing installed, a new Debian tree, that a clone and one line are enough:
# ./collect.sh run && ./analyze. Takes root, debootstrap and a mirror, 3 GB below TMPDIR and ten minutes.
# usage: tests/fresh-machine.sh [SUITE]
set -u

TOP=$(cd "$(dirname "$0")/.." && pwd)
suite=${1:-bookworm}

fail()
{
	echo "fresh-machine: $*" >&2
	exit 4
}

[ "$(id -u)" = 0 ] || fail "takes root, for chroot and mounts"
command -v debootstrap >/dev/null || fail "no debootstrap on this machine: apt-get install debootstrap"
mirror=$("$TOP/guest/kernel.sh" --mirror) || exit
tree=$(mktemp -d "${TMPDIR:-/tmp}/copychain-fresh-XXXXXX") || exit
# All mounts are in a namespace of their own and gone by then.
trap 'rm -rf --one-file-system "$tree"' EXIT
trap 'exit 130' INT TERM HUP

# step NAME COMMAND... : says how long it took
step()
{
	local what=$1 start=$SECONDS status
	shift
	"$@"
	status=$?
	took=$((SECONDS - start))
	echo "fresh-machine: $what: status $status, $took s"
	return $status
}

# The archives and how to reach them are those of this machine's apt.
give_apt()
{
	local etc
	eval "$(apt-config shell etc Dir::Etc/d)"
	rm -f "$tree/etc/apt/sources.list"
	cp -r "${etc%/}"/{sources.list,sources.list.d,auth.conf,auth.conf.d,trusted.gpg.d} "$tree/etc/apt/" 2>/dev/null
	apt-config dump | grep '^Acquire::' >"$tree/etc/apt/apt.conf.d/00from-outside"
	mkdir -p "$tree/usr/share/keyrings"
	cp -n /usr/share/keyrings/*.gpg "$tree/usr/share/keyrings/"
	cp -L /etc/resolv.conf /etc/hosts "$tree/etc/" 2>/dev/null
}

# inside COMMAND : as root in the tree, with an environment of its own
inside()
{
	# shellcheck disable=SC2016
	unshare --mount --pid --fork --propagation private sh -c '
		mount -t proc proc "$1/proc" && mount -t sysfs sysfs "$1/sys" &&
			mount --rbind /dev "$1/dev" && mount -t tmpfs tmpfs "$1/run" || exit 4
		exec chroot "$1" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			sh -c "cd /root/copychain && $2"' sh "$tree" "$1"
}

step "debootstrap --variant=minbase $suite" debootstrap --variant=minbase "$suite" "$tree" "$mirror" >"$tree.log" 2>&1 ||
	{
		tail -n 5 "$tree.log"
		rm -f "$tree.log"
		fail "debootstrap failed"
	}
tail -n 1 "$tree.log"
rm -f "$tree.log"
give_apt
step "git clone" git clone -q --no-local "$TOP" "$tree/root/copychain" || fail "git clone failed"
step "with nothing installed: ./collect.sh run && ./analyze" inside "./collect.sh run && ./analyze --require-exact" || exit
step "once more: ./collect.sh run && ./analyze" inside "./collect.sh run && ./analyze --require-exact" >"$tree/said"
status=$?
tail -n 1 "$tree/said"
[ $status = 0 ] || exit $status
[ $took -lt 60 ] || {
	echo "fresh-machine: more than a minute" >&2
	exit 1
}

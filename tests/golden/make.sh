#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Records the golden runs anew: small recordings of real flows on real kernels, for the tests of
# the analysis. Boots two virtual machines per kernel; one archive for each of them, since runs of
# one boot share most of their bytes. A run is repeated until its verdict is exact. Of the sets of
# flows, which are large, each is recorded on one kernel.
# usage: tests/golden/make.sh [--any] [--only ENDING] [KERNEL...]
#        --any: take the first try of each run; --only rdma: only the archives of that ending
set -u
cd "$(dirname "$0")/../.." || exit 4

TRIES=8
KERNELS=(bookworm bookworm/6.12)

# Runs in the guest: name and traffic's options, one run a line.
in_guest()
{
	local share=$1 any=$2 name args try bad=0
	modprobe -qa rdma_rxe ib_uverbs tun
	while read -r name args; do
		local -a command=(./traffic udp)
		case $name in
		rc-* | ud-*) command=(./traffic rdma) ;;
		networks | datagrams) command=(./traffic set "$name") ;;
		*-tap) command=(python3 tests/tools/tapread.py lo ./traffic udp) ;;
		esac
		for ((try = 1; try <= TRIES; try++)); do
			rm -rf "/run/golden/$name"
			mkdir -p /run/golden
			# shellcheck disable=SC2086
			./collect run --quiet --out "/run/golden/$name" -- "${command[@]}" $args </dev/null >/run/log 2>&1 ||
				cat /run/log
			[ -z "$any" ] || break
			./analyze --no-report --require-exact "/run/golden/$name" >/run/log 2>&1 && break
		done
		echo "$name: try $try: $(./analyze --no-report "/run/golden/$name" 2>&1 | grep -E '^((udp|rdma)-.* (is at-least|is unlinked)|refused|missing)' || echo exact)"
		[ "$try" -le $TRIES ] || bad=1
		cp -r "/run/golden/$name" "$share/" || return 4
	done <"$share/runs"
	return $bad
}

if [ "${1-}" = --in-guest ]; then
	in_guest "$2" "$3"
	exit
fi

any=
if [ "${1-}" = --any ]; then
	any=any
	shift
fi
only=
if [ "${1-}" = --only ]; then
	only=$2
	shift 2
fi
[ $# = 0 ] || KERNELS=("$@")

PLAIN='lo-1400 --size 1400 --count 3
lo-peek --size 1400 --count 3 --peek
lo-tap --size 1400 --count 2
veth-1400 --path veth --size 1400 --count 3
veth-8000 --path veth --size 8000 --count 2
nics-128 --path nics --size 128 --count 3
nics-1400 --path nics --size 1400 --count 3
nics-8000 --path nics --size 8000 --count 3'
RDMA='rc-send --op send --size 2500 --count 2
rc-write --op write --size 64 --count 2
rc-write-imm --op write-imm --size 64 --count 2
rc-read --op read --size 1500 --count 2
rc-inside --op send --path dev --size 64 --count 2
ud-send --qp ud --size 512 --depth 3 --count 3'
BOUNCED='nics-1400 --path nics --size 1400 --count 2'
CARDS='virtio-net-64 --path nics:virtio-net --size 64 --count 2
virtio-net-8000 --path nics:virtio-net --size 8000 --count 2
vmxnet3-64 --path nics:vmxnet3 --size 64 --count 2
pcnet-64 --path nics:pcnet --size 64 --count 2
ne2k_pci-64 --path nics:ne2k_pci --size 64 --count 2'
NETWORKS='networks --count 2'
DATAGRAMS='datagrams --count 2'

work=$(mktemp -d) || exit 4
trap 'rm -rf "$work"' EXIT
status=0

# archive NAME KERNEL RUNS [OPTION-OF-RUN.SH...]
archive()
{
	local share=$work/$1 name=$1 runs=$3 dir
	[ -z "$only" ] || [[ $1 = *-$only ]] || return 0
	mkdir -p "$share" || return 4
	dir=$(guest/kernel.sh "$2") || return 4
	shift 3
	echo "$runs" >"$share/runs"
	guest/run.sh --timeout 1500 --kernel "$dir" --share "$share" "$@" -- \
		bash tests/golden/make.sh --in-guest "$share" "$any" || return
	rm "$share/runs"
	tar -C "$share" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -c . |
		xz -9e >"tests/golden/$name.tar.xz" && ls -l "tests/golden/$name.tar.xz"
}

make -s all || exit 4
for kernel in "${KERNELS[@]}"; do
	name=${kernel//\//-}
	archive "$name" "$kernel" "$PLAIN" || status=$?
	archive "$name-rdma" "$kernel" "$RDMA" || status=$?
	archive "$name-swiotlb" "$kernel" "$BOUNCED" --append swiotlb=force || status=$?
	case $kernel in
	bookworm) archive "$name-sets" "$kernel" "$NETWORKS" || status=$? ;;
	*) archive "$name-sets" "$kernel" "$DATAGRAMS" || status=$? ;;
	esac
	archive "$name-cards" "$kernel" "$CARDS" --cards virtio-net,vmxnet3,pcnet,ne2k_pci || status=$?
done
exit $status

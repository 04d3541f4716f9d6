#!/bin/bash
# description: ten runs of the same kernel under different load: ten times exit 0
# requires: a kernel in the cache or a mirror; boots eleven virtual machines, one after the other
# The tests are evaluated by all, so that their words stand in single quotes.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

KERNEL=${1:-bookworm}
FLOWS=default:udp-lo-64,udp-veth-1400,udp-nics-1400
NIGHTS=${COPYCHAIN_TEST_NIGHTS:-$T/nights}
LOAD=()

# load KIND : something else for this machine to do, until unload
load()
{
	LOAD=()
	case $1 in
	none) ;;
	cpu*) for ((i = 0; i < ${1#cpu}; i++)); do (while :; do :; done) & LOAD+=($!); done ;;
	disk) (while :; do dd if=/dev/zero of="$T/load" bs=1M count=64 conv=fsync; done >/dev/null 2>&1) & LOAD+=($!) ;;
	bursts) (while :; do timeout 0.3 sh -c 'while :; do :; done'; sleep 0.3; done) & LOAD+=($!) ;;
	esac
}

unload()
{
	[ ${#LOAD[@]} -eq 0 ] || kill "${LOAD[@]}" 2>/dev/null
	wait "${LOAD[@]}" 2>/dev/null
}

try ./regress.sh --nights "$NIGHTS" --night base --kernels "base=$KERNEL,again=$KERNEL" --flows "$FLOWS" --jobs 1
check "$KERNEL, twice in one night: 0" status 0
cp "$T/out" "$T/first"
n=0
for kind in none cpu1 cpu2 disk bursts none cpu1 cpu2 disk bursts; do
	n=$((n + 1))
	load $kind
	try ./regress.sh --nights "$NIGHTS" --night "run$n" --kernels "run=$KERNEL" --baseline "$NIGHTS/base/jobs/base/digest.json" \
		--flows "$FLOWS" --jobs 1
	unload
	check "run $n, load $kind: 0" status 0
	sed -n 's/^udp-/# &/p' "$T/out"
done
plan

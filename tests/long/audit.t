#!/bin/bash
# description: on three kernels, over all networks and cards: no store of payload but recorded copies, or the store named
# requires: kernels and QEMU 10 in the cache or a mirror, python3; boots ten virtual machines, slowly: about an hour
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

# flows SET : those of a set, without one card: QEMU 10's pcnet receives nothing
flows()
{
	./traffic set --list | awk -v set="$1" '$1 == set && $3 !~ /-pcnet-/ { print $3 }' | paste -sd ,
}

# audit KERNEL SET : every flow closed, but those whose store is decryption, which is named
audit()
{
	local kernel=$1 set=$2 run=$T/$2
	NAME="$kernel, $set"
	try ./collect.sh run --audit --vm="$kernel" --out "$run" -- ./traffic set --only "$(flows "$set")" "$set"
	check "$NAME: the run" status 0
	analyze_run "$run" --report json
	claims "$run" "$run.report" <<-'CLAIMS'
		every flow of messages long enough was audited | [f.name for f in flows if f.stores is None and f.size.min >= 56] == []
		each store is a recorded copy | [f.name for f in flows if f.stores and not f.stores.closed and not f.transforms.max] == []
		or decrypts, by name | [s["site"] for f in flows if f.stores and f.transforms.max for s in f.stores.sites if s["stored_bytes"] != s["recorded_bytes"] and not s["site"].startswith("chacha")] == []
		every flow is exact | [(f.name, f.why) for f in flows if (f.verdict, f.why) != ("exact", "")] == []
	CLAIMS
	rm -rf "$run" "$run.report"
}

# With bounce buffers, of which one is written once more when it is given back: six stores a byte.
bounced()
{
	local kernel=$1 run=$T/bounced
	NAME="$kernel, swiotlb=force"
	try env COPYCHAIN_APPEND=swiotlb=force ./collect.sh run --audit --vm="$kernel" --out "$run" -- ./traffic udp --path nics --size 128 --count 20
	check "$NAME: the run" status 0
	analyze_run "$run" --report json
	claims "$run" "$run.report" <<-'CLAIMS'
		six stores a byte | flow("udp-nics-128").stores.stored_bytes == 6 * 20 * 128
		all of them recorded | flow("udp-nics-128").stores.closed
		five on the way, one dead | (flow("udp-nics-128").copies.mean, flow("udp-nics-128").dead_copy_bytes) == (5.0, 20 * 128)
	CLAIMS
	rm -rf "$run" "$run.report"
}

kernels bookworm bookworm/6.12 trixie-backports -- "$@"
for kernel in "${KERNELS[@]}"; do
	for set in default networks cards; do
		audit "$kernel" "$set"
	done
done
bounced bookworm
plan

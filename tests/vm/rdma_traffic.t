#!/bin/bash
# description: RDMA flows without a recording: what goes wrong is told in a line and leaves nothing behind
# requires: kernels in the cache or a mirror, python3, ip, 2 GB in TMPDIR; boots a virtual machine
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

MEGABYTES=512

judged()
{
	python3 "$@" >"$T/claims" 2>"$T/err"
	tap_claims
}

rdma_traffic()
{
	local share=$T/share
	NAME=$1
	mkdir "$share"
	COPYCHAIN_QEMU_ARGS="-m $MEGABYTES -qmp unix:$T/qmp,server=on,wait=off" \
		guest/run.sh --kernel "$(guest/kernel.sh "$1")" --share "$share" -- \
		bash tests/vm/rdma_traffic.sh "$share" >"$T/claims" 2>"$T/err" </dev/null &
	guest=$!
	check "$1: memory saved while registered, before the first and after the last message" save_both '' hold-out \
		'^registered: 24576 bytes' '^received: 3 messages'
	check "$1: the guest ended well" wait $guest
	tap_claims
	judged tests/tools/rdma_ends.py "$share"
	judged tests/tools/registered.py "$share/hold.log" "$T/held" "$T/read"
	rm -rf "$share" "$T/held" "$T/read" "$T/qmp"
}

kernels bookworm -- "$@"
for kernel in "${KERNELS[@]}"; do
	rdma_traffic "$kernel"
done
plan

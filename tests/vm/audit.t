#!/bin/bash
# description: an emulator sees every store of payload: each is a recorded copy, and one whose probe was left out is named
# requires: a kernel and QEMU 10 in the cache or a mirror, python3; boots a virtual machine, slowly
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

FLOWS=udp-lo-64,udp-veth-1400,udp-nics-128,udp-nics-1400,rdma-send-4096,rdma-read-4096

audit()
{
	local kernel=$1 run=$T/run
	NAME=$kernel
	try ./collect.sh run --audit --vm="$kernel" --exclude-site e1000_clean_rx_irq --out "$run" -- ./traffic set --only "$FLOWS" default
	check "$kernel: the run" status 0
	analyze_run "$run" --report json,csv
	cp "$T/out" "$T/screen"
	claims "$run" "$run.report" <<-'CLAIMS'
		every flow was audited | [f.name for f in flows if f.stores is None] == []
		all but one are closed | [f.name for f in flows if not f.stores.closed] == ["udp-nics-128"]
		each copied byte was seen, and no other | [f.name for f in flows if f.stores.stored_bytes != round((f.copies.mean + f.emulated_dma.mean) * f.payload_bytes)] == []
		at the sites that were recorded | [(f.name, s) for f in flows for s in f.stores.sites if s["stored_bytes"] != s["recorded_bytes"] and "e1000_clean_rx_irq" not in s["site"]] == []
		the site that was left out is named | [(s["stored_bytes"], s["recorded_bytes"]) for s in flow("udp-nics-128").stores.sites if s["site"].startswith("e1000:e1000_clean_rx_irq+")] == [(128000, 0)]
		programs store each message once, to send it | [f.name for f in flows if f.stores.user_bytes < 0.9 * f.payload_bytes] == []
		content agrees | [f.name for f in flows if f.content_mismatches] == []
	CLAIMS
	cp "$T/screen" "$T/out"
	check "$kernel: the screen names it" prints '^udp-nics-128: audit not closed: 128000 bytes stored at e1000:e1000_clean_rx_irq.*, 0 recorded'
	check "$kernel: and counts" prints '^audit: of 6 flows the kernel stored [0-9]* bytes of payload; closed: 5,'
	check "$kernel: in the tables, too" grep -q '^udp-nics-128,e1000:e1000_clean_rx_irq+[0-9a-fx]*,128000,0' "$run.report/csv/stores.csv"

	printf x >>"$run/audit.dat"
	try ./analyze --no-report "$run"
	check "$kernel: an audit that is not what was recorded is refused" status 4
	check "$kernel: by its name" grep -q 'audit.dat is not the file that was recorded' "$T/err"
	rm -rf "$run" "$run.report"
}

kernels bookworm -- "$@"
for kernel in "${KERNELS[@]}"; do
	audit "$kernel"
done
plan

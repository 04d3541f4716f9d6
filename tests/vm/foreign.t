#!/bin/bash
# description: a program that is not ours and writes no log gives the same counts
# requires: kernels in the cache or a mirror, python3; boots four virtual machines
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

SIZE=1000
COUNT=50

foreign()
{
	local kernel=$1 run=$T/run port
	shift
	try ./collect.sh run --vm="$kernel" --out "$run" "$@" -- /usr/bin/python3 tests/tools/foreign.py $SIZE $COUNT
	check "$NAME: its output comes through" all 'status 0' 'prints "^foreign: 150000 bytes sent, 150 datagrams out"' 'prints "^foreign: 150000 bytes read, 150 datagrams in"'
	analyze_run "$run"
	check "$NAME: analyze" status 0
	claims "$run" "$run.report" <<-'CLAIMS'
		there is no log | logged == []
		nothing is lost | a.lost == 0
		a flow for each port | sorted(f.receiver.local.split(":")[1] for f in flows) == ["9101", "9102", "9103"]
		all read | [(f.messages, f.delivered, f.payload_bytes) for f in flows] == [(50, 50, 50000)] * 3
		the program is named | all("python3" in f.name for f in flows)
	CLAIMS
	for port in 9101 9102 9103; do
		claims "$run" "$run.report" "port=$port" "dma=$DMA" "wire=$WIRE" <<-CLAIMS
			$port: 2.000 copies | flow(port).copies == {"min": 2, "mean": 2.0, "max": 2}
			$port: amplification 2.000 | flow(port).amplification == 2.0
			$port: $DMA DMA, $WIRE wire | (flow(port).dma.mean, flow(port).wire.mean) == (dma, wire)
			$port: their sites, hit once a message | flow(port).hits() == {"ip_generic_getfrag": 50, "udp_recvmsg": 50}
			$port: from the program's memory to its reader's | [(h.src_user, h.dst_user) for h in flow(port).of_kind("copy")] == [(True, False), (False, True)]
			$port: exact | (flow(port).verdict, flow(port).why, flow(port).accounted) == ("exact", "", 1.0)
			$port: no physical address is made up | not any("src_phys" in h for h in flow(port).hops if h.src_user)
			$port: trace-cmd sees the copies | e.trace.count("from_iter", flow(port).pid, len=1000) == 150
		CLAIMS
	done
	rm -rf "$run" "$run.report"
}

kernels bookworm -- "$@"
for kernel in "${KERNELS[@]}"; do
	NAME="$kernel, lo" DMA=0 WIRE=0
	foreign "$kernel"
	NAME="$kernel, nics" DMA=2 WIRE=1
	foreign "$kernel" --with nics
done
plan

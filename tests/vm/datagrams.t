#!/bin/bash
# description: every way to hand datagrams over is exact, with the copies that kernels are known to make
# requires: kernels in the cache or a mirror, python3; boots a virtual machine a kernel
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

cat >"$T/job" <<'END_OF_JOB'
share=$1
./collect.sh run --native --out "$share/run" -- ./traffic set datagrams || exit
# Several commands in one recording, which log into one file.
./collect.sh run --native --out "$share/several" -- sh -c '
	./traffic udp --count 20 --size 100 --verify --rate 500 &
	./traffic udp --count 20 --size 200 --verify --rate 500 &
	./traffic udp --recv --bind 127.0.0.1:4000 --count 20 --size 300 --verify &
	sleep 1
	./traffic udp --send --to 127.0.0.1:4000 --count 20 --size 300
	wait' || exit
dmesg >"$share/dmesg"
END_OF_JOB

datagrams()
{
	local kernel=$1 share=$T/share
	mkdir "$share"
	in_guest "$kernel" --share "$share" -- sh "$T/job" "$share"
	check "$kernel: recordings" status 0
	check "$kernel: the kernel has nothing to complain about" kernel_quiet "$share/dmesg"
	try python3 tests/tools/datagrams.py "$share/run/traffic.jsonl"
	check "$kernel: all that was sent arrived, in the way that is asked for" status 0
	analyze_run "$share/run" --report json
	NAME=$kernel
	# Chains of one message share its first copies: amplification is less than copies where many receive.
	claims "$share/run" "$share/run.report" <<-'CLAIMS'
		no event is lost | a.lost == 0
		every flow is exact | [(f.name, f.verdict, f.why) for f in flows if (f.verdict, f.why) != ("exact", "")] == []
		each is there once | sorted(f.name for f in flows) == sorted(x.begin.name for x in logged)
		all delivered bytes have chains | [f.name for f in flows if f.accounted != 1.0 or f.content_mismatches] == []
		all messages arrived | [f.name for f in flows if f.delivered != f.messages] == []
		two copies a byte, but where a device cannot gather, and of an echo | {f.name: f.copies.mean for f in flows if f.copies.min != 2 or f.copies.max != 2} == {"udp-veth-gso-sg-off": 4.0, "udp-nics-sg-off": 3.0, "ping-veth-1400": 3.0}
		the first copy of many receivers is made once | {f.name: round(f.amplification, 3) for f in flows if f.amplification != f.copies.mean} == {**dict.fromkeys(("udp-veth-multicast-3", "udp-lo-multicast-3", "udp-lo-observed", "udp-lo-observed-ring", "udp-veth-observed-multicast-2"), 1.333), **dict.fromkeys(("udp-veth-multicast-2-fragments", "udp-veth-broadcast-2", "udp-veth-ipv6-multicast-2", "udp-veth-scm-multicast-2", "udp-veth-observed", "udp-veth-observed-src", "udp-veth-observed-ring", "udp-nics-multicast-2", "udp-lo-broadcast-2", "udp-lo-peek", "raw-veth-2", "packet-veth-2", "ring-lo-2"), 1.5)}
		a ring is filled by the kernel, without a call | all(flow(n).hits()["skb_copy_bits"] > 0 and "simple_copy_to_iter" not in flow(n).hits() for n in ("ring-veth-1400", "ring-lo-2"))
		headers that sockets hand over are no payload | (flow("raw-veth-2").header_bytes, flow("ping-veth-1400").header_bytes, flow("raw-lo-ipv6").header_bytes) == (2 * 20 * 20, 20 * 8, 0)
		a byte's pages are known wherever its address is | [(f.name, h.kind) for f in flows for c in f.example for h in c.hops for s in ("src", "dst") if h.get(s) and f"{s}_phys" not in h] == []
		two processes have two pages at one address | len({h.dst_phys for h in flow("udp-lo-fork").hops if h.dst_user}) == 2
	CLAIMS
	analyze_run "$share/several" --report json
	claims "$share/several" "$share/several.report" <<-'CLAIMS'
		several commands: each is a flow, and exact | sorted((f.name, f.delivered, f.verdict) for f in flows) == [("udp-given-300", 20, "exact"), ("udp-lo-100", 20, "exact"), ("udp-lo-200", 20, "exact")]
		their pages are told apart | [(f.name, h.kind) for f in flows for h in f.hops for s in ("src", "dst") if h.get(s) and f"{s}_phys" not in h] == []
	CLAIMS
	NAME=
	rm -rf "$share"
}

kernels bookworm/6.12 -- "$@"
for kernel in "${KERNELS[@]}"; do
	datagrams "$kernel"
done
plan

#!/bin/bash
# description: every testbed carries its flow, finds its neighbours by ARP, leaves nothing behind, and is exact
# requires: kernels in the cache or a mirror, python3, trace-cmd; boots a virtual machine a kernel
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

# In the guest. GRE and IPIP have devices of their own that come with their modules.
cat >"$T/job" <<'END_OF_JOB'
share=$1
left()
{
	ls /run/netns
	ip -o link | cut -d : -f 2 | sort
	ls /proc | grep -v '[^0-9]' | while read -r pid; do
		grep -xs 'forwarder' "/proc/$pid/comm"
	done
}
modprobe -a ip_gre ipip
left >"$share/before"
./collect.sh run --native --out "$share/run" -- ./traffic set networks || exit
left >"$share/after"
./traffic testbed vxlan -- sh -c 'ip -6 -o addr show dev "$COPYCHAIN_DEV_SRC" && ping=$COPYCHAIN_DST6 &&
	ip netns exec "$COPYCHAIN_NS_DST" ip -6 -o addr show dev "$COPYCHAIN_DEV_DST" | grep -F "$ping/64"' >"$share/ipv6" || exit
./traffic testbed veth,static -- ip -o neigh show nud permanent >"$share/static" || exit
dmesg >"$share/dmesg"
END_OF_JOB

networks()
{
	local kernel=$1 share=$T/share
	mkdir "$share"
	in_guest "$kernel" --share "$share" -- sh "$T/job" "$share"
	check "$kernel: the set runs" status 0
	check "$kernel: it leaves no namespace, device or program" cmp "$share/before" "$share/after"
	check "$kernel: IPv6 for programs that are not ours" grep -q 'fd77:19::1/64' "$share/ipv6"
	check "$kernel: static neighbours where these are asked for" grep -q '^10.77.1.2 dev cca .*PERMANENT' "$share/static"
	check "$kernel: the kernel has nothing to complain about" kernel_quiet "$share/dmesg"
	analyze_run "$share/run" --report json,proof
	check "$kernel: the proofs hold" ./analyze --check-proof "$share/run.report/proof.md" "$share/run"
	NAME=$kernel
	claims "$share/run" "$share/run.report" <<-'CLAIMS'
		no flow is skipped | a.skipped == []
		no event is lost | a.lost == 0
		all messages arrive, as they were sent | [(x.begin.name, x.end.received, x.end.bad) for x in logged if (x.end.received, x.end.bad) != (x.end.sent, 0) and not any(w in x.begin.name for w in ("fail", "loss", "duplicate", "pmtu"))] == []
		none where nobody answers | (log("udp-neigh-fail-1000").end.sent, log("udp-neigh-fail-1000").end.received) == (4, 0)
		some of them where netem loses some | 0 < log("udp-netem-loss-1000").end.received < log("udp-netem-loss-1000").end.sent
		each twice where it duplicates | log("udp-netem-duplicate-1000").end.received == 2 * log("udp-netem-duplicate-1000").end.sent
		not in order where it reorders | [r.seq for r in log("udp-netem-reorder-1000").recvs] != sorted(r.seq for r in log("udp-netem-reorder-1000").recvs)
		one is lost until the sender knows the path's MTU | log("udp-router-pmtu-1400").end.received == log("udp-router-pmtu-1400").end.sent - 1
		NAT puts another address in place | log("udp-dnat-1000").begin.dst == "10.77.30.126" and log("udp-masquerade-1000").begin.dst == "10.77.29.129"
		ARP before the first message arrives, but where there is none | (lambda arp: [x.begin.name for x in logged if not any(x.begin.time / 1e9 <= t <= (x.recvs + x.sends)[0].time / 1e9 + 1 for t in arp)])([f.time for f in e.trace.find("dev_queue", len=(42, 46))]) == ["udp-tun-1000", "udp-multicast-1000", "udp-broadcast-1000"]
		every flow is exact | [(f.name, f.verdict, f.why) for f in flows if (f.verdict, f.why) != ("exact", "")] == []
		every delivered byte is accounted for | [f.name for f in flows if f.accounted != 1 and f.payload_bytes] == []
		no content disagrees, none is unchecked for long | [f.name for f in flows if f.content_mismatches or f.content_checked < 0.5 and f.payload_bytes] == []
		two copies, or what a network is known to add | [(f.name, round(f.copies.mean, 3)) for f in flows if f.payload_bytes and round(f.copies.mean, 3) != 2] == [("udp-tap-1000", 4), ("udp-tun-1000", 4), ("udp-router-mtu-1400", 3.091), ("udp-router-pmtu-1400", 2.091), ("udp-xdp-generic-1000", 3), ("udp-xdp-native-1000", 3)]
		the router's fragments are copied by it, and the smaller one again | flow("udp-router-mtu-1400").hits()["skb_copy_bits"] == 3 * 200
		a program between two devices copies twice | [h.kind for h in flow("udp-tap-1000").hops].count("copy") == 4
		a duplicate's copy to the receiver is the only one of its own | flow("udp-netem-duplicate-1000").amplification == 1.5
		encryption is no copy, and told apart | [(f.name, f.transforms.mean) for f in flows if f.transforms.max] == [("udp-wireguard-1000", 2)]
		a datagram that is sent elsewhere too is a dead copy | [f.dead_copy_bytes for f in flows if f.name.startswith("udp-nft-dup")] == [200000, 200000]
		mirrored frames are not, and end where nobody is | flow("udp-mirror-1000").dead_copy_bytes == 0 and e.trace.count("drop_skb", reason=e.run.btf.SKB_DROP_REASON_OTHERHOST) >= 400
		drops are told with their reasons | [(f.name, list(f.drops)) for f in flows if f.drops] == [("udp-neigh-fail-1000", ["NEIGH_FAILED"]), ("udp-router-pmtu-1400", ["PKT_TOO_BIG"]), ("udp-netem-loss-1000", ["QDISC_DROP"])]
		as many as are missing | [(f.name, f.messages - f.delivered - f.dropped) for f in flows if f.messages != f.delivered + f.dropped] == []
		what nobody answers for is dropped, with the reason | e.trace.count("drop_skb", reason=e.run.btf.SKB_DROP_REASON_NEIGH_FAILED) == 4
	CLAIMS
	rm -rf "$share"
}

kernels bookworm -- "$@"
for kernel in "${KERNELS[@]}"; do
	networks "$kernel"
done
plan

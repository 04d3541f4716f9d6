#!/bin/bash
# description: soft-RoCE: no copy, two emulated DMA; regions, packets sent again and other programs told right
# requires: kernels in the cache or a mirror, python3, 2 GB in TMPDIR; boots two virtual machines
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

MEGABYTES=1024

# Every flow of the set by the same words: against the log, trace-cmd's print and the device's counters.
set_claims()
{
	claims "$share/set" "$share/set.report" <<-'CLAIMS'
		nothing lost | a.lost == 0
		the flows of the log, and no others | sorted(f.name for f in flows) == sorted(x.begin.name for x in logged)
		no copy | [f.copies.max for f in flows] == [0] * len(logged)
		two emulated DMA for each byte | [f.emulated_dma for f in flows] == [{"min": 2, "mean": 2.0, "max": 2}] * len(logged)
		2.000 bytes moved per byte delivered | [f.emulated_amplification for f in flows] == [2.0] * len(logged)
		and none of them copied | [(f.amplification, f.copies_per_message) for f in flows] == [(0.0, 0.0)] * len(logged)
		every byte accounted for | [f.accounted for f in flows] == [1.0] * len(logged)
		messages as logged | [(f.name, f.messages, f.delivered) for f in flows] == [(x.begin.name, x.end.sent, x.end.received) for x in logged]
		a chain a message, however many packets | [f.chains for f in flows] == [x.end.sent for x in logged]
		bytes as logged | [f.payload_bytes for f in flows] == [x.end.received_bytes for x in logged]
		exact, but for what user space copies | [f.name for f in flows if f.verdict != "exact"] == ["rdma-send-inline-64"]
		a doorbell a message | [f.system_calls for f in flows] == [x.end.sent for x in logged]
		content agrees at every sampled hop | [f.content_mismatches for f in flows] == [0] * len(logged)
		most hops are sampled | min(f.content_checked for f in flows) > 0.9
		and the receiver's own check agrees | [x.end.bad for x in logged] == [0] * len(logged) and {r.verified for x in logged for r in x.recvs} == {True}
		user addresses as logged | [[int(va, 16) - f.hops[0].offset for va in (f.hops[0].src, f.hops[-1].dst)] for f in flows] == [[int(va, 16) for va in (x.sends[0].va, x.recvs[0].va)] for x in logged]
		the shown pieces are the message | [sum(x.bytes for x in f.example) for f in flows] == [f.size.max for f in flows]
		regions as logged | [[(g.va, g.length, g.lkey, g.rkey) for g in (f.sender.region, f.receiver.region)] for f in flows if "inline" not in f.name] == [[(g.va, g.len, g.lkey, g.rkey) for g in (x.side(x.regions, "send"), x.side(x.regions, "recv"))] for x in logged if not x.begin.inline]
		registered by whom the log says | [(f.sender.pid, f.receiver.pid) for f in flows] == [(x.begin.send_pid, x.begin.recv_pid) for x in logged]
		queue pairs as logged | [(f.sender.qpn, f.receiver.qpn) for f in flows] == [(x.begin.qpn_send, x.begin.qpn_recv) for x in logged]
		all their pages pinned | [(f.receiver.region.pinned, len(f.receiver.region.pages)) for f in flows] == [(len(x.pages_of("recv")),) * 2 for x in logged]
		physical pages as in pagemap | [[[int(p, 16) for p in e_.region.pages] for e_ in (f.sender, f.receiver) if e_.region] for f in flows] == [[x.pages_of(side) for side in ("send", "recv") if side == "recv" or not x.begin.inline] for x in logged]
		the chain's physical addresses are of these pages | all(int(f.hops[-1].dst_phys, 16) >> 12 << 12 == x.pages_of("recv")[(int(f.hops[-1].dst, 16) - int(f.receiver.region.va, 16)) >> 12] for f, x in zip(flows, logged))
		read goes from the region of who did not post it | [(f.op, f.hops[0].tid == f.receiver.pid) for f in flows if f.name.startswith("rdma-read")] == [("read", True)] * 3
		packets as the devices counted | all(f.sender.packets + f.receiver.packets == sum(c.sent_pkts for c in f.device_counters.values()) for f in flows if not f.name.startswith("rdma-ud"))
		trace-cmd: bytes out of regions are payload and what was sent again | sum(e.trace.values("len", "rdma_copy", dir=1)) == sum(f.payload_bytes + f.resent.bytes for f in flows if "inline" not in f.name)
		trace-cmd: bytes into regions are payload and the headers of datagrams | sum(e.trace.values("len", "rdma_copy", dir=0)) == sum(f.payload_bytes + f.header_bytes for f in flows)
		the header of a datagram is no payload | flow("rdma-ud-send-1024").header_bytes == 40 * flow("rdma-ud-send-1024").messages
		the devices retried where packets were sent again, and nowhere else | [f.resent.packets > 0 for f in flows] == [any(c.completer_retry_err for c in f.device_counters.values()) for f in flows]
		all of it by the device's one function | {s.symbol for f in flows for s in f.sites} == {"rxe_mr_copy", "rxe_requester"} and {s.kind for f in flows for s in f.sites} == {"emulated-dma"}
		over veth: through both its ends | {tuple(h.dev for h in flow("rdma-send-4096").hops if h.event in ("dev_queue", "netif_receive")) for _ in (0,)} == {tuple(f"cc{log('rdma-send-4096').begin.dev_send[6:-2]}-{c}" for c in "ab")}
		inside one device: through no queue | [h.event for h in flow("rdma-send-dev-4096").hops if h.kind == "handoff"] == ["rdma_xmit", "rdma_rcv"]
		on lo: the same, on lo | [(h.event, h.get("dev")) for h in flow("rdma-send-lo-4096").hops if h.kind == "handoff"] == [("rdma_xmit", "lo"), ("rdma_rcv", None)]
		inline: the library's copy is a gap in user space | [h.kind for h in flow("rdma-send-inline-64").hops if h.kind != "handoff"] == ["start", "gap (user space)", "emulated-dma", "emulated-dma"]
		into the ring that the device reads | flow("rdma-send-inline-64").hops[1].dst == flow("rdma-send-inline-64").hops[2].src
		proven by content | flow("rdma-send-inline-64").hops[1].content_agrees and log("rdma-send-inline-64").sends[0].head
		and the verdict names it | flow("rdma-send-inline-64").verdict == "at-least" and "user space (20)" in flow("rdma-send-inline-64").why
	CLAIMS
}

again_claims()
{
	NAME="$kernel, sent again"
	analyze_run "$share/again" --require-exact
	check "$NAME: exact" all 'status 0' 'prints "packets with [0-9]* bytes of payload were sent again"'
	claims "$share/again" "$share/again.report" <<-'CLAIMS'
		packets were sent again | flows[0].resent.packets > 0
		and are on no chain | (flows[0].emulated_dma.max, flows[0].emulated_amplification, flows[0].accounted) == (2, 2.0, 1.0)
		trace-cmd: their bytes left the region beside the payload | sum(e.trace.values("len", "rdma_copy", dir=1)) == 3 * 1048576 + flows[0].resent.bytes
		trace-cmd: none of them went into one | sum(e.trace.values("len", "rdma_copy", dir=0)) == 3 * 1048576
		the sender's device retried | flows[0].device_counters[flows[0].sender.dev].completer_retry_err > 0
		the receiver's took as many for duplicates, or fewer | 0 < flows[0].device_counters[flows[0].receiver.dev].duplicate_request <= flows[0].resent.packets
		packets as the devices counted | flows[0].sender.packets + flows[0].receiver.packets == sum(c.sent_pkts for c in flows[0].device_counters.values())
	CLAIMS
}

# The status of something not followed, or of nothing at all.
told()
{
	[ "$STATUS" -ge 3 ]
}

left_out_claims()
{
	local run
	for run in excluded refused; do
		NAME="$kernel, $run"
		analyze_run "$share/$run" --require-exact
		check "$NAME: --require-exact exits 3" status 3
		claims "$share/$run" "$share/$run.report" <<-'CLAIMS'
			no false zero | flows[0].emulated_dma == {"min": 2, "mean": 2.0, "max": 2}
			nor a copy more | flows[0].copies.max == 0
			all arrived | (flows[0].messages, flows[0].delivered, flows[0].accounted) == (20, 20, 1.0)
			the verdict is at-least, and says why | flows[0].verdict == "at-least" and "left out" in flows[0].why
			addresses as logged | (flows[0].hops[0].src, flows[0].hops[-1].dst) == (log("rdma-send-4096").sends[0].va, log("rdma-send-4096").recvs[0].va)
		CLAIMS
	done
	NAME="$kernel, excluded"
	claims "$share/excluded" "$share/excluded.report" <<-'CLAIMS'
		the run says what was left out | {s.split("+")[0] for s in run.probes.excluded} == {"rdma_rxe:rxe_mr_copy"}
		and the report that the site is unknown | [s.get("symbol") for s in flows[0].sites] == [None]
	CLAIMS
	NAME="$kernel, refused"
	claims "$share/refused" "$share/refused.report" <<-'CLAIMS'
		the run says what the kernel refused, in its words | [r.target for r in run.probes.refused] == ["rdma_rxe:rxe_mr_copy"] and run.probes.refused[0].why
		the site is known | {s.get("symbol") for s in flows[0].sites} == {"rxe_mr_copy"}
	CLAIMS
	NAME="$kernel, late module"
	analyze_run "$share/late" --require-exact
	claims "$share/late" "$share/late.report" <<-'CLAIMS'
		they are told in the order in which they came | [m.module for m in run.probes.late_modules if m.module in ("rdma_rxe", "pcnet32")] == ["rdma_rxe", "pcnet32"]
		each was probed after it was loaded, and before it was used | all(run.times.start_ns < m.loaded_ns < m.live_ns < min(s.time for s in logged[0].sends) for m in run.probes.late_modules if m.module in ("rdma_rxe", "pcnet32"))
		with its copy sites | [m.probed > 0 for m in run.probes.late_modules if m.module == "rdma_rxe"] == [True]
		its points, too | "rdma_rxe:rxe_mr_copy" in run.probes.placed.rdma_copy
		all that it does is followed | [(f.messages, f.delivered, f.accounted, f.emulated_dma.mean) for f in flows] == [(5, 5, 1.0, 2.0)]
		by sites of its own | {(s.module, s.symbol) for f in flows for s in f.sites} == {("rdma_rxe", "rxe_mr_copy")}
		a driver's inlined copy is a site | [(s.function, s.instruction) for s in e.sites.sites if s.get("module") == "pcnet32"] == [("pcnet32_poll", "rep movsq")]
	CLAIMS
}

foreign_claims()
{
	NAME="$kernel, ibv_rc_pingpong"
	analyze_run "$share/foreign" --require-exact
	check "$NAME: exact" status 0
	claims "$share/foreign" "$share/foreign.report" <<-'CLAIMS'
		20 messages each way | [(f.messages, f.delivered, f.payload_bytes) for f in flows] == [(20, 20, 60000)] * 2
		no copy, two emulated DMA | [(f.copies.max, f.emulated_dma.mean) for f in flows] == [(0, 2.0)] * 2
		of the two processes, named | all("ibv_rc_pingpong" in f.name for f in flows) and len({f.pid for f in flows}) == 2
		from the one's region to the other's | [f.sender.region.va for f in flows] == [f.receiver.region.va for f in reversed(flows)]
		physical addresses are known though nobody logged them | all("src_phys" in f.hops[0] and "dst_phys" in f.hops[-1] for f in flows)
	CLAIMS
}

perftest_claims()
{
	NAME="$kernel, perftest"
	analyze_run "$share/perftest"
	check "$NAME: analyze" all 'status 0' 'prints "^content agrees at "'
	claims "$share/perftest" "$share/perftest.report" <<-'CLAIMS'
		nothing lost | a.lost == 0
		three programs, a flow each | [(f.op, f.name.split()[1].split("[")[0]) for f in flows] == [("write", "ib_write_bw"), ("send", "ib_send_bw"), ("read", "ib_read_bw")]
		as many messages as they were told to send, and all of them arrived | [(f.messages, f.delivered) for f in flows] == [(250, 250), (120, 120), (50, 50)]
		of their sizes | [(f.size.min, f.size.max) for f in flows] == [(4096,) * 2, (1024,) * 2, (2048,) * 2]
		a doorbell for several of them | all(0 < f.system_calls <= f.messages for f in flows)
		no copy, two emulated DMA | [(f.copies.max, f.emulated_dma) for f in flows] == [(0, {"min": 2, "mean": 2.0, "max": 2})] * 3
		every byte accounted for | [f.accounted for f in flows] == [1.0] * 3
		exact | [(f.verdict, f.why) for f in flows] == [("exact", "")] * 3
		trace-cmd: as many bytes into regions, but for headers and what was sent again | sum(e.trace.values("len", "rdma_copy", dir=0)) == sum(f.payload_bytes + f.header_bytes for f in flows)
	CLAIMS
}

hold_claims()
{
	NAME="$kernel, memory"
	analyze_run "$share/hold"
	python3 tests/tools/pinned.py 5eaf00d1 "$share/hold.report/analysis.json" "$T/held" "$T/read" >"$T/claims" 2>"$T/err"
	tap_claims
}

rdma()
{
	local kernel=$1 share=$T/share
	NAME="$kernel, set"
	mkdir "$share"
	COPYCHAIN_QEMU_ARGS="-m $MEGABYTES -qmp unix:$T/qmp,server=on,wait=off" \
		guest/run.sh --kernel "$(guest/kernel.sh "$kernel")" --share "$share" --timeout 900 -- \
		bash tests/vm/rdma.sh "$share" >"$T/out" 2>"$T/err" </dev/null &
	guest=$!
	check "$kernel: guest memory saved before the first message and after the last" save_both '' hold-out '^registered: ' '^received: '
	check "$kernel: the guest ended well" wait $guest
	check "$kernel: no device, link, probe or instance is left" test ! -s "$share/left"
	check "$kernel: the kernel has nothing to complain about" kernel_quiet "$share/dmesg"
	analyze_run "$share/set"
	set_claims
	again_claims
	left_out_claims
	foreign_claims
	perftest_claims
	hold_claims
	rm -rf "$share" "$T/held" "$T/read" "$T/qmp"
}

kernels bookworm/6.12 -- "$@"
for kernel in "${KERNELS[@]}"; do
	rdma "$kernel"
done
plan

# shellcheck shell=bash
# The default set on one kernel, through the front door, held against its log and trace-cmd's words.

default_set()
{
	local kernel=$1 run=$T/run start=$SECONDS took flow
	NAME=$kernel
	try ./collect.sh run --vm="$kernel" --out "$run"
	check "$NAME: collect.sh run" all 'status 0' 'prints "^vm: linux "' 'prints "^run: "'
	analyze_run "$run" --require-exact
	took=$((SECONDS - start))
	check "$NAME: analyze --require-exact" status 0
	# How long it takes is told, not asserted: other work on the machine is not this test's business.
	echo "# $NAME: recorded and analyzed in $took s"

	claims "$run" "$run.report" <<-'CLAIMS'
		the verdict is exact | a.verdict == "exact"
		zero events lost | a.lost == 0
		nothing was skipped | a.skipped == []
		the flows of the log, and no others | sorted(f.name for f in flows) == sorted(x.begin.name for x in logged)
		seven of UDP, nine of RDMA | [f.proto for f in flows] == ["udp"] * 7 + ["rdma"] * 9
		trace-cmd counts as many events | len(e.trace.events) == a.events and e.trace.odd == []
		each flow's messages, as logged | [(f.name, f.messages, f.delivered) for f in flows] == [(x.begin.name, x.end.sent, x.end.received) for x in logged]
		each flow's bytes, as logged | [(f.name, f.sent_bytes, f.payload_bytes) for f in flows] == [(x.begin.name, x.end.sent_bytes, x.end.received_bytes) for x in logged]
		nothing dropped, nothing missing | [(f.dropped, f.undelivered) for f in flows] == [(0, 0)] * 16
		every byte accounted for | [f.accounted for f in flows] == [1.0] * 16
		each verdict is exact | [(f.verdict, f.why) for f in flows] == [("exact", "")] * 16
		no content disagrees | [f.content_mismatches for f in flows] == [0] * 16
		every socket is looked up | all(f.sender.linked and f.receiver.linked for f in flows[:7])
		ports as logged | [(f.sender.local.split(":")[1], f.receiver.local.split(":")[1]) for f in flows[:7]] == [(str(x.begin.sport), str(x.begin.dport)) for x in logged[:7]]
		fds as logged | [(f.sender.fd, f.receiver.fd) for f in flows[:7]] == [(x.sends[0].fd, x.reads[0].fd) for x in logged[:7]]
		user addresses as logged | [[int(va, 16) - f.hops[0].offset for va in (f.hops[0].src, f.hops[-1].dst)] for f in flows] == [[int(va, 16) for va in (x.sends[0].va, x.reads[0].va)] for x in logged]
		user pages as logged | [int(f.hops[0].src_phys, 16) >> 12 for f in flows] == [int(next(p for p in x.pages if p.side == "send").pfns[0], 16) for x in logged]
	CLAIMS
	NAME="$kernel, rdma"
	rdma_rows "$run"
	for flow in udp-lo-64 udp-lo-1400 udp-veth-1400; do
		NAME="$kernel, $flow"
		two_copies "$run" "$flow"
	done
	NAME="$kernel, cards"
	cards "$run"
	NAME="$kernel, terminal"
	terminal "$run"
	NAME="$kernel, reports"
	worksheet "$run.report/worksheet.md"
	try ./analyze --check-proof "$run.report/proof.md" "$run"
	check "$NAME: the proof of seven flows holds" all 'status 0' 'prints "7 conclusions"'
	rm -rf "$run" "$run.report"
}

# What the comparison table says of soft-RoCE beside UDP; rdma.t has the rest.
rdma_rows()
{
	claims "$1" "$1.report" <<-'CLAIMS'
		no copy, two emulated DMA, no DMA | [[f[k].mean for k in ("copies", "emulated_dma", "dma")] for f in flows[7:]] == [[0, 2, 0]] * 9
		none by UDP | [f.emulated_dma.max for f in flows[:7]] == [0] * 7
		a system call a message, two with UDP | [f.system_calls / f.messages for f in flows] == [2] * 7 + [1] * 9
		send, write and read | [f.op for f in flows[7:]] == ["send"] * 3 + ["write"] * 3 + ["read"] * 3
		as many emulated DMA's bytes as trace-cmd sees | sum(e.trace.values("len", "rdma_copy")) == sum(2 * f.payload_bytes + f.resent.bytes for f in flows[7:])
	CLAIMS
}

# lo and veth: what the sender's copy wrote is what the receiver's copy read
two_copies()
{
	claims "$1" "$1.report" "name=$2" <<-'CLAIMS'
		2.000 copies, every byte of every message | flow(name).copies == {"min": 2, "mean": 2.0, "max": 2}
		2.000 per message | flow(name).copies_per_message == 2.0
		amplification 2.000 | flow(name).amplification == 2.0
		their sites | flow(name).hits() == {"ip_generic_getfrag": 1000, "udp_recvmsg": 1000}
		no DMA, no wire, no gap | [flow(name)[k].max for k in ("dma", "wire", "gap", "emulated_dma")] == [0] * 4
		the shown chain has two copies | [h.kind for h in flow(name).hops if h.kind != "handoff"] == ["start", "copy", "copy"]
		the first writes where the second reads | flow(name).of_kind("copy")[0].dst == flow(name).of_kind("copy")[1].src
		in the kernel | int(flow(name).of_kind("copy")[0].dst, 16) >= 1 << 63
		physically, too | flow(name).of_kind("copy")[0].dst_phys == flow(name).of_kind("copy")[1].src_phys
		trace-cmd sees 1000 of the sender's copies | e.trace.count("from_iter", log(name).begin.send_pid, len=log(name).begin.size) == 1000
		and 1000 of the receiver's | e.trace.count("to_iter", log(name).begin.recv_pid, len=log(name).begin.size) == 1000
		address after address | e.trace.values("dst", "from_iter", log(name).begin.send_pid, len=log(name).begin.size) == e.trace.values("src", "to_iter", log(name).begin.recv_pid, len=log(name).begin.size)
	CLAIMS
}

# A frame of 128 bytes is 14 + 20 + 8 + 128 + 4 bytes where e1000 copies it.
cards()
{
	claims "$1" "$1.report" <<-'CLAIMS'
		1400 bytes over cards: 2 copies, 2 DMA, 1 wire | [flow("udp-nics-1400")[k] for k in ("copies", "dma", "wire")] == [{"min": n, "mean": n, "max": n} for n in (2, 2, 1)]
		their sites | flow("udp-nics-1400").hits() == {"ip_generic_getfrag": 1000, "udp_recvmsg": 1000}
		the order of the hops | [h.kind for h in flow("udp-nics-1400").hops if h.kind != "handoff"] == ["start", "copy", "dma", "wire", "dma", "copy"]
		the device reads what the copy wrote | flow("udp-nics-1400").of_kind("copy")[0].dst == flow("udp-nics-1400").of_kind("dma")[0].src
		the receiver reads what the device wrote | flow("udp-nics-1400").of_kind("dma")[1].dst == flow("udp-nics-1400").of_kind("copy")[1].src
		128 bytes: 3 copies, 2 DMA, 1 wire | [flow("udp-nics-128")[k] for k in ("copies", "dma", "wire")] == [{"min": n, "mean": n, "max": n} for n in (3, 2, 1)]
		the third is the driver's | flow("udp-nics-128").hits() == {"ip_generic_getfrag": 1000, "udp_recvmsg": 1000, "e1000_clean_rx_irq": 1000}
		of its module | flow("udp-nics-128").modules()["e1000_clean_rx_irq"] == "e1000"
		and stands between the others | [h.site.split("+")[0] for h in flow("udp-nics-128").of_kind("copy")] == ["ip_generic_getfrag", "e1000:e1000_clean_rx_irq", "udp_recvmsg"]
		trace-cmd sees the driver's 1000 copies | e.trace.count("mem", len=174) == 1000
		fragments: every byte copied twice | flow("udp-nics-8000").copies == {"min": 2, "mean": 2.0, "max": 2}
		by copies with a checksum | {s.primitive.startswith("csum_") for s in flow("udp-nics-8000").sites if s.kind == "copy"} == {True}
		one wire, two DMA for each byte | (flow("udp-nics-8000").wire.mean, flow("udp-nics-8000").dma.mean) == (1, 2)
		the pieces shown are the message | sum(x.bytes for x in flow("udp-nics-8000").example) == 8000
		trace-cmd sees the sender's bytes in fragments | sum(e.trace.values("len", "from_iter", log("udp-nics-8000").begin.send_pid, len=(1472, 1480, 608))) == 8000000
	CLAIMS
}

# What fooled the reference study: a program's own prints, and the TCP acknowledgements beside it.
terminal()
{
	claims "$1" "$1.report" <<-'CLAIMS'
		the program printed three times | [p.len for p in log("pty-16").prints] == [22, 1, 37]
		its prints are in the trace | all(e.trace.count("from_iter", p.tid, len=p.len) for p in log("pty-16").prints)
		and on no chain | {(p.pid, p.len) for p in log("pty-16").prints} <= {(u.pid, u.length) for u in a.unlinked_copies if u.site.startswith("file_tty_write")}
		its 16 bytes have a chain | flow("pty-16").messages == 1 and flow("pty-16").chains == 1 and [h.site.split("+")[0] for h in flow("pty-16").of_kind("copy")] == ["ip_generic_getfrag", "udp_recvmsg"]
		all of whose hops are of 16 bytes | {h.length for h in flow("pty-16").hops} == {16}
		TCP was alive | log("pty-16").begin.tcp_bytes > 0
		its acknowledgements are in the trace | e.trace.count("dev_queue", len=66, dev="lo") > 0
		and on no chain | not {h.skb for h in flow("pty-16").hops if "skb" in h and h.event == "dev_queue"} & {x.skb for x in e.trace.find("dev_queue", len=66, dev="lo") if x.time * 1e9 <= flow("pty-16").hops[-1].time_ns and x.time * 1e9 >= flow("pty-16").hops[0].time_ns}
		no message has the size of a print | {n for f in flows for n in (f.size.min, f.size.max)} == {x.begin.size for x in logged}
	CLAIMS
}

# refutes FILE CLAIM : the worksheet has it refuted, with an event
refutes()
{
	grep -A 6 -F "### $2" "$1" | head -n 7 >"$T/out"
	prints '^\*refuted\*' && prints 'offset='
}

# What earlier work took for granted, and this run shows to be otherwise.
worksheet()
{
	check "$NAME: the terminal's copies were not the payload" refutes "$1" "The small copies seen"
	check "$NAME: the packet of 66 bytes was no datagram" refutes "$1" "The packet of 66 bytes"
	check "$NAME: a third copy with a real card" refutes "$1" "With a real network card"
}

#!/bin/bash
# description: what the analyzer was not told: random flows, bounce buffers, listeners, peeks, copybreak
# requires: kernels in the cache or a mirror, python3, ip; boots four virtual machines
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

seed=${COPYCHAIN_TEST_SEED:-$((SRANDOM % 32768))}
RANDOM=$seed
echo "# COPYCHAIN_TEST_SEED=$seed repeats this"

# In the guest, on a testbed: NAME PATH PORT SIZE COUNT RATE RECEIVER'S-OPTIONS a line. The logs stay apart from the
# recording, which has to do without them.
cat >"$T/flows" <<'END_OF_FLOWS'
out=$1
there=${COPYCHAIN_NS_DST:+ip netns exec $COPYCHAIN_NS_DST}
while read -r name path port size count rate options; do
	if [ "$name" = listen ]; then
		$there /usr/bin/python3 tests/tools/listen.py "$COPYCHAIN_DEV_DST" "$out/listener" &
		listener=$!
		until grep -qs up "$out/listener"; do sleep 0.05; done
	fi
	cat /proc/net/snmp >"$out/$name.src.before"
	$there cat /proc/net/snmp >"$out/$name.dst.before"
	$there ./traffic udp --recv --bind "$COPYCHAIN_DST:$port" --size "$size" --count "$count" --timeout 10000 \
		--log "$out/$name.recv" $options >"$out/$name.said" </dev/null &
	receiver=$!
	until grep -qs receiving "$out/$name.said"; do sleep 0.05; done
	./traffic udp --send --to "$COPYCHAIN_DST:$port" --size "$size" --count "$count" --rate "$rate" \
		--log "$out/$name.send" </dev/null || exit
	wait $receiver || exit
	cat /proc/net/snmp >"$out/$name.src.after"
	$there cat /proc/net/snmp >"$out/$name.dst.after"
	if [ "$name" = listen ]; then
		kill $listener
		wait $listener
	fi
done
END_OF_FLOWS

cat >"$T/job" <<'END_OF_JOB'
share=$1
flows=$2
record()
{
	mkdir -p /tmp/logs
	testbed=$2
	./collect.sh run --native --out "$share/$1" -- \
		./traffic testbed "$testbed" -- sh -c 'exec sh "$1" /tmp/logs <"$2"' sh "$flows" "$share/flows-$1" || exit
}
case $3 in
plain)
	record lo lo
	record veth veth
	record nics nics
	{ cat /proc/net/snmp; } >/tmp/logs/flood.before
	printf '\n\n' | ./collect.sh run --native --out "$share/flood" -- \
		./traffic udp --hold --size 1400 --count 300 --timeout 500 || exit
	cat /proc/net/snmp >/tmp/logs/flood.after
	rmmod e1000 && modprobe e1000 copybreak=1600 || exit
	record copybreak nics
	;;
swiotlb)
	record swiotlb nics
	;;
esac
dmesg >/tmp/logs/dmesg
cp -r /tmp/logs "$share/logs-$3"
END_OF_JOB

# one_of LOW HIGH
one_of()
{
	echo $(($1 + (RANDOM * 32768 + RANDOM) % ($2 - $1 + 1)))
}

some_flow()
{
	echo "random-$1 $1 $(one_of 1024 60999) $(one_of 1 "$2") $(one_of 5 "$3") $4"
}

# Counts from the kernel and the log, copies from what is known about kernels.
random_flow()
{
	local name path port size
	read -r name path port size _ <"$share/flows-$1"
	NAME="$kernel, $path, $size bytes"
	claims "$share/$1" "$share/$1.report" "logs=$share/logs-plain/$name" "port=$port" "path=$path" "size=$size" <<-'CLAIMS'
		the kernel's count of datagrams sent | flow(port).messages == rise(f"{logs}.src.before", f"{logs}.src.after")["OutDatagrams"]
		the kernel's count of datagrams read | flow(port).delivered == rise(f"{logs}.dst.before", f"{logs}.dst.after")["InDatagrams"]
		the log's count of messages | (flow(port).messages, flow(port).delivered) == (len(read_log(f"{logs}.send")[0].sends), len(read_log(f"{logs}.recv")[0].reads))
		the log's bytes | (flow(port).sent_bytes, flow(port).payload_bytes) == (read_log(f"{logs}.send")[0].end.sent_bytes, read_log(f"{logs}.recv")[0].end.received_bytes)
		the port of the log | flow(port).sender.local.split(":")[1] == str(read_log(f"{logs}.send")[0].begin.sport)
		as many bytes copied as kernels are known to copy | copied(path, size)[0] <= round(flow(port).copies.mean * size) <= copied(path, size)[1]
		all of them at known sites | round(flow(port).copies.mean * flow(port).payload_bytes) == sum(s.bytes for s in flow(port).sites if s.kind == "copy")
		exact | (flow(port).verdict, flow(port).why, flow(port).accounted) == ("exact", "", 1.0)
	CLAIMS
}

# One flow, moved in other ways.
others()
{
	NAME="$kernel, cards"
	claims "$share/nics" "$share/nics.report" "listener=$share/logs-plain/listener" "copies=$share/copybreak.report" <<-'CLAIMS'
		plain: a chain of 2 copies | flow(9001).counts == (1, 2, 2) and flow(9001).hits() == {"ip_generic_getfrag": 40, "udp_recvmsg": 40}
		plain: exact | (flow(9001).verdict, flow(9001).why) == ("exact", "")
		peek: two chains, that share a copy | flow(9002).counts == (2, 2, 3)
		peek: both by udp_recvmsg | flow(9002).hits() == {"ip_generic_getfrag": 40, "udp_recvmsg": 80}
		peek: exact | (flow(9002).verdict, flow(9002).why) == ("exact", "")
		listener: it read all frames | open(listener).read().split()[3] == "40"
		listener: two chains, that share a copy | flow(9003).counts == (2, 2, 3)
		listener: a site of its own | flow(9003).hits() == {"ip_generic_getfrag": 40, "udp_recvmsg": 40, "simple_copy_to_iter": 40}
		listener: whose copies are in the trace | e.trace.count("to_iter", int(open(listener).read().split()[1]), len=(1442, 1400)) == 40
		listener: the receiver is still the one at the port | flow(9003).receiver.local.endswith(":9003")
		listener: exact | (flow(9003).verdict, flow(9003).why) == ("exact", "")
		no event was lost | a.lost == 0
	CLAIMS
	claims "$share/copybreak" "$share/copybreak.report" <<-'CLAIMS'
		copybreak=1600: a chain of 3 copies | flow(9001).counts == (1, 3, 3)
		copybreak=1600: the driver's is the third | flow(9001).hits() == {"ip_generic_getfrag": 40, "udp_recvmsg": 40, "e1000_clean_rx_irq": 40}
		copybreak=1600: it is in the trace | e.trace.count("mem", len=1400 + 14 + 20 + 8 + 4) == 40
		copybreak=1600: exact | (flow(9001).verdict, flow(9001).why) == ("exact", "")
	CLAIMS
	claims "$share/swiotlb" "$share/swiotlb.report" <<-'CLAIMS'
		swiotlb=force: a chain of 4 copies | flow(9001).counts == (1, 4, 4)
		swiotlb=force: one more on each side of the wire | flow(9001).hits() == {"ip_generic_getfrag": 40, "udp_recvmsg": 40, "swiotlb_bounce": 80}
		swiotlb=force: in this order | [h.site.split("+")[0] for h in flow(9001).of_kind("copy")] == ["ip_generic_getfrag", "swiotlb_bounce", "swiotlb_bounce", "udp_recvmsg"]
		swiotlb=force: the frames' copies are in the trace | e.trace.count("mem", len=1400 + 14 + 20 + 8) >= 40
		swiotlb=force: 2 DMA, 1 wire | (flow(9001).dma.mean, flow(9001).wire.mean) == (2, 1)
		swiotlb=force: exact | (flow(9001).verdict, flow(9001).why) == ("exact", "")
	CLAIMS
	NAME="$kernel, lo, more than the queue holds"
	claims "$share/flood" "$share/flood.report" "logs=$share/logs-plain/flood" <<-'CLAIMS'
		the kernel dropped some | rise(f"{logs}.before", f"{logs}.after")["RcvbufErrors"] > 0
		as many as the report says | flow("udp-lo-1400").dropped == rise(f"{logs}.before", f"{logs}.after")["RcvbufErrors"]
		with the reason | flow("udp-lo-1400").drops == {"SOCKET_RCVBUFF": flow("udp-lo-1400").dropped}
		the others arrived | flow("udp-lo-1400").delivered == len(log("udp-lo-1400").reads) == rise(f"{logs}.before", f"{logs}.after")["InDatagrams"]
		which is 300 in all | flow("udp-lo-1400").delivered + flow("udp-lo-1400").dropped == flow("udp-lo-1400").messages == 300
		drops do not spoil exact | (flow("udp-lo-1400").verdict, flow("udp-lo-1400").why) == ("exact", "")
	CLAIMS
}

surprise()
{
	local kernel=$1 share=$T/share run mode
	mkdir "$share"
	some_flow lo 60000 20 10 >"$share/flows-lo"
	some_flow veth 60000 20 5 >"$share/flows-veth"
	{
		some_flow nics 8000 30 20
		echo plain nics 9001 1400 40 50
		echo peek nics 9002 1400 40 50 --peek
		echo listen nics 9003 1400 40 50
	} >"$share/flows-nics"
	echo plain nics 9001 1400 40 50 | tee "$share/flows-copybreak" >"$share/flows-swiotlb"
	grep -h ^random "$share"/flows-* | sed "s|^|# $kernel: |"
	in_guest "$kernel" --share "$share" -- sh "$T/job" "$share" "$T/flows" plain
	check "$kernel: recordings" status 0
	in_guest "$kernel" --append swiotlb=force --share "$share" -- sh "$T/job" "$share" "$T/flows" swiotlb
	check "$kernel: a recording under swiotlb=force" status 0
	for run in lo veth nics copybreak swiotlb flood; do
		analyze_run "$share/$run"
	done
	for run in lo veth nics; do
		random_flow $run
	done
	others
	for mode in plain swiotlb; do
		check "$kernel: the kernel has nothing to complain about ($mode)" kernel_quiet "$share/logs-$mode/dmesg"
	done
	rm -rf "$share"
}

kernels bookworm/6.12 -- "$@"
for kernel in "${KERNELS[@]}"; do
	surprise "$kernel"
done
plan

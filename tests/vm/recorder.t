#!/bin/bash
# description: a recorder that is killed, doubled or starved leaves no trace and tells no lie
# requires: kernels in the cache or a mirror, python3; boots two virtual machines
# The tests are evaluated by all, so that their words stand in single quotes.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

cat >"$T/job" <<'END_OF_JOB'
share=$1
tracing=/sys/kernel/tracing

# What there is of recorders, and what there is of others.
state()
{
	sed 's/^/event /' "$tracing/dynamic_events" | cut -d ' ' -f 1,2
	ls "$tracing/instances" | sed 's/^/instance /'
	grep -lxE 'collect|traffic' /proc/[0-9]*/comm | sed 's/^/process /'
	for file in tracing_on current_tracer trace_clock buffer_size_kb set_event instances/mine/events/mine/probe/enable; do
		echo "$file $(cat "$tracing/$file")"
	done
}

sent()
{
	awk '/^Udp:/ { n = $5 } END { print n }' /proc/net/snmp
}

# wait_traffic N : until so many datagrams more are sent
wait_traffic()
{
	goal=$(($(sent) + $1))
	tries=0
	while [ "$(sent)" -lt $goal ] && [ $tries -lt 300 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

record()
{
	name=$1
	shift
	./collect.sh run --native --out "$share/$name" "$@"
	echo "$name $?" >>"$share/statuses"
}

killed()
{
	./collect run --out "/tmp/$1" -- ./traffic udp --size 64 --rate 100 --count 1000000 &
	victim=$!
	wait_traffic 50
	kill -s "$1" $victim
	wait $victim
	echo "$1 $?" >>"$share/statuses"
	sleep 0.5
	state >"$share/$1"
	ls /tmp/"$1" >"$share/$1.files" 2>/dev/null
}

# somebody else is tracing, too
mkdir "$tracing/instances/mine"
echo 'p:mine/probe udp_sendmsg' >>"$tracing/kprobe_events"
echo 1 >"$tracing/instances/mine/events/mine/probe/enable"
state >"$share/before"

killed KILL
record after -- ./traffic udp --size 64 --count 100
state >"$share/after.state"
killed TERM
killed INT

# The first goes on until the second is over; so many of its messages are sent while the other's probes come and go.
record first -- sh -c 'until [ -e /tmp/enough ]; do ./traffic udp --size 100 --rate 50 --count 50 --log /tmp/unseen; done' &
wait_traffic 20
record second -- ./traffic udp --size 200 --rate 50 --count 50
state >"$share/during"
: >/tmp/enough
wait
grep -c '"kind":"send"' /tmp/unseen >"$share/first.sent"
state >"$share/both"

record starved --buffer-kb 4 -- ./traffic udp --size 1400 --rate 100000 --count 3000
record stopped -- sh -c "./traffic udp --size 64 --count 100; for i in $tracing/instances/copychain_*; do echo 0 >\$i/tracing_on; done; ./traffic udp --size 96 --count 100"
state >"$share/end"
grep -c 'probe:' "$tracing/instances/mine/trace" >"$share/mine"
sent >"$share/sent"
dmesg >"$share/dmesg"
END_OF_JOB

# collect gives 128 + the signal's number after it has put all in order
same_state()
{
	diff "$share/before" "$share/$1" >"$T/out"
}

left_behind()
{
	grep -q "^event .*copychain" "$share/KILL" && grep -q "^instance copychain" "$share/KILL"
}

no_process()
{
	! grep '^process' "$share/$1" >"$T/out"
}

status_of()
{
	grep -qx "$1 $2" "$share/statuses"
}

recorder()
{
	local kernel=$1 share=$T/share
	mkdir "$share"
	NAME=$kernel
	in_guest "$kernel" --share "$share" -- sh "$T/job" "$share"
	check "$NAME: the guest" status 0
	check "$NAME: a recording that another stopped is told" grep -q "recording was stopped before its end" "$T/err"

	check "$NAME: kill -9 leaves probes and an instance, or this shows nothing" left_behind
	check "$NAME: but no process, the workload neither" no_process KILL
	check "$NAME: and no run.json" all '! grep -q run.json "$share/KILL.files"'
	check "$NAME: the next run removes all that" same_state after.state
	check "$NAME: and records" status_of after 0
	analyze_run "$share/after" --require-exact
	check "$NAME: exactly" status 0
	check "$NAME: SIGTERM leaves nothing" same_state TERM
	check "$NAME: SIGINT leaves nothing" same_state INT

	check "$NAME: two at once" all 'status_of first 0' 'status_of second 0'
	check "$NAME: the end of the second leaves the first its own" all '[ "$(grep -c "^instance copychain_[0-9]*$" "$share/during")" = 1 ]' '[ "$(grep -c "^instance copychain_[0-9]*_modules$" "$share/during")" = 1 ]' '[ "$(grep -c "^instance copychain" "$share/during")" = 2 ]'
	check "$NAME: the end of both leaves nothing" same_state both
	analyze_run "$share/first"
	analyze_run "$share/second"
	claims "$share/first" "$share/first.report" "sent=$(cat "$share/first.sent")" <<-'CLAIMS'
		the first of two has seen all of its messages | sum(f.messages for f in flows if f.size.max == 100) == sent
		delivered | sum(f.delivered for f in flows if f.size.max == 100) == sent
		exactly | {(f.verdict, f.why) for f in flows} == {("exact", "")} and a.lost == 0
		with 2.000 copies | {(f.copies.min, f.copies.max) for f in flows if f.size.max == 100} == {(2, 2)}
	CLAIMS
	claims "$share/second" "$share/second.report" <<-'CLAIMS'
		the second is, too | [flow("udp-lo-200")[k] for k in ("messages", "delivered", "verdict", "why")] == [50, 50, "exact", ""] and a.lost == 0
		with 2.000 copies | flow("udp-lo-200").copies == {"min": 2, "mean": 2.0, "max": 2}
	CLAIMS

	analyze_run "$share/starved"
	check "$NAME: starved, but recorded" all 'status_of starved 0' 'status 0'
	claims "$share/starved" "$share/starved.report" <<-'CLAIMS'
		events were lost | a.lost > 0 and sum(c["overrun"] + c["dropped events"] + c["commit overrun"] for c in run.loss.cpus) > 0
		no verdict is exact | a.verdict != "exact" and [f.verdict for f in flows if f.verdict == "exact"] == []
		the flow is at-least, and says why | (flow("udp-lo-1400").verdict, "events were lost" in flow("udp-lo-1400").why) == ("at-least", True)
		no more is counted than there was | flow("udp-lo-1400").messages <= len(log("udp-lo-1400").sends) and flow("udp-lo-1400").delivered <= len(log("udp-lo-1400").reads)
		the share accounted for is that of what the log knows was read | abs(flow("udp-lo-1400").accounted - flow("udp-lo-1400").payload_bytes / log("udp-lo-1400").end.received_bytes) < 1e-5
	CLAIMS
	analyze_run "$share/starved" --require-exact
	check "$NAME: --require-exact exits 3" status 3

	analyze_run "$share/stopped"
	check "$NAME: and in the report" grep -q "lost: all after the recording was stopped" "$T/out"
	claims "$share/stopped" "$share/stopped.report" <<-'CLAIMS'
		nobody knows how much is missing | (a.lost, run.loss.stopped) == (-1, True)
		so nothing is exact | [f.name for f in flows if f.verdict == "exact"] == [] and "exact" not in a.verdict
		what came before is there | [f.delivered for f in flows if f.name == "udp-lo-64"] == [100]
	CLAIMS

	check "$NAME: who else was tracing goes on" same_state end
	check "$NAME: and missed nothing" all '[ "$(cat "$share/mine")" -ge 3000 ]'
	check "$NAME: the kernel has nothing to complain about" kernel_quiet "$share/dmesg"
	rm -rf "$share"
}

kernels bookworm -- "$@"
for kernel in "${KERNELS[@]}"; do
	recorder "$kernel"
done
plan

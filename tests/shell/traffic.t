#!/bin/bash
# description: traffic moves what it says, logs what it moved, and leaves nothing behind
# requires: root, ip, python3, veth
# Emits TAP; run by prove.
set -u
unset COPYCHAIN_TRAFFIC_LOG

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
TRAFFIC=${TRAFFIC:-$ROOT/traffic}
T=$(mktemp -d)
n=0

cleanup()
{
	ip netns del "cctest-$$" 2>/dev/null
	rm -rf "$T"
}
trap cleanup EXIT

# ok DESCRIPTION COMMAND...: the command's exit status decides.
ok()
{
	local what=$1

	shift
	n=$((n + 1))
	if "$@" >"$T/said" 2>&1; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what (exit $?)"
		sed 's/^/# /' "$T/said"
	fi
}

skip()
{
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# exits STATUS COMMAND...: one line on standard error, and that status.
exits()
{
	local want=$1 got

	shift
	"$@" >"$T/out" 2>"$T/err"
	got=$?
	cat "$T/err"
	[ "$got" -eq "$want" ] && [ "$(wc -l <"$T/err")" -eq 1 ]
}

ours()
{
	local name

	for name in /run/netns/cc[0-9]*-[ab]; do
		[ -e "$name" ] && basename "$name"
	done
	return 0
}

nothing_left()
{
	ours
	[ -z "$(ours)" ]
}

# check FILE NAME SIZE COUNT [PYTHON]: the log of one flow is complete and agrees with itself.
check()
{
	python3 - "$@" <<'END'
import json, sys
path, name, size, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
lines = [json.loads(l) for l in open(path)]
begin = [l for l in lines if l["kind"] == "flow" and l["name"] == name]
assert len(begin) == 1, begin
f = begin[0]
mine = [l for l in lines if l["flow"] == f["flow"]]
kinds = [l["kind"] for l in mine]
assert kinds[0] == "flow" and kinds[-1] == "end", kinds
end = mine[-1]
sends = [l for l in mine if l["kind"] == "send"]
recvs = [l for l in mine if l["kind"] == "recv"]
reads = [l for l in recvs if not l["flags"] & 2]
assert f["size"] == size and f["count"] == count, f
assert len(sends) == count == end["sent"], (len(sends), end)
assert len(reads) == count == end["received"], (len(reads), end)
assert end["sent_bytes"] == end["received_bytes"] == size * count, end
assert end["bad"] == 0, end
assert [s["seq"] for s in sends] == list(range(count))
assert sorted(r["seq"] for r in reads) == list(range(count))
assert all(r["verified"] is True and r["result"] == size for r in recvs)
assert all(s["pid"] == f["send_pid"] and s["len"] == size for s in sends)
assert all(r["pid"] == f["recv_pid"] for r in recvs) and f["send_pid"] != f["recv_pid"]
assert f["sport"] > 0 and f["dport"] > 0 and f["src"] and f["dst"], f
pages = [l for l in mine if l["kind"] == "pages"]
assert sorted((p["side"], p["when"]) for p in pages) == [
    ("recv", "after"), ("recv", "before"), ("send", "after"), ("send", "before")], pages
for p in pages:
    assert int(p["va"], 16) % 4096 == 0 and p["len"] >= size
    assert len(p["pfns"]) == p["len"] // 4096 and all(int(x, 16) for x in p["pfns"]), p
if f["rate"] == 0 and len(recvs) == count:
    for s, r, after in zip(sends, reads, sends[1:]):
        assert s["time"] < r["time"] <= after["time"], (s, r, after)
if len(sys.argv) > 5:
    assert eval(sys.argv[5]), sys.argv[5]
END
}

udp_ok()
{
	local name=$1 size=$2 count=$3 more=$4

	shift 4
	rm -f "$T/log"
	"$TRAFFIC" udp --verify --size "$size" --count "$count" --log "$T/log" "$@" &&
		check "$T/log" "$name" "$size" "$count" "$more"
}

lossy_hold()
{
	rm -f "$T/log"
	printf '\n\n' | "$TRAFFIC" udp --hold --size 1400 --count 1000 --timeout 300 --verify \
		--log "$T/log" || return
	python3 - "$T/log" <<'END'
import json, sys
end = [json.loads(l) for l in open(sys.argv[1])][-1]
assert end["sent"] == 1000 and 0 < end["received"] < 1000 and end["bad"] == 0, end
END
}

hold_waits()
{
	local pid

	"$TRAFFIC" udp --hold --fill 5ec0ffee --count 7 --verify </dev/null >"$T/out" &
	pid=$!
	until grep -q 'held: 7 messages sent' "$T/out"; do sleep 0.05; done
	sleep 0.3
	grep -q received "$T/out" && return 1
	kill -USR1 $pid
	until grep -q '^received: 7 messages; waiting' "$T/out"; do sleep 0.05; done
	sleep 0.3
	kill -0 $pid || return 1
	kill -USR1 $pid
	wait $pid
}

# Two commands, with a namespace between them; what one end does not know is null.
apart()
{
	local pid port

	ip netns add "cctest-$$" || return
	ip -n "cctest-$$" link set lo up || return
	"$TRAFFIC" udp --recv --netns "cctest-$$" --bind 127.0.0.1 --count 20 --verify \
		--log "$T/recv" >"$T/out" &
	pid=$!
	until grep -q 'receiving on' "$T/out"; do sleep 0.05; done
	port=$(sed -n 's/.*receiving on .*://p' "$T/out")
	"$TRAFFIC" udp --send --netns "cctest-$$" --to "127.0.0.1:$port" --count 20 --rate 500 \
		--log "$T/send" || return
	wait $pid || return
	ip netns del "cctest-$$"
	python3 - "$T/send" "$T/recv" <<'END'
import json, sys
send, recv = ([json.loads(l) for l in open(p)] for p in sys.argv[1:])
f, g = send[0], recv[0]
assert f["recv_pid"] is None and g["send_pid"] is None
assert (f["src"], f["sport"], f["dst"], f["dport"]) == (g["src"], g["sport"], g["dst"], g["dport"])
assert send[-1]["received"] is None and recv[-1]["sent"] is None
got = [l for l in recv if l["kind"] == "recv"]
assert [l["seq"] for l in got] == list(range(20)) and all(l["verified"] for l in got)
END
}

# Strangers' bytes on the receiver's port must not pass as messages.
mismatch()
{
	local pid port

	"$TRAFFIC" udp --recv --bind 127.0.0.1 --count 1 --verify >"$T/out" &
	pid=$!
	until grep -q 'receiving on' "$T/out"; do sleep 0.05; done
	port=$(sed -n 's/.*receiving on .*://p' "$T/out")
	python3 -c 'import socket, sys
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x" * 64, ("127.0.0.1", int(sys.argv[1])))' \
		"$port"
	wait $pid
	[ $? -eq 1 ]
}

# By their names, in the order and with the numbers of the set.
only_two()
{
	rm -f "$T/log"
	"$TRAFFIC" set default --count 3 --only udp-lo-1400,udp-lo-64 --log "$T/log" 2>"$T/err" &&
		[ "$(sed -n 's/.*"kind":"flow","flow":[0-9]*\([0-9]\{3\}\),"name":"\([^"]*\)".*/\1 \2/p' "$T/log")" = "001 udp-lo-64
002 udp-lo-1400" ]
}

# Flows of commands that write one log at once are told apart.
shared_log()
{
	local pids=() i

	rm -f "$T/log"
	for i in 1 2 3; do
		"$TRAFFIC" udp --count 50 --size $((i * 100)) --verify --log "$T/log" &
		pids+=($!)
	done
	wait "${pids[@]}" || return
	check "$T/log" udp-lo-100 100 50 && check "$T/log" udp-lo-200 200 50 && check "$T/log" udp-lo-300 300 50
}

# Every way to send and receive does what it says, and what arrives is what was sent.
datagrams()
{
	rm -f "$T/log"
	"$TRAFFIC" set datagrams --log "$T/log" &&
		python3 "$ROOT/tests/tools/datagrams.py" "$T/log" nics
}

set_runs()
{
	rm -f "$T/log"
	local n
	n=$("$TRAFFIC" set --list | grep -c '^default ')
	"$TRAFFIC" set default --count 5 --log "$T/log" 2>"$T/err" || return
	cat "$T/err"
	[ "$(grep -c "^traffic: \[[0-9]*/$n\] " "$T/err")" -eq "$n" ] &&
		check "$T/log" udp-lo-64 64 5 && check "$T/log" udp-lo-1400 1400 5 &&
		check "$T/log" udp-veth-1400 1400 5 && check "$T/log" pty-16 16 1 &&
		python3 - "$T/log" "$n" <<'END'
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
firsts = [l for l in lines if l["kind"] in ("flow", "skip")]
assert [l["flow"] % 1000 for l in firsts] == list(range(1, int(sys.argv[2]) + 1))
assert len({l["flow"] // 1000 for l in firsts}) == 1
assert all(l["why"] for l in firsts if l["kind"] == "skip")
END
}

pty_log()
{
	rm -f "$T/log"
	"$TRAFFIC" pty --log "$T/log" &&
		check "$T/log" pty-16 16 1 '[l["len"] for l in mine if l["kind"] == "print"] == [22, 1, 37] and f["proto"] == "pty" and f["tcp_bytes"] > 0'
}

testbed_env()
{
	# shellcheck disable=SC2016
	"$TRAFFIC" testbed veth -- sh -c 'ip netns exec "$COPYCHAIN_NS_DST" ip -o -4 addr show dev \
		"$COPYCHAIN_DEV_DST" | grep -qw "$COPYCHAIN_DST/24" &&
		ip -o -4 addr show dev "$COPYCHAIN_DEV_SRC" | grep -qw "$COPYCHAIN_SRC/24" && exit 7'
	[ $? -eq 7 ]
}

killed_is_reaped()
{
	local pid

	"$TRAFFIC" udp --path "${1:-veth}" --count 10000000 >/dev/null &
	pid=$!
	until [ "$(ours | wc -l)" -eq 2 ]; do sleep 0.05; done
	kill -KILL $pid
	wait $pid 2>/dev/null
	[ "$(ours | wc -l)" -eq 2 ] || return 1
	"$TRAFFIC" udp --count 1 && nothing_left
}

# Whatever it is doing: a signal undoes the testbed and is the cause of death.
interrupted()
{
	python3 - "$1" "$2" "$TRAFFIC" udp --path "${3:-veth}" --count 10000000 <<'END' && nothing_left
import signal, subprocess, sys, time
number = getattr(signal, sys.argv[1])
p = subprocess.Popen(sys.argv[3:])
time.sleep(float(sys.argv[2]))
p.send_signal(number)
assert p.wait(10) == -number, p.returncode
END
}

# Started by nohup, or in the background of a script, it must not hear what its starter ignores.
ignored()
{
	(
		trap '' HUP
		exec "$TRAFFIC" udp --rate 100 --count 100
	) &
	sleep 0.3
	kill -HUP $!
	wait $!
}

# Each line of a script names a namespace and a program, and no two testbeds share addresses.
scripts_are_well_formed()
{
	local name
	for name in $("$TRAFFIC" testbed --list | cut -d ' ' -f 1); do
		"$TRAFFIC" testbed --show "$name" >"$T/script" || return
		! grep -vE '^(# |6?[-abm] (ip|tc|nft) [a-z]|6?[abm] sysctl net/[a-z0-9/_-]+=)' "$T/script" || return
	done
	! sed -n 's/^TESTBED.*, \([1-9][0-9]*\),$/\1/p; s/^\t"[^"]*", \([0-9]*\),$/\1/p' src/traffic/testbeds.def |
		grep -vx 3 | sort | uniq -d | grep .
}

# The table is made from runs; a network added since then is missing in it.
networks_are_listed()
{
	"$TRAFFIC" set --list | awk '$1 == "networks" { print $5 }' | while read -r name; do
		grep -q "^| \`$name\` |" docs/networks.md || exit
	done
}

testbed_interrupted()
{
	local pid

	"$TRAFFIC" testbed veth -- sleep 60 &
	pid=$!
	until [ "$(ours | wc -l)" -eq 2 ]; do sleep 0.05; done
	sleep 0.5
	kill -TERM $pid
	wait $pid
	[ $? -eq 143 ] && nothing_left
}

interrupted_log()
{
	local pid

	rm -f "$T/log"
	"$TRAFFIC" udp --rate 100 --count 100000 --verify --log "$T/log" &
	pid=$!
	sleep 1
	kill -TERM $pid
	wait $pid
	[ $? -eq 143 ] && tail -n 1 "$T/log" | grep -q '"kind":"end"'
}

foreign_netns_stays()
{
	ip netns add "cctest-$$" || return
	"$TRAFFIC" udp --count 1 && ip netns | grep -q "cctest-$$" && ip netns del "cctest-$$"
}

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root"
	exit 0
fi

ok "lo, 64 bytes in lock-step" udp_ok udp-lo-64 64 1000 'f["path"] == "lo"'
for size in 1 7 8 16 20 24 1400 8000 65507; do
	ok "lo, $size bytes" udp_ok "udp-lo-$size" $size 50 True
done
ok "lo, at a rate" udp_ok udp-lo-64 64 100 \
	'f["rate"] == 1000 and 0.09e9 < sends[-1]["time"] - sends[0]["time"] < 2e9' --rate 1000
ok "every peek is logged beside its read" udp_ok udp-lo-100 100 30 \
	'len(recvs) == 60 and [r["flags"] & 2 for r in recvs] == [2, 0] * 30' --peek
ok "connected sockets" udp_ok udp-lo-100 100 30 True --connected
ok "fill is in the log" udp_ok udp-lo-100 100 30 'f["fill"] == "5ec0ffee"' --fill 5ec0ffee
ok "hold waits twice" hold_waits
ok "hold loses what no buffer holds, and says so" lossy_hold
ok "send and receive apart, in a namespace" apart
ok "contents that nobody sent exit 1" mismatch
ok "the log may come from the environment" env COPYCHAIN_TRAFFIC_LOG="$T/env" "$TRAFFIC" udp --count 3
ok "... and is there" grep -q '"kind":"end"' "$T/env"
ok "several commands write one log" shared_log
ok "the terminal flow" pty_log

if ip link add "cct$$" type veth peer name "ccu$$" 2>/dev/null; then
	ip link del "cct$$"
	ok "veth, 1400 bytes" udp_ok udp-veth-1400 1400 200 'f["src"] == "10.77.1.1" and f["dst"] == "10.77.1.2"' --path veth
	ok "veth, fragments" udp_ok udp-veth-8000 8000 20 True --path veth
	ok "no namespace is left" nothing_left
	ok "the default set" set_runs
	ok "the set of datagrams" datagrams
	ok "a testbed tells its addresses, passes the exit status" testbed_env
	ok "a testbed ends with its command on SIGTERM" testbed_interrupted
	ok "what a killed one left is reaped" killed_is_reaped
	for delay in 0.03 0.1 0.3 1.5; do
		ok "SIGTERM after $delay s undoes all" interrupted SIGTERM $delay
		ok "SIGINT after $delay s undoes all" interrupted SIGINT $delay
	done
else
	skip "flows and testbeds over veth" "no veth here"
fi
if "$TRAFFIC" testbed nics -- true 2>/dev/null; then
	cards=$(ls /sys/class/net)
	for size in 128 1400 8000; do
		ok "nics, $size bytes" udp_ok "udp-nics-$size" $size 100 \
			'f["src"] == "10.77.2.1" and f["dst"] == "10.77.2.2"' --path nics
	done
	ok "nics, at a rate" udp_ok udp-nics-64 64 100 True --path nics --rate 1000
	ok "a testbed of cards passes the exit status" exits 0 "$TRAFFIC" testbed nics -- sh -c "echo >&2"
	ok "cards of a killed one are reaped" killed_is_reaped nics
	ok "... and can be used again" udp_ok udp-nics-64 64 10 True --path nics
	ok "SIGTERM brings cards back" interrupted SIGTERM 2 nics
	ok "the cards are back" test "$(ls /sys/class/net)" = "$cards"
else
	skip "flows over two network cards" "no idle pair here"
fi
ok "namespaces of others stay" foreign_netns_stays
ok "an ignored SIGHUP stays ignored" ignored
ok "SIGTERM in mid-flow still ends the log" interrupted_log

ok "no command" exits 2 "$TRAFFIC"
ok "unknown command" exits 2 "$TRAFFIC" walk
ok "size over the protocol's limit" exits 2 "$TRAFFIC" udp --size 65508
ok "no messages" exits 2 "$TRAFFIC" udp --count 0
ok "words left over" exits 2 "$TRAFFIC" udp now
ok "unknown set" exits 2 "$TRAFFIC" set nosuch
ok "a set is named" exits 2 "$TRAFFIC" set
ok "a flow that the set lacks" exits 2 "$TRAFFIC" set default --only udp-lo-64,nosuch
ok "no flow at all" exits 2 "$TRAFFIC" set default --only ,
ok "some flows of a set" only_two
ok "testbeds have scripts that can be read" scripts_are_well_formed
ok "docs/networks.md has all networks" networks_are_listed
ok "show what is no testbed" exits 2 "$TRAFFIC" testbed --show wlan
ok "testbed without a command" exits 2 "$TRAFFIC" testbed veth
ok "testbed on an unknown path" exits 2 "$TRAFFIC" testbed wlan -- true
ok "log on a full disk" exits 4 "$TRAFFIC" udp --count 10 --log /dev/full
ok "log in no folder" exits 4 "$TRAFFIC" udp --count 10 --log "$T/no/log"
ok "no such namespace" exits 4 "$TRAFFIC" udp --count 10 --netns "nosuch-$$"
ok "no way to the receiver" exits 4 "$TRAFFIC" udp --send --to 255.255.255.255:9 --count 1
ok "no such RDMA device" exits 4 "$TRAFFIC" rdma --rdma-dev "nosuch-$$"
ok "one end of an RDMA flow on a testbed" exits 2 "$TRAFFIC" rdma --send --to 127.0.0.1
ok "testbed: no such program" exits 127 "$TRAFFIC" testbed lo -- "/nosuch-$$"
for command in udp rdma pty set testbed; do
	ok "$command --help" "$TRAFFIC" $command --help
done
ok "help" "$TRAFFIC" help
ok "set --list" "$TRAFFIC" set --list
ok "no namespace is left at the end" nothing_left

echo "1..$n"

#!/bin/bash
# What rdma_traffic.t has a guest do: rdma_traffic.sh SHARE. Prints pass|... and fail|... lines.
set -u

share=$1
T=/tmp/rdma_traffic-$$
FOREVER=10000000

# ok DESCRIPTION COMMAND...
ok()
{
	local what=$1
	shift
	if "$@" >"$T/why" 2>&1; then
		echo "pass|$what"
	else
		echo "fail|$what"
		sed 's/^/# /' "$T/why" "$T/err"
	fi
}

# told FILE... : what stands in them, without a process more
told()
{
	local file words
	for file; do
		words=
		{ read -r -d '' words <"$file"; } 2>/dev/null
		echo "$file $words"
	done
}

user_processes()
{
	local file words
	for file in /proc/[0-9]*/cmdline; do
		words=
		{ read -r -d '' words <"$file"; } 2>/dev/null
		case $words in
		'' | bash | sort) ;;
		*) echo "process $words" ;;
		esac
	done | sort
}

# All that a flow could leave behind.
state()
{
	echo /sys/class/infiniband/* /run/netns/*
	ip -o addr
	ip rule
	told /sys/class/net/*/{flags,mtu,address,operstate} /proc/sys/net/core/netdev_max_backlog \
		/proc/sys/net/ipv4/conf/*/{accept_local,rp_filter,forwarding} /proc/sys/net/ipv6/conf/*/disable_ipv6
	user_processes
}

remember()
{
	state >"$T/before"
}

# Whoever dies with its parent is given a moment.
unchanged()
{
	local tries=0
	until state >"$T/after" && cmp -s "$T/before" "$T/after"; do
		tries=$((tries + 1))
		if [ $tries -gt 20 ]; then
			diff "$T/before" "$T/after"
			return 1
		fi
		sleep 0.1
	done
}

# The file has one line, with these words.
one_line()
{
	[ "$(wc -l <"$1")" = 1 ] && grep -qe "$2" "$1"
}

exits()
{
	local want=$1 words=$2 got
	shift 2
	"$@" >"$T/out" 2>"$T/err" </dev/null
	got=$?
	if [ $got != "$want" ]; then
		echo "status $got, not $want"
		return 1
	fi
	one_line "$T/err" "$words" && unchanged
}

# refused STATUS WORDS DESCRIPTION COMMAND... : one line of error, and nothing left
refused()
{
	ok "$3: status $1 and one line, nothing left" exits "$1" "$2" "${@:4}"
}

# The two ends as commands of their own, in the background.
start_receiver()
{
	./traffic rdma --recv --rdma-dev "$COPYCHAIN_RDMA_DST" --bind 127.0.0.1 "$@" >"$T/recv.out" 2>"$T/recv.err" &
	recv=$!
	until grep -q '^receiving on 127.0.0.1:18515$' "$T/recv.out"; do
		sleep 0.05
		kill -0 $recv || return 1
	done
}

start_sender()
{
	./traffic rdma --send --rdma-dev "$COPYCHAIN_RDMA_SRC" --to 127.0.0.1 "$@" >"$T/send.out" 2>"$T/send.err" &
	send=$!
}

ends_apart()
{
	local name=$1
	shift
	start_receiver --verify --log "$share/$name.recv" "$@" && start_sender --log "$share/$name.send" "$@"
	wait "$send" && wait "$recv" && [ ! -s "$T/recv.err" ] && [ ! -s "$T/send.err" ] &&
		grep -q ' received, 0 bad$' "$T/recv.out" && unchanged
}

mismatch()
{
	local statuses
	start_receiver --size 64 --op read && start_sender --size 65 --op read
	wait "$send"
	statuses=$?
	wait "$recv"
	statuses=$statuses,$?
	[ $statuses = 2,2 ] && one_line "$T/recv.err" 'size: 64 here, 65' && one_line "$T/send.err" 'size: 65 here, 64' && unchanged
}

stranger()
{
	start_receiver
	exec 3<>/dev/tcp/127.0.0.1/18515
	echo "GET / HTTP/1.0" >&3
	wait $recv
	status=$?
	exec 3>&-
	[ $status = 4 ] && one_line "$T/recv.err" 'does not speak as traffic rdma' && unchanged
}

nobody_comes()
{
	start_receiver
	kill -s TERM "$recv"
	wait "$recv"
	[ $? = 143 ] && [ ! -s "$T/recv.err" ] && unchanged
}

# until_moving DEVICE : packets of a flow arrive there
until_moving()
{
	local file=/sys/class/infiniband/$1/ports/1/hw_counters/rcvd_pkts at
	at=$(<"$file")
	until [ "$(<"$file")" -gt $((at + 20)) ]; do
		sleep 0.05
	done
}

# dies SIGNAL send|recv WORDS OPTIONS... : that end dies in the middle, the other one says so
dies()
{
	local signal=$1 who=$2 words=$3 other=recv died=0 got=0
	shift 3
	[ "$who" = send ] || other=send
	start_receiver --count $FOREVER "$@" && start_sender --count $FOREVER "$@"
	until_moving "$COPYCHAIN_RDMA_DST"
	kill -s "$signal" "${!who}"
	wait "${!who}" || died=$?
	wait "${!other}" || got=$?
	cp "$T/$other.err" "$T/err"
	if [ $got != 4 ] || [ $died != $((128 + $(kill -l "$signal"))) ]; then
		echo "statuses $got and $died"
		return 1
	fi
	one_line "$T/err" "$words" && unchanged
}

start_both()
{
	./traffic rdma --rdma-dev "$COPYCHAIN_RDMA_SRC,$COPYCHAIN_RDMA_DST" --count $FOREVER "$@" >"$T/out" 2>"$T/err" &
	both=$!
	until_moving "$COPYCHAIN_RDMA_DST"
}

# The younger of the two children is the sender.
one_dies()
{
	local children
	start_both
	read -r -a children <"/proc/$both/task/$both/children"
	kill -s KILL "${children[$1]}"
	wait $both
	[ $? = 4 ] && one_line "$T/err" 'an end was killed by signal 9' && unchanged
}

link_down()
{
	start_both --ack-timeout 8 --retries 2
	ip link set "$COPYCHAIN_DEV_DST" down
	wait $both
	status=$?
	link_up "$COPYCHAIN_DEV_DST" "$COPYCHAIN_RDMA_DST" && [ $status = 4 ]
}

link_up()
{
	ip link set "$1" up
	until grep -q ACTIVE "/sys/class/infiniband/$2/ports/1/state"; do
		sleep 0.05
	done
	unchanged
}

# Stands still until the memory was saved from outside, twice.
held()
{
	{
		until [ -e "$share/held-saved" ]; do sleep 0.1; done
		echo
		until [ -e "$share/read-saved" ]; do sleep 0.1; done
		echo
	} | ./traffic rdma --rdma-dev "$COPYCHAIN_RDMA_SRC,$COPYCHAIN_RDMA_DST" --hold --verify --log "$share/hold.log" "$@" >"$share/hold-out"
}

in_testbed()
{
	local a=$COPYCHAIN_RDMA_SRC b=$COPYCHAIN_RDMA_DST op
	remember
	ok "held twice" held --op write --fill 5eaf00d1 --size 10000 --depth 2 --count 3
	refused 4 "no RDMA device 'nosuch'; there are: $a, $b" "a device that is not there" ./traffic rdma --rdma-dev "$a,nosuch"
	refused 4 "$a has no GID with index 200" "a GID index that is not there" ./traffic rdma --rdma-dev "$a,$b" --gid 200
	refused 2 "4096 is above the active MTU of $b, which is 1024" "an MTU above the port's" ./traffic rdma --rdma-dev "$a,$b" --mtu 4096
	refused 2 "a datagram takes no more than the MTU" "a datagram above the port's MTU" ./traffic rdma --rdma-dev "$a,$b" --qp ud
	refused 4 "$b: queue pair that takes 4096 bytes inline" "more inline than the device takes" ./traffic rdma --rdma-dev "$a,$b" --inline
	ip link set "$COPYCHAIN_DEV_SRC" down
	refused_down "$a" "$b"
	ok "and it is up again" link_up "$COPYCHAIN_DEV_SRC" "$a"

	for op in send send-imm write write-imm read; do
		ok "ends apart: $op" ends_apart "$op" --op $op --count 20 --depth 3
	done
	ok "ends apart: datagrams" ends_apart ud --qp ud --op send-imm --size 512 --count 20 --fill 5eaf00d1
	ok "ends apart: inline" ends_apart inline --inline --size 64 --count 20
	ok "ends that were asked for different things" mismatch
	refused 4 'no receiver at 127.0.0.1:18515' "nobody waits" ./traffic rdma --send --rdma-dev "$a" --to 127.0.0.1
	ok "a stranger comes" stranger
	ok "nobody comes, and it is interrupted" nobody_comes
	for op in send read; do
		ok "a receiver is killed: $op" dies KILL recv 'the receiver at .* is gone before the last message' --op $op
	done
	for op in write read; do
		ok "a sender is killed: $op" dies KILL send 'the sender at .* is gone before the last message' --op $op
	done
	ok "a receiver is interrupted" dies TERM recv 'the receiver at .* stopped before the last message'
	ok "a sender is interrupted" dies TERM send 'the sender at .* stopped before the last message'
	ok "a receiver is killed, both in one command" one_dies 0
	ok "a sender is killed, both in one command" one_dies 1
	ok "the link goes down" link_down
	# a kernel that finds its own link down does not try again
	ok "the queue pair says so" one_line "$T/err" 'work request [0-9]*: \(transport retry counter exceeded\|Work Request Flushed Error\)$'
}

# The testbed's own link is down: that is remembered for a moment.
refused_down()
{
	cp "$T/before" "$T/up"
	remember
	refused 4 "$1: port 1 is down; set its link up" "a port that is down" ./traffic rdma --rdma-dev "$1,$2"
	mv "$T/up" "$T/before"
}

one_command()
{
	"$@" --verify --count 20 >"$T/out" 2>"$T/err" && [ ! -s "$T/err" ] &&
		grep -q ': 20 sent, 20 received, 0 lost, 0 bad$' "$T/out" && unchanged
}

# Nobody undoes the testbed of a killed one but the next.
reaped()
{
	./traffic rdma --count $FOREVER >"$T/out" 2>"$T/err" &
	both=$!
	until [ -e "/sys/class/infiniband/rxe_cc$both-b" ]; do sleep 0.1; done
	until_moving "rxe_cc$both-b"
	kill -s KILL $both
	wait $both
	rdma link | grep -q "rxe_cc$both" || return 1
	./traffic udp --count 1 2>"$T/err" && unchanged
}

before_any_testbed()
{
	remember
	refused 4 "no RDMA device 'nosuch', nor any other" "no RDMA device at all" ./traffic rdma --rdma-dev nosuch
}

# What is said in it goes to where ours goes.
testbed()
{
	COPYCHAIN_TRAFFIC_LOG=$share/testbed.log ./traffic testbed rxe -- bash "$0" "$share" testbed
	ok "the testbed is gone" unchanged
}

after_it()
{
	ok "datagrams on a testbed of their own" one_command ./traffic rdma --qp ud --size 512 --op send-imm
	ok "within one device" one_command ./traffic rdma --path dev --op read
	ok "over lo" one_command ./traffic rdma --path lo --op write-imm
	ok "what a killed one left is removed by the next" reaped
}

mkdir -p "$T"
: >"$T/err"
if [ "${2:-}" = testbed ]; then
	unset COPYCHAIN_TRAFFIC_LOG # which is the testbed's
	in_testbed
else
	before_any_testbed
	testbed
	after_it
fi

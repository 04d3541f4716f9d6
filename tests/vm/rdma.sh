#!/bin/bash
# What rdma.t has a guest record: rdma.sh SHARE. A run per question, each in a folder of the share.
set -u

share=$1

record()
{
	local name=$1
	shift
	./collect.sh run --native --buffer-kb 65536 --out "$share/$name" "$@"
}

# Modules that come while the recording runs, one that drives a card with an inlined copy among them.
late()
{
	modprobe -qr rdma_rxe
	./collect run --quiet --out /run/late -- sh -c '
		modprobe rdma_rxe && modprobe pcnet32 && sleep 5 && exec ./traffic rdma --size 64 --count 5' &&
		cp -r /run/late "$share/late"
}

# The kernel refuses a second event of one name whose fields are others.
refused()
{
	# shellcheck disable=SC2016
	bash -c 'echo "p:copychain_$$/rdma_copy rdma_rxe:rxe_mr_copy other=%di" >/sys/kernel/tracing/dynamic_events &&
		exec ./collect run --quiet --out /run/refused -- ./traffic rdma --size 4096 --count 20 --verify' &&
		cp -r /run/refused "$share/refused"
}

wait_for()
{
	until [ -e "$share/$1" ]; do sleep 0.1; done
	echo
}

hold()
{
	# shellcheck disable=SC2016
	{ wait_for held-saved; wait_for read-saved; } | record hold -- \
		sh -c 'exec ./traffic rdma --hold --fill 5eaf00d1 --op write --size 8192 --count 2 --depth 2 >"$1"' sh "$share/hold-out"
}

pingpong()
{
	# shellcheck disable=SC2016
	record foreign --with rxe -- bash -c '
		ibv_rc_pingpong -d "$COPYCHAIN_RDMA_DST" -g "$COPYCHAIN_RDMA_GID_DST" -s 3000 -n 20 &
		sleep 1
		ibv_rc_pingpong -d "$COPYCHAIN_RDMA_SRC" -g "$COPYCHAIN_RDMA_GID_SRC" -s 3000 -n 20 127.0.0.1 && wait $!'
}

# Many requests under way, few of which complete with a word: what perftest does.
perftest()
{
	# shellcheck disable=SC2016
	record perftest --with rxe -- bash -c '
		pair()
		{
			"$@" -F -d "$COPYCHAIN_RDMA_DST" -x "$COPYCHAIN_RDMA_GID_DST" >/dev/null &
			sleep 2
			"$@" -F -d "$COPYCHAIN_RDMA_SRC" -x "$COPYCHAIN_RDMA_GID_SRC" 127.0.0.1 >/dev/null && wait $!
		}
		pair ib_write_bw -s 4096 -n 250 && pair ib_send_bw -c UD -s 1024 -n 120 && pair ib_read_bw -s 2048 -n 50'
}

late
hold
record set -- ./traffic set rdma
# An acknowledgement takes longer than the 2 ms that are waited for it.
record again -- ./traffic rdma --size 1048576 --count 3 --ack-timeout 9 --verify
record excluded --exclude-site rxe_mr_copy -- ./traffic rdma --size 4096 --count 20 --verify
refused
pingpong
perftest
{
	rdma link
	ip -o link | grep -E 'cc[0-9]+-'
	grep copychain /sys/kernel/tracing/dynamic_events
	ls /sys/kernel/tracing/instances
} >"$share/left"
dmesg >"$share/dmesg"

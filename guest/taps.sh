#!/bin/bash
# In a network namespace of its own: makes taps, joined two and two by a bridge each, and becomes the command.
# usage: guest/taps.sh N N [N N ...] -- COMMAND ARGS...
#   N N: tapN and tapN, which keep what offloads have left undone in a frame (IFF_VNET_HDR)
set -eu

# No frame is to be on them that no guest has sent.
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6 2>/dev/null || true
while [ "$1" != -- ]; do
	ip link add "bridge$1" type bridge mcast_snooping 0
	for n in "$1" "$2"; do
		ip tuntap add "tap$n" mode tap vnet_hdr
		ip link set "tap$n" master "bridge$1" up
	done
	ip link set "bridge$1" up
	shift 2
done
shift
exec "$@"

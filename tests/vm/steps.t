#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# description: --steps records the functions between the probes, by the tracer that the kernel has for an instance
# requires: kernels in the cache or a mirror; boots two virtual machines
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

# path FILE FUNCTION... : the functions stand in the step table in this order, with the copies marked between
path()
{
	local file=$1 want have
	shift
	want=$(printf '%s\n' "$@")
	have=$(awk -F ' \\| ' '{ sub(/\+.*/, "", $3); print (/^★/ ? "★" : "") $3 }' "$file" |
		grep -xF "$want" | awk '!seen[$0]++')
	printf '%s\n' "$have" >"$T/out"
	[ "$have" = "$want" ]
}

# steps KERNEL TRACER
steps()
{
	local run=$T/${1//\//-}
	NAME=$1
	try ./collect.sh run --steps --vm="$1" --out "$run" -- ./traffic udp --size 16 --count 1
	check "$NAME: records" status 0
	check "$NAME: by $2" grep -q "\"tracer\": \"$2\"" "$run/run.json"
	analyze_run "$run" --require-exact
	check "$NAME: and is exact all the same" status 0
	check "$NAME: the report says by what" grep -q "by the tracer $2\." "$run.report/steps.txt"
	check "$NAME: the way of the message, function by function" path "$run.report/steps.txt" \
		__sys_sendto udp_sendmsg ip_make_skb ★ip_generic_getfrag udp_send_skb ip_output ip_rcv udp_rcv ★udp_recvmsg
}

steps bookworm function
steps bookworm/6.12 function_graph
plan

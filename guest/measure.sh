#!/bin/sh
# In a guest: what this kernel does with a set of flows, without any probe and with all of them.
# usage: guest/measure.sh SHARE SET NAMES TIMED AUDIT SETUP
#   SET none: only the census; NAMES: of flows, empty for all; TIMED true: first without probes; AUDIT true: an emulator looks on
set -u

share=$1
set=$2
names=$3
timed=$4
audit=
[ "$5" = false ] || audit=--audit
setup=$6

if [ -n "$setup" ]; then
	sh -c "$setup" || {
		status=$?
		echo "setup: '$setup' failed with status $status" >&2
		exit 4
	}
fi
if [ "$set" = none ]; then
	exec ./collect.sh sites --native --json "$share/sites.json"
fi
if [ "$timed" = true ]; then
	# a flow that fails has no cost, and is told so; the others have
	COPYCHAIN_TRAFFIC_LOG=/run/bare.jsonl ./traffic set ${names:+--only "$names"} "$set"
	cp /run/bare.jsonl "$share/bare.jsonl" || exit 4
fi
exec ./collect.sh run --native $audit --out "$share/run" -- ./traffic set ${names:+--only "$names"} "$set"

#!/bin/bash
# description: physical addresses are true: guest memory saved from outside holds the payload there
# requires: kernels in the cache or a mirror, python3, 2 GB in TMPDIR; boots two virtual machines
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

MEGABYTES=640
# a word for each, lest one finds what the other left behind
declare -A WORDS=([lo]=5eaf00d1 [nics]=c0ffee77)
COUNT=3
PATHS="lo nics"

# In the guest: each flow stands still twice, until a file appears on the share.
cat >"$T/job" <<'END_OF_JOB'
share=$1
wait_for()
{
	until [ -e "$share/$1" ]; do sleep 0.1; done
	echo
}
for pair in $3; do
	path=${pair%=*} word=${pair#*=}
	{ wait_for "$path-held-saved"; wait_for "$path-read-saved"; } |
		./collect.sh run --native --out "$share/$path" -- sh -c 'exec ./traffic udp --path "$1" --hold \
			--fill "$2" --size 1400 --count "$3" >"$4"' sh "$path" "$word" "$2" "$share/$path-out" || exit
done
END_OF_JOB

hold()
{
	local kernel=$1 share=$T/share path n reports pairs=()
	for path in $PATHS; do
		pairs+=("$path=${WORDS[$path]}")
	done
	mkdir "$share"
	COPYCHAIN_QEMU_ARGS="-m $MEGABYTES -qmp unix:$T/qmp,server=on,wait=off" \
		guest/run.sh --kernel "$(guest/kernel.sh "$kernel")" --share "$share" -- \
		sh "$T/job" "$share" $COUNT "${pairs[*]}" >"$T/out" 2>"$T/err" </dev/null &
	guest=$!
	for path in $PATHS; do
		check "$kernel, $path: memory saved while held and after the read" save_both "$path-" "$path-out" \
			'^held: 3 messages' '^received: 3 messages'
	done
	check "$kernel: the guest ended well" wait $guest
	for path in $PATHS; do
		NAME="$kernel, $path"
		reports=()
		for n in $(seq 0 $((COUNT - 1))); do
			try ./analyze --require-exact --message "$n" --out "$T/report-$n" "$share/$path"
			check "$NAME: the report on message $n" all 'status 0' 'prints "pa 0x"'
			reports+=("$T/report-$n")
		done
		python3 tests/tools/memory.py "${WORDS[$path]}" "$T/$path-held" "$T/$path-read" "${reports[@]}" >"$T/claims" 2>"$T/err"
		tap_claims
	done
	rm -rf "$share" "$T"/*-held "$T"/*-read "$T"/report-* "$T/qmp"
}

kernels bookworm/6.12 -- "$@"
for kernel in "${KERNELS[@]}"; do
	hold "$kernel"
done
plan

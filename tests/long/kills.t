#!/bin/bash
# description: programs of a recording killed outright at random moments: no guest and no file stays but what clean names
# requires: a kernel in the cache or a mirror; COPYCHAIN_TEST_KILLS recordings (50), each cut short
# The tests are evaluated by all, so that their words stand in single quotes.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

KERNEL=${1:-bookworm}
KILLS=${COPYCHAIN_TEST_KILLS:-50}
LONGEST=25 # seconds; a recording takes no longer
RANDOM=7
export TMPDIR=$T/tmp
mkdir "$TMPDIR"

# The front door, what runs the guest, and the guest.
VICTIMS=('bash ./collect.sh run --vm' 'guest/run.sh --kernel' 'qemu-system-x86_64 .*path='"$PWD/runs")

# In the tree of processes that begins with $pid; the reapers are of no tree.
processes()
{
	local each
	for each in $(pgrep -P "$1"); do
		echo "$each"
		processes "$each"
	done
}

left_running()
{
	pgrep -f "path=$PWD/runs/.copychain-" || pgrep -f "$TMPDIR/copychain-guest"
}

# wait_until SECONDS COMMAND...
wait_until()
{
	local tries=$(($1 * 10))
	shift
	until "$@" || [ $tries -le 0 ]; do
		sleep 0.1
		tries=$((tries - 1))
	done
	"$@"
}

is_quiet()
{
	[ -z "$(left_running)" ]
}

in_runs()
{
	find runs -mindepth 1 -maxdepth 1 -name ".copychain-*" -o -mindepth 1 -maxdepth 1 -name "*.partial"
}

# kill_one PATTERN : of the recording's processes, the first whose arguments are like that
kill_one()
{
	local each
	for each in "$pid" $(processes "$pid"); do
		tr '\0' ' ' <"/proc/$each/cmdline" 2>/dev/null | grep -qE -e "$1" || continue
		kill -KILL "$each" 2>/dev/null
		return
	done
	return 1
}

./collect.sh clean >/dev/null
before=$(find runs -mindepth 1 -maxdepth 1 | sort)
missed=0
for ((i = 0; i < KILLS; i++)); do
	victim=${VICTIMS[i % 3]}
	after=$(awk -v r=$RANDOM -v most=$LONGEST 'BEGIN { printf "%.2f", r / 32768 * most }')
	./collect.sh run --vm="$KERNEL" -- ./traffic udp --path veth --count 2000 >"$T/out" 2>"$T/err" </dev/null &
	pid=$!
	sleep "$after"
	if ! kill_one "$victim"; then
		missed=$((missed + 1))
	fi
	# a QEMU that was killed is tried once more
	wait $pid 2>/dev/null
	STATUS=$?
	check "after $after s, ${victim%% *} ${victim##* }: nothing runs any more" wait_until 20 is_quiet
	check "and no temporary file stays" all '[ -z "$(find "$TMPDIR" -name "copychain-*")" ]'
	try ./collect.sh clean
	check "and clean removes what there is" all 'status 0' '[ -z "$(in_runs)" ]'
	find runs -mindepth 1 -maxdepth 1 -name '2*' | sort | comm -13 <(echo "$before") - | xargs -r rm -rf
done
check "most of them were there to be killed" [ $((missed * 3)) -lt "$KILLS" ]
try ./collect.sh run --vm="$KERNEL" --out "$T/run" -- ./traffic udp --count 10
check "the next recording is good" all 'status 0' './analyze --no-report "$T/run" | grep -q "verdict: exact"'
plan

#!/bin/bash
# description: a kernel that panics, a guest that is killed, a night that is interrupted, a tree in development
# requires: a kernel in the cache or a mirror; boots about ten virtual machines
# The tests are evaluated by all, so that their words stand in single quotes.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

KERNEL=${1:-bookworm}
FLOWS=default:udp-lo-64

night()
{
	try ./regress.sh --nights "$T/nights" --jobs 1 --flows "$FLOWS" "$@"
}

# start_night OPTIONS... : without waiting for it; $pid is its own
start_night()
{
	./regress.sh --nights "$T/nights" --jobs 1 --flows "$FLOWS" "$@" >"$T/out" 2>"$T/err" </dev/null &
	pid=$!
}

# wait_for FILE WORDS
wait_for()
{
	local tries=0
	until grep -qs "$2" "$1" || [ $tries -ge 900 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

# The QEMU of a job, by the folder that it shares with its guest.
guest_of()
{
	pgrep -f "qemu.*path=$T/nights/[^ ]*/jobs/$1,"
}

night --night panic --kernels "a=$KERNEL,dead=$KERNEL,b=$KERNEL" --append dead="rdinit=/nonexistent init=/nonexistent root=/dev/nosuch"
check "a kernel that panics: 3, named, and the others are compared" all 'status 3' 'prints "not measured: guest: linux .* died: panic: "' 'prints "^b .*: same"'

start_night --night killed --kernels "a=$KERNEL,victim=$KERNEL"
log=$T/nights/killed/jobs/victim/log
wait_for "$log" ' up after '
kill -KILL "$(guest_of victim)"
wait_for "$log" 'trying once more'
tries=0
until [ "$(grep -c ' up after ' "$log")" = 2 ] || [ $tries -ge 900 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
kill -KILL "$(guest_of victim)"
wait $pid
STATUS=$?
check "a guest killed twice: 3, told" all 'status 3' 'prints "not measured: guest: linux .* died: qemu ended before the command did"' '[ -s "$T/nights/killed/jobs/a/digest.json" ]'

start_night --night stopped --kernels "a=$KERNEL,b=$KERNEL"
wait_for "$T/nights/stopped/jobs/b/log" ' up after '
kill -TERM $pid
wait $pid
STATUS=$?
check "an interrupted night" all 'status 143' '[ -s "$T/nights/stopped/jobs/a/digest.json" ]' '[ ! -e "$T/nights/stopped/jobs/b/digest.json" ]'
check "leaves no guest" all '[ -z "$(guest_of b)" ]'
# shellcheck disable=SC2034
before=$(stat -c %y "$T/nights/stopped/jobs/a/digest.json")
night --night stopped --kernels "a=$KERNEL,b=$KERNEL"
check "goes on where it was" all 'status 0' 'says "1 of 2 kernels are done"' '[ "$(stat -c %y "$T/nights/stopped/jobs/a/digest.json")" = "$before" ]'

# A folder in which a kernel was built, as far as anyone looks at it.
kernel=$(guest/kernel.sh "$KERNEL")
version=$(basename "$kernel"/lib/modules/*)
mkdir -p "$T/tree/arch/x86/boot"
cp "$kernel/vmlinuz" "$T/tree/arch/x86/boot/bzImage"
: >"$T/tree/modules.order"
printf 'modules_install:\n\tmkdir -p $(INSTALL_MOD_PATH)/lib/modules\n\tcp -r %s $(INSTALL_MOD_PATH)/lib/modules/\n' \
	"$kernel/lib/modules/$version" >"$T/tree/Makefile"
FLOWS=none
night --night tree --kernels "release=$KERNEL,mine=$T/tree"
check "a tree in development" all 'status 0' 'prints "^mine (linux $version)"' 'prints "without traffic: the same"'
# shellcheck disable=SC2012
rm -rf "$(ls -td "${XDG_CACHE_HOME:-$HOME/.cache}"/copychain/kernels/.own-*-built | head -n 1)"
plan

#!/bin/bash
# description: what a night may meet: kernels that change, trees being built, signals, a first boot that dies
# requires: python3, make, busybox, cpio; needs no virtual machine
# The tests are evaluated by all, so that their words stand in single quotes.
# shellcheck disable=SC2016,SC2034
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/shell/tap.sh
. tests/shell/tap.sh
# shellcheck source=tests/shell/nights.sh
. tests/shell/nights.sh

# tree DIR SECONDS : a folder in which a kernel was built, whose modules take a while to install
tree()
{
	mkdir -p "$1/arch/x86/boot"
	python3 -c '
import struct, sys
image = bytearray(2048)
image[526:528] = struct.pack("<H", 0x300)
image[0x500:0x50b] = b"6.1.0-test "
open(sys.argv[1] + "/arch/x86/boot/bzImage", "wb").write(image)' "$1"
	echo drivers/a.o >"$1/modules.order"
	mkdir -p "$1/drivers"
	: >"$1/drivers/a.ko"
	printf 'modules_install:\n\techo begins >>%s/installs\n\tsleep %s\n\tmkdir -p $(INSTALL_MOD_PATH)/lib\n\tcp -r %s $(INSTALL_MOD_PATH)/lib/\n' \
		"$1" "$2" "$T/cache/copychain/kernels/bookworm/lib/modules" >"$1/Makefile"
}

installs()
{
	wc -l <"$1/installs"
}

identity()
{
	sed -n 's/.*"identity": "\(.*\)".*/\1/p' "$1"
}

plays a "$T/golden/bookworm/nics-1400"
plays b "$T/golden/bookworm/nics-1400"
plays other "$T/golden/bookworm/nics-1400"
plays mine "$T/golden/bookworm/nics-1400"

# The first of two kernels is measured, the second is not when the night is interrupted.
regress --night changed --kernels a=bookworm,other=bookworm/6.12
rm "$NIGHTS/changed/status" "$(digest other)"
before=$(identity "$(digest a)")
stamp=$(stat -c %y "$(digest a)")
regress --night changed --kernels a=bookworm,other=bookworm/6.12
check "a kernel that is as it was is not measured again" all 'status 0' 'says "a: done before"' '[ "$(stat -c %y "$(digest a)")" = "$stamp" ]'
rm "$NIGHTS/changed/status" "$(digest other)"
echo 6.1.9 >"$T/cache/copychain/kernels/bookworm/vmlinuz"
regress --night changed --kernels a=bookworm,other=bookworm/6.12
check "one that was updated meanwhile is" all 'status 0' 'says "a: measured, "' '[ "$(identity "$(digest a)")" != "$before" ]'
: >"$(digest other)"
regress --night changed --retry --kernels a=bookworm,other=bookworm/6.12
check "so is one whose digest is damaged" all 'status 0' 'says "a: done before"' 'says "other: measured, "'

plays b "panic, $T/golden/bookworm/nics-1400"
regress --night second --kernels a=bookworm,b=bookworm
check "a first boot that dies is told, not hidden by the second" all 'status 0' 'says "b: measured, "' 'prints "first boot died: panic: planted"' 'grep -q "panic: planted" "$NIGHTS/second/report.html"'
plays b "panic, 5"
regress --night third --kernels a=bookworm,b=bookworm
check "nor taken for the reason why the second failed" all 'status 3' 'prints "not measured: played: status 5"'

tree "$T/tree" 0
regress --night tree --kernels a=bookworm,mine="$T/tree"
check "a tree in development" all 'status 0' 'prints "^mine (linux 6.1.0-test)"' '[ "$(installs "$T/tree")" = 1 ]'
guest/kernel.sh "$T/tree" >"$T/out"
check "its modules are installed once" all '[ "$(installs "$T/tree")" = 1 ]'
sleep 1
touch "$T/tree/drivers/a.ko"
guest/kernel.sh "$T/tree" >"$T/out" 2>"$T/err"
check "and again when one of them was built again" all '[ "$(installs "$T/tree")" = 2 ]' 'says "installing the modules"'

tree "$T/busy" 2
guest/kernel.sh "$T/busy" >"$T/out1" 2>/dev/null &
pid=$!
try guest/kernel.sh "$T/busy"
wait $pid
first=$?
check "two that want a tree at a time: the one waits" all 'status 0' '[ $first = 0 ]' 'cmp -s "$T/out" "$T/out1"' '[ "$(installs "$T/busy")" = 1 ]'

mkdir -p "$T/several/lib/modules/6.9.0-zz"
cp "$T/tree/arch/x86/boot/bzImage" "$T/several/vmlinuz"
cp -r "$T/cache/copychain/kernels/bookworm/lib/modules/6.1.0-test" "$T/several/lib/modules/"
: >"$T/several/lib/modules/6.9.0-zz/modules.dep"
try guest/kernel.sh "$T/several"
check "of a folder with modules of several kernels, those of its image" all 'status 0' '[ "$(ls "$(cat "$T/out")/lib/modules")" = 6.1.0-test ]'

tree "$T/slow" 600
export T
./regress.sh --nights "$NIGHTS" --night early --jobs 1 --no-cost --kernels mine="$T/slow",b=bookworm \
	--on-failure 'echo "$COPYCHAIN_STATUS" >"$T/called"; sleep 30 >/dev/null 2>&1 &' >"$T/out" 2>"$T/err" </dev/null &
pid=$!
wait_until grep -qs begins "$T/slow/installs"
kill -TERM $pid
wait $pid
STATUS=$?
check "SIGTERM while a kernel is made ready: at once, and no guest after it" all 'status 143' '! grep -qs played "$NIGHTS"/early/jobs/*/log' '! fakes_left' '! pgrep -f "INSTALL_MOD_PATH=$T/cache" >/dev/null'
check "--on-failure is told of it" all '[ "$(cat "$T/called")" = 143 ]'
plays b "$T/golden/bookworm/nics-1400"
regress --night later --kernels a=bookworm,b=bookworm
check "and what it leaves running holds up no other night" status 0

regress --night x --kernels a=bookworm,b=bookworm --accepted "$T/nosuch" --on-failure 'echo "$COPYCHAIN_STATUS" >"$T/called"'
check "--on-failure is told of what keeps a night from its start" all 'status 4' '[ "$(cat "$T/called")" = 4 ]'

regress --night zz1 --keep 2 --kernels a=bookworm,b=bookworm
regress --night aa2 --keep 2 --kernels a=bookworm,b=bookworm
check "the nights that --keep keeps are the last, whatever they are called" all '[ -d "$NIGHTS/aa2/jobs/a/run" ]' '[ -d "$NIGHTS/zz1/jobs/a/run" ]' '[ ! -e "$NIGHTS/second/jobs/a/run" ]'
plan

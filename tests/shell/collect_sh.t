#!/bin/bash
# description: the front door refuses what it cannot do, and says how it could
# requires: nothing
# The tests are evaluated by all, so that their words stand in single quotes.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/shell/tap.sh
. tests/shell/tap.sh

export XDG_CACHE_HOME=$T/cache
unset COPYCHAIN_IN_GUEST COPYCHAIN_QEMU

# shellcheck disable=SC2034
while IFS='|' read -r arguments word; do
	# shellcheck disable=SC2086
	try ./collect.sh $arguments
	check "wrong usage: collect.sh $arguments" all 'status 2' one_line "says \"\$word\""
done <<'END'
|no command
nonsense|unknown command nonsense
run --nonsense|unknown option --nonsense
run bookworm|--vm=bookworm
run --native --vm|exclude each other
run --vm=bookworm --native|exclude each other
run --with|needs a value
run --with=table -- true|one of lo veth nics
run --with=nics:abacus -- true|no card 'abacus': there are e1000
run --with veth|for a command of yours
run --buffer-kb x|takes a number
run --timeout=|takes a number
run --|no command after
sites --exclude-site x|unknown option
clean everything|not 'everything'
kernels now|no arguments
doctor now|no arguments
packages everything|not 'everything'
END

try ./collect.sh help
check "help goes to stdout and names the exit statuses" all 'status 0' 'prints "^exit status:"'
try ./collect.sh run --help
check "run --help too" all 'status 0' 'prints "--exclude-site"'
try ./collect.sh run --out "$T"
check "a run folder that exists is not written to" all 'status 4' one_line 'says exists'
try ./collect.sh run --vm=Nonsense --out "$T/run"
check "an unknown kernel" all 'status 4' one_line 'says "name a Debian suite"'
try env COPYCHAIN_QEMU=/nonexistent PATH="$PATH" ./collect.sh doctor
check "doctor sees that QEMU is missing" all 'status 4' 'prints "^missing  qemu-system-x86"'
try ./collect.sh doctor
check "doctor has a line for each thing" all '[ "$(grep -c "^ok \|^missing " "$T/out")" -gt 20 ]'
for what in 'module ib_uverbs' 'module rdma_rxe' 'the rdma tool' 'part for soft-RoCE' 'devices for --rdma-dev'; do
	check "doctor knows about RDMA: $what" all "prints '^\(ok\|missing\)  *native: RDMA: .*$what'"
done
mkdir "$T/lack"
ln -sf /usr/sbin/* /usr/bin/* "$T/lack"
rm -f "$T/lack/rdma"
try env PATH="$T/lack" ./collect.sh doctor
check "doctor says how to get the rdma tool" all 'prints "^missing  native: RDMA: the rdma tool.*apt-get install .*iproute2$"'
try ./collect.sh clean kernels
check "clean says what it freed" all 'status 0' 'prints "nothing to remove"'

if [ "$(id -u)" = 0 ]; then
	try as_nobody ./collect.sh run --out /proc/run
	check "an unwritable --out" all 'status 4' one_line 'says "cannot write to /proc"'
	try as_nobody ./collect.sh run --native --out "$T/home/run" -- true
	check "--native without root" all 'status 4' one_line 'says "takes root"'
	try as_nobody env COPYCHAIN_QEMU=/nonexistent ./collect.sh run --vm --out "$T/home/run"
	check "a wrong COPYCHAIN_QEMU" all 'status 4' one_line 'says COPYCHAIN_QEMU'
	mkdir "$T/bin"
	ln -sf /usr/sbin/* /usr/bin/* "$T/bin"
	rm -f "$T/bin/cpio"
	try as_nobody env PATH="$T/bin" ./collect.sh run --vm --out "$T/home/run"
	check "without root the apt-get command is printed" all 'status 4' one_line 'says "apt-get install .* cpio$"'
	check "nothing stays of it" all '[ -z "$(find "$T/home" -name "run*" -o -name ".copychain-*")" ]'
else
	skip "an unwritable --out" "takes root to become nobody"
fi
plan

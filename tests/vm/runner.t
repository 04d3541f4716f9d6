#!/bin/bash
# description: a guest carries out output, status and files, ends in time, and leaves nothing behind
# requires: a kernel in the cache or a mirror; boots about ten virtual machines
# The tests are evaluated by all, so that their words stand in single quotes.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/shell/tap.sh
. tests/shell/tap.sh

unset COPYCHAIN_QEMU COPYCHAIN_QEMU_ARGS COPYCHAIN_APPEND
KERNEL=$(guest/kernel.sh "${1:-bookworm}") || exit
mkdir "$T/tmp" "$T/share"
export TMPDIR=$T/tmp

in_guest()
{
	try guest/run.sh --kernel "$KERNEL" "$@"
}

# Processes of ours carry the temporary folder of this test in their arguments.
nothing_left()
{
	local tries=0
	while [ $tries -lt 30 ]; do
		if ! grep -qsF "$T/tmp/copychain-guest" /proc/[0-9]*/cmdline && [ -z "$(ls -A "$T/tmp")" ]; then
			return 0
		fi
		sleep 0.1
		tries=$((tries + 1))
	done
	ls -la "$T/tmp" >>"$T/err"
	return 1
}

wait_for_guest()
{
	local tries=0
	until grep -qs ' up after ' "$T/err" || [ $tries -ge 600 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

mkdir -p "$T/home/.ssh" "$T/home/.aws"
echo "secret-key" | tee "$T/home/.ssh/id" "$T/home/.netrc" >"$T/home/.aws/key"
cache=${XDG_CACHE_HOME:-$HOME/.cache}
HOME=$T/home XDG_CACHE_HOME=$cache in_guest --share "$T/share" --show "$T/home/.aws" -- sh -c '
	echo out; echo again >/dev/stdout; echo err >&2; printf "a\r\nb\0c" | od -An -c
	echo "<6>kernel noise" >/dev/kmsg; echo "<0>loud noise" >/dev/kmsg
	pwd; id -u; env | grep COPYCHAIN; nproc; ip -br link
	ls /sys/kernel/tracing/kprobe_events /sys/kernel/debug/tracing/kprobe_events /dev/pts/ptmx
	modprobe dummy && grep -c "^dummy " /proc/modules
	cp /bin/true "$1/asroot"; chmod 6755 "$1/asroot"; mknod "$1/null" c 1 3; mkfifo "$1/fifo"
	cat "$HOME/.ssh/id" "$HOME/.netrc" "$2"; [ ! -s /etc/shadow ] || echo "shadow is there"
	echo kept >"$1/file"; echo lost >etc-of-the-host; exit 37' sh "$T/share" "$T/home/.aws/key"
check "the status is carried out" status 37
check "both outputs arrive apart" all 'prints "^out$"' 'prints "^again$"' 'says "^err$"' '! prints err' '! says "^out"'
check "without what the kernel says" all '! prints noise' '! says noise'
check "bytes arrive as they are" prints 'a  *\\r  *\\n  *b  *\\0  *c'
check "the folder, the user, the environment" all 'prints "^$PWD$"' 'prints "^0$"' 'prints COPYCHAIN_IN_GUEST=1'
check "two CPUs, two network cards" all 'prints "^2$"' 'prints "^eth0"' 'prints "^eth1"' 'prints "^lo *UNKNOWN"'
check "tracefs, debugfs and pseudo-terminals" all 'prints "^/sys/kernel/tracing/kprobe_events"' 'prints "^/sys/kernel/debug/tracing/kprobe_events"' 'prints "^/dev/pts/ptmx"'
check "modules load by name" prints '^1$'
check "a file on the share arrives" all '[ "$(cat "$T/share/file")" = kept ]'
check "a file elsewhere does not" all '[ ! -e etc-of-the-host ]'
if [ "$(id -u)" = 0 ]; then
	check "keys and passwords stay here, but what is shown" all '[ "$(grep -c secret-key "$T/out")" = 1 ]' '! prints "shadow is there"'
else
	skip "keys and passwords stay here, but what is shown" "only root may hide files"
fi
check "no file of the share is more than a file" all '[ "$(stat -c %a "$T/share/asroot")" = 755 ]' '[ -z "$(find "$T/share" -type c -o -type p)" ]'
check "it says that the guest is up" all 'says "^guest: linux .* booting$"' 'says "^guest: linux .* up after [0-9]* s$"'
check "nothing stays of it" nothing_left

in_guest -- sh -c 'seq 1 200000'
check "long output arrives whole" all 'status 0' '[ "$(cksum <"$T/out")" = "$(seq 1 200000 | cksum)" ]'
in_guest -- nosuchcommand
check "a command that is not there: 127" status 127
in_guest -- sh -c 'sleep 1000 & exit 5'
check "a process left behind does not keep the guest" status 5

export COPYCHAIN_QEMU_ARGS='-cpu qemu64,model-id=second -smp 1' COPYCHAIN_APPEND='copychain.test=1' COPYCHAIN_HELLO="it's me"
in_guest --append copychain.more=2 -- sh -c 'grep -m 1 "model name" /proc/cpuinfo; nproc; cat /proc/cmdline; echo "$COPYCHAIN_HELLO"'
check "arguments for QEMU win" all 'prints second' 'prints "^1$"'
check "kernel parameters and variables arrive" all 'prints "copychain.test=1 copychain.more=2"' 'prints "^it.s me$"'
unset COPYCHAIN_QEMU_ARGS COPYCHAIN_APPEND COPYCHAIN_HELLO

in_guest -- sh -c 'echo before; echo c >/proc/sysrq-trigger; sleep 60'
check "a panic is retried once, and told" all 'status 4' '[ "$(grep -c "trying once more" "$T/err")" = 1 ]' 'says "panic: sysrq triggered crash"'
check "nothing stays of it" nothing_left

in_guest --timeout 12 -- sleep 1000
check "the time limit ends it" all 'status 4' 'says "within 12 s"'
check "nothing stays of it" nothing_left

for signal in INT TERM HUP KILL; do
	: >"$T/err"
	# bash starts background processes with SIGINT ignored; a user's terminal does not
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' guest/run.sh --kernel "$KERNEL" -- sleep 1000 >"$T/out" 2>"$T/err" </dev/null &
	pid=$!
	wait_for_guest
	kill -s "$signal" "$pid"
	wait "$pid" 2>/dev/null
	STATUS=$?
	check "SIG$signal ends it" all "status $((128 + $(kill -l "$signal")))"
	check "and nothing stays" nothing_left
done

if [ "$(id -u)" = 0 ] && cp -al "$KERNEL" "$T/kernel" 2>/dev/null; then
	mkdir "$T/mine"
	chown nobody "$T/mine" "$T/tmp"
	chmod 0755 "$T" "$T/tmp"
	try as_nobody TMPDIR="$T/tmp" guest/run.sh --kernel "$T/kernel" --share "$T/mine" -- sh -c 'id -u; echo x >"$1/y"' sh "$T/mine"
	check "it works without root's rights" all 'status 0' 'prints "^0$"' '[ "$(stat -c %U "$T/mine/y")" = nobody ]'
	check "and nothing stays" nothing_left
else
	skip "it works without root's rights" "takes root to become nobody"
fi
plan

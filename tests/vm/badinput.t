#!/bin/bash
# description: what cannot be done is said in one line, with the documented status, and nothing half-made stays
# requires: root, kernels in the cache or a mirror, python3; boots five virtual machines, two of them in vain
# The tests are evaluated by all, so that their words stand in single quotes.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

# In the guest: a good run, to be damaged on this machine, and what takes a kernel with kprobes.
cat >"$T/job" <<'END_OF_JOB'
share=$1
tracing=/sys/kernel/tracing

# attempt NAME COMMAND... : keeps status, words, and what it left
attempt()
{
	name=$1
	shift
	"$@" >"$share/$name.out" 2>"$share/$name.err" </dev/null
	echo "$?" >"$share/$name.status"
	{ grep copychain "$tracing/dynamic_events"; ls "$tracing/instances"; } >"$share/$name.left"
}

space()
{
	mkdir -p "/mnt/$1"
	mount -t tmpfs -o "size=$1" tmpfs "/mnt/$1"
}

attempt good ./collect.sh run --native --out "$share/good" -- ./traffic udp --size 64 --count 20
attempt none ./collect.sh run --native --out "$share/none" -- true

for size in 16k 400k; do
	space $size
	attempt full-$size ./collect run --out /mnt/$size/run -- ./traffic udp --size 64 --count 1000
	ls -A "/mnt/$size/run" >"$share/full-$size.files" 2>/dev/null
done
space 8k
attempt report ./analyze --out /mnt/8k/report "$share/good"

attempt nobody setpriv --reuid=nobody --regid=nogroup --clear-groups ./collect run --out /tmp/nobody-run -- true
attempt nobody-sites setpriv --reuid=nobody --regid=nogroup --clear-groups ./collect sites
attempt exists ./collect run --out "$share" -- true
attempt parent ./collect run --out /nonexistent/dir/run -- true
attempt sysfs ./collect run --out /sys/kernel/run -- true
attempt command ./collect run --out /tmp/command-run -- /nonexistent/command
attempt failing ./collect run --quiet --out /tmp/failing-run -- false
ls /tmp/command-run /tmp/failing-run >"$share/runs" 2>&1
attempt usage ./collect run --quiet --out /tmp/usage-run -- ./traffic udp --count 0
attempt site ./collect run --out /tmp/site-run --exclude-site no_such_function -- true
echo 0 >/sys/kernel/debug/kprobes/enabled
attempt disarmed ./collect.sh run --native --out "$share/disarmed" -- ./traffic udp --count 5
echo 1 >/sys/kernel/debug/kprobes/enabled
# What kernels lack that were built without it.
for file in /sys/kernel/btf/vmlinux /proc/kcore $tracing/available_filter_functions; do
	mount --bind /dev/null $file
	attempt lacks-${file##*/} ./collect run --out /tmp/lacking-run -- true
	umount $file
done
echo 2 >/proc/sys/kernel/kptr_restrict
attempt restricted setpriv --bounding-set=-syslog --inh-caps=-syslog ./collect run --out /tmp/restricted-run -- true
dmesg >"$share/dmesg"
END_OF_JOB

# attempted NAME : as if it had been tried here
attempted()
{
	cp "$share/$1.out" "$T/out"
	cp "$share/$1.err" "$T/err"
	STATUS=$(cat "$share/$1.status")
}

nothing_left()
{
	[ ! -s "$share/$1.left" ]
}

# damaged NAME : a copy of the good run, to be spoilt
damaged()
{
	rm -rf "${T:?}/$1"
	cp -r "$share/good" "$T/$1"
}

# refused NAME DESCRIPTION [WORD] : by analyze, and nothing reported
refused()
{
	rm -rf "$T/report"
	try timeout 60 ./analyze --out "$T/report" "$T/$1"
	check "$2" all 'status 4' one_line "says '${3:-$1}'" '[ ! -e "$T/report/analysis.json" ]'
	try timeout 60 ./analyze --unverified --out "$T/report" "$T/$1"
	check "$2, unverified" all 'status 4' one_line "says '${3:-$1}'" '[ ! -e "$T/report/analysis.json" ]'
}

in_the_guest()
{
	attempted good
	check "a good run to begin with" all 'status 0' '[ -e "$share/good/run.json" ]' 'nothing_left good'
	attempted none
	check "a command that sends nothing can be recorded" status 0
	try ./analyze --out "$T/report" "$share/none"
	check "... but there is nothing to say on it" all 'status 4' one_line 'says "holds no message"'
	for size in 16k 400k; do
		attempted full-$size
		check "a full disk ($size)" all 'status 4' '[ "$(grep -c "^collect: " "$T/err")" = 1 ]' 'says "^collect: .*[Nn]o space"' 'nothing_left full-$size'
		check "... is no run" all '! grep -q run.json "$share/full-$size.files"'
	done
	attempted report
	check "a full disk under the report" all 'status 4' one_line 'says "/mnt/8k/report"'
	attempted nobody
	check "no rights" all 'status 4' one_line 'says root' 'nothing_left nobody'
	attempted nobody-sites
	check "no rights to see the sites" all 'status 4' one_line 'says root'
	attempted exists
	check "a run folder that exists" all 'status 4' one_line 'says "$share"'
	attempted parent
	check "a run folder in no folder" all 'status 4' one_line 'says /nonexistent/dir' 'nothing_left parent'
	attempted sysfs
	check "a run folder where none can be made" all 'status 4' one_line 'says /sys/kernel' 'nothing_left sysfs'
	attempted command
	check "a command that is not there" all '[ "$STATUS" -ge 4 ]' 'says /nonexistent/command' 'nothing_left command'
	attempted failing
	check "a command that fails is recorded, and its status told" all 'status 0' 'says "status 1"' 'grep -q run.json "$share/runs"'
	attempted usage
	check "wrong usage of the command is told" all 'says "traffic: .*count"' 'says "status 2"' 'nothing_left usage'
	attempted site
	check "a site to exclude that is none is told" all one_line 'says no_such_function' 'nothing_left site'
	attempted disarmed
	check "where all probes are disarmed no run is good" all 'nothing_left disarmed' '[ "$STATUS" = 4 ] || ! ./analyze --no-report --require-exact "$share/disarmed" >"$T/out" 2>&1'
	attempted lacks-vmlinux
	check "a kernel without types" all 'status 4' one_line 'says CONFIG_DEBUG_INFO_BTF' 'nothing_left lacks-vmlinux'
	attempted lacks-kcore
	check "a kernel that shows no text" all 'status 4' one_line 'says CONFIG_PROC_KCORE' 'nothing_left lacks-kcore'
	attempted lacks-available_filter_functions
	check "a kernel without ftrace of functions" all 'status 4' one_line 'nothing_left lacks-available_filter_functions'
	attempted restricted
	check "a kernel that shows no addresses" all 'status 4' one_line 'says "kptr_restrict\|addresses"' 'nothing_left restricted'
	check "the kernel has nothing to complain about" kernel_quiet "$share/dmesg"
}

# Kernels that cannot be recorded: locked down, and perhaps this one.
no_native()
{
	in_guest bookworm --append lockdown=confidentiality -- ./collect run --out /tmp/run -- true
	check "a kernel that is locked down" all 'status 4' 'says "^collect: .*lock\|kprobe"' '[ "$(grep -c "^collect: " "$T/err")" = 1 ]'
	if [ "$(id -u)" = 0 ] && ! ls /sys/kernel/tracing/kprobe_events /sys/kernel/debug/tracing/kprobe_events >"$T/out" 2>&1; then
		try ./collect run --out "$T/no-run" -- true
		check "a kernel without kprobes" all 'status 4' one_line '[ ! -e "$T/no-run" ]'
		try ./collect.sh run --native --out "$T/no-run" -- true
		check "a kernel without kprobes, with --native" all 'status 4' one_line 'says "cannot take this kernel"' '[ ! -e "$T/no-run" ]'
	fi
}

damage()
{
	local size at
	mkdir "$T/empty"
	refused empty "an empty folder" "no run.json"
	: >"$T/file"
	refused file "a file for a folder" "no run.json"
	size=$(stat -c %s "$share/good/trace.dat")
	for at in 0 1 10 100 5000 $((size / 2)) $((size - 4096)) $((size - 1)); do
		damaged "cut"
		truncate -s "$at" "$T/cut/trace.dat"
		refused cut "trace.dat cut to $at bytes of $size" trace.dat
	done
	damaged foreign
	cp ./analyze "$T/foreign/trace.dat"
	refused foreign "a program for trace.dat" trace.dat
	damaged gone
	rm "$T/gone/trace.dat"
	refused gone "no trace.dat" trace.dat
	damaged folder
	rm "$T/folder/trace.dat"
	mkdir "$T/folder/trace.dat"
	refused folder "a folder for trace.dat" trace.dat
	for file in run.json sites.json traffic.jsonl; do
		for what in '' '{' '[]' 'x' '{"schema": 99}'; do
			damaged json
			printf '%s' "$what" >"$T/json/$file"
			if [ "$file" = traffic.jsonl ] && [ -z "$what" ]; then
				continue # an empty log is that of a program without one
			fi
			refused json "$file is '$what'" "$file"
		done
		damaged json
		head -c 100 /dev/urandom >"$T/json/$file"
		refused json "$file is noise" "$file"
		damaged json
		truncate -s $(($(stat -c %s "$share/good/$file") - 20)) "$T/json/$file"
		refused json "$file is cut" "$file"
	done
	for file in trace.dat sites.json traffic.jsonl; do
		damaged special
		rm "$T/special/$file"
		mkfifo "$T/special/$file"
		refused special "a FIFO for $file" "$file.*no regular file"
		ln -sf /dev/zero "$T/special/$file"
		refused special "a device for $file" "$file.*no regular file"
		damaged altered
		printf ' ' >>"$T/altered/$file"
		try ./analyze --no-report "$T/altered"
		check "a byte more at the end of $file" all 'status 4' one_line 'says "$file is not the file that was recorded"'
	done
	damaged sites
	rm "$T/sites/sites.json"
	refused sites "no sites.json" sites.json
	mkdir "$T/report-file"
	: >"$T/report-file/summary.txt"
	try ./analyze --out "$T/report-file/summary.txt/x" "$share/good"
	check "a report below a file" all 'status 4' one_line 'says report-file'
	try ./analyze --out "$T/report" --flow nosuch "$share/good"
	check "a flow that is none" all 'status 2' one_line 'says nosuch'
	try ./analyze --no-report --message 20 "$share/good"
	check "a message that is none is told" says message
	try sh -c './analyze --no-report "$1" >/dev/full' sh "$share/good"
	check "a full disk under the screen" all 'status 4' one_line 'says "standard output"'
}

options()
{
	local arguments word
	while IFS='|' read -r arguments word; do
		# shellcheck disable=SC2086
		try $arguments
		check "wrong usage: $arguments" all 'status 2' one_line "says \"\$word\"" '[ ! -e "$T/no-run" ]'
	done <<-END
		./collect|no command
		./collect walk|unknown command
		./collect run --nonsense|--nonsense
		./collect run -- true|--out
		./collect run --out $T/no-run|no command
		./collect run --out $T/no-run --buffer-kb 0 -- true|--buffer-kb
		./collect run --out $T/no-run --buffer-kb 1e3 -- true|--buffer-kb
		./collect run --out $T/no-run --buffer-kb|--buffer-kb
		./collect sites now|now
		./analyze --nonsense|--nonsense
		./analyze a b|one run
		./analyze --max-copies x a|--max-copies
		./analyze --max-copies -1 a|--max-copies
		./analyze --message|--message
	END
	for arguments in './traffic udp --count 0' './traffic udp --size 65508' './traffic udp --size 0' './traffic udp --size -1'; do
		# shellcheck disable=SC2086
		try $arguments
		check "wrong usage: $arguments" all 'status 2' one_line
	done
}

# What the front door makes of a guest that dies, fails, or cannot deliver.
front_door()
{
	try env COPYCHAIN_APPEND=rdinit=/nonexistent ./collect.sh run --vm --out "$T/door/panic" -- true
	check "a kernel that panics: status 4, its words, no run" all 'status 4' 'says "panic: "' 'says "died twice"' '[ -z "$(ls -A "$T/door")" ]'
	if [ "$(id -u)" = 0 ] && mkdir "$T/small" && mount -t tmpfs -o size=200k tmpfs "$T/small" 2>/dev/null; then
		try ./collect.sh run --vm --out "$T/small/run" -- ./traffic udp --count 1000
		check "a full disk: status 4, no run" all 'status 4' '[ ! -e "$T/small/run/run.json" ]' '[ ! -e "$T/small/run" ]' '! prints "^run:"'
		check "... and what failed is said" all 'says "cannot"'
		umount "$T/small"
	else
		skip "a full disk: status 4, no run" "takes root to mount"
	fi
}

share=$T/share
mkdir "$share" "$T/door"
in_guest bookworm --share "$share" -- sh "$T/job" "$share"
check "the guest" status 0
in_the_guest
damage
options
no_native
front_door
plan

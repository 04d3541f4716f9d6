# shellcheck shell=bash
# Whether and how this very kernel can be recorded.

tracing_folder()
{
	local dir
	for dir in /sys/kernel/tracing /sys/kernel/debug/tracing; do
		if [ -e "$dir/available_tracers" ]; then
			echo "$dir"
			return
		fi
	done
	return 1
}

# The file shows only where tracefs is mounted; a mount of our own is seen by nobody else.
has_kprobes()
{
	local dir
	if dir=$(tracing_folder); then
		[ -e "$dir/kprobe_events" ]
	else
		# shellcheck disable=SC2016
		unshare -m sh -c 'mount -t tracefs tracefs "$1" && test -e "$1/kprobe_events"' sh /sys/kernel/tracing 2>/dev/null
	fi
}

has_tracefs()
{
	grep -qw tracefs /proc/filesystems 2>/dev/null
}

has_addresses()
{
	awk '$1 !~ /^0+$/ { found = 1; exit } END { exit !found }' /proc/kallsyms 2>/dev/null
}

locked_down()
{
	grep -q '\[confidentiality\]' /sys/kernel/security/lockdown 2>/dev/null
}

# has_module NAME : built in, loaded, or to be loaded
has_module()
{
	[ -e "/sys/module/$1" ] || PATH=$PATH:/usr/sbin:/sbin modinfo -n "$1" >/dev/null 2>&1
}

# Their names, in a line.
rdma_devices()
{
	local found=()
	mapfile -t found < <(compgen -G '/sys/class/infiniband/*')
	echo "${found[*]##*/}"
}

is_root()
{
	[ "$(id -u)" = 0 ]
}

# native_lack : the first thing that keeps this kernel from being recorded, nothing if nothing does
native_lack()
{
	if ! is_root; then
		echo "it takes root"
	elif ! has_tracefs; then
		echo "linux $(uname -r) has no tracefs"
	elif ! has_kprobes; then
		echo "linux $(uname -r) has no kprobe_events"
	elif locked_down; then
		echo "linux $(uname -r) is locked down (confidentiality)"
	elif ! has_addresses; then
		echo "/proc/kallsyms shows no addresses (kernel.kptr_restrict)"
	elif [ ! -r /proc/kcore ]; then
		echo "linux $(uname -r) has no readable /proc/kcore"
	elif [ ! -r /sys/kernel/btf/vmlinux ]; then
		echo "linux $(uname -r) carries no type information (BTF)"
	fi
}

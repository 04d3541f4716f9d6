# shellcheck shell=bash
# Tests each thing that copychain needs and says how to get what is missing.

NOT_READY=0

ok()
{
	printf 'ok       %s\n' "$*"
}

missing()
{
	printf 'missing  %s\n' "$*"
}

doctor_packages()
{
	local need=$1 package test why
	while read -r package _ test why; do
		if have "$test"; then
			ok "$package: $why"
			continue
		fi
		missing "$package: $why; as root: $(apt_command "$package")"
		[ "$need" = check ] || NOT_READY=1
	done < <(package_rows "$need")
}

doctor_programs()
{
	local program
	for program in $(programs); do
		if [ ! -x "$TOP/$program" ]; then
			missing "$program: make builds it (collect.sh run does so by itself)"
		elif is_stale "$program"; then
			missing "$program: older than its sources; make builds it (collect.sh run does so by itself)"
		else
			ok "$program: built"
		fi
	done
}

doctor_kernel()
{
	local version
	version=$("$TOP/guest/kernel.sh" --list | awk -F '\t' -v name="$DEFAULT_KERNEL" '$1 == name { print $2 }')
	if [ -n "$version" ]; then
		ok "kernel: linux $version ($DEFAULT_KERNEL) is in the cache"
	elif "$TOP/guest/kernel.sh" --mirror >/dev/null 2>&1; then
		ok "kernel: $DEFAULT_KERNEL is not in the cache yet, and will be fetched from the mirror that apt uses"
	else
		missing "kernel: none in the cache and apt knows no Debian archive; set COPYCHAIN_MIRROR, or give a folder with --vm=DIR"
		NOT_READY=1
	fi
}

# doctor_fact WHAT HOW TEST... : for --native only, so nothing here keeps run from working
doctor_fact()
{
	local what=$1 how=$2
	shift 2
	if "$@"; then
		ok "native: $what"
	else
		missing "native: $what; $how"
	fi
}

doctor_native()
{
	local other='take the VM'
	doctor_fact "root" "run as root, or $other" is_root
	doctor_fact "tracefs" "a kernel with CONFIG_FTRACE, or $other" has_tracefs
	if is_root; then
		doctor_fact "kprobe_events" "a kernel with CONFIG_KPROBE_EVENTS, or $other" has_kprobes
		doctor_fact "addresses in /proc/kallsyms" "sysctl kernel.kptr_restrict=1" has_addresses
	else
		missing "native: kprobe_events, addresses in /proc/kallsyms: only root can see"
	fi
	doctor_fact "/proc/kcore" "a kernel with CONFIG_PROC_KCORE and root, or $other" test -r /proc/kcore
	doctor_fact "type information (BTF)" "a kernel with CONFIG_DEBUG_INFO_BTF, or $other" test -r /sys/kernel/btf/vmlinux
	doctor_fact "no lockdown" "boot without lockdown=confidentiality, or $other" not locked_down
}

# For flows of RDMA; an adapter needs the first and the last line only.
doctor_rdma()
{
	local devices module
	for module in ib_uverbs rdma_rxe; do
		doctor_fact "RDMA: module $module" "a kernel that has it, such as Debian's linux-image-amd64, or take the VM" has_module "$module"
	done
	doctor_fact "RDMA: the rdma tool, which makes soft-RoCE devices" "as root: $(apt_command iproute2)" have command:rdma
	doctor_fact "RDMA: libibverbs' part for soft-RoCE" "as root: $(apt_command ibverbs-providers)" have "$(package_test ibverbs-providers)"
	devices=$(rdma_devices)
	doctor_fact "RDMA: devices for --rdma-dev${devices:+: $devices}" "none here; load an adapter's driver, or rdma link add NAME type rxe netdev DEV; without --rdma-dev traffic makes its own" test -n "$devices"
}

not()
{
	! "$@"
}

doctor()
{
	doctor_packages build
	doctor_packages run
	doctor_packages check
	doctor_programs
	doctor_kernel
	doctor_native
	doctor_rdma
	if [ "$NOT_READY" = 0 ]; then
		echo "./collect.sh run can work here"
		return 0
	fi
	if is_root && command -v apt-get >/dev/null; then
		echo "./collect.sh run will try to install what it misses"
	else
		echo "./collect.sh run cannot work here before the above is mended"
	fi
	return "$EXIT_ENVIRONMENT"
}

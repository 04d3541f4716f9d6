# shellcheck shell=bash
# What tests with guests share, on top of tests/shell/tap.sh.

# shellcheck source=tests/shell/tap.sh
. tests/shell/tap.sh

unset COPYCHAIN_QEMU COPYCHAIN_QEMU_ARGS COPYCHAIN_APPEND COPYCHAIN_TRAFFIC_LOG
NAME=

# kernels DEFAULT... -- [NAMED...] : into KERNELS the kernels to boot: those named, or those that
# COPYCHAIN_TEST_KERNELS lists, or the default: what every change needs, in the time that it has
kernels()
{
	KERNELS=()
	while [ "$1" != -- ]; do
		KERNELS+=("$1")
		shift
	done
	shift
	[ -z "${COPYCHAIN_TEST_KERNELS-}" ] || read -ra KERNELS <<<"$COPYCHAIN_TEST_KERNELS"
	[ $# = 0 ] || KERNELS=("$@")
}

# tap_claims : the lines pass|..., fail|... and # ... of a helper, in $T/claims, as TAP
tap_claims()
{
	local word what any=false
	while IFS='|' read -r word what; do
		case $word in
		pass | fail)
			TAP=$((TAP + 1))
			any=true
			;;
		esac
		case $word in
		pass) echo "ok $TAP - ${NAME:+$NAME: }$what" ;;
		fail) echo "not ok $TAP - ${NAME:+$NAME: }$what" ;;
		*) echo "$word${what:+|$what}" ;;
		esac
	done <"$T/claims"
	$any || check "$NAME: claims could be judged" false
}

# claims RUN REPORT [NAME=VALUE...] : judges "description | expression" lines, see tests/tools/claims.py
claims()
{
	python3 tests/tools/claims.py "$@" >"$T/claims" 2>"$T/err"
	tap_claims
}

# analyze_run RUN [OPTIONS] : the report goes to RUN.report
analyze_run()
{
	try ./analyze --out "$1.report" "${@:2}" "$1"
}

# in_guest KERNEL ARGUMENTS... : guest/run.sh on a kernel by name
in_guest()
{
	local kernel
	kernel=$(guest/kernel.sh "$1") || return
	try guest/run.sh --kernel "$kernel" "${@:2}"
}

# save_when FILE WORDS IMAGE DONE : memory of the guest $guest, which has $MEGABYTES and its monitor at $T/qmp,
# once it has written the words to the file; then it may go on, for which it waits for DONE
save_when()
{
	local tries=0 guest=${guest:?}
	until grep -qs "$2" "$1"; do
		tries=$((tries + 1))
		if [ $tries -gt 1200 ] || ! kill -0 "$guest"; then
			return 1
		fi
		sleep 0.1
	done
	python3 tests/tools/qmp.py "$T/qmp" "$3" $((MEGABYTES << 20)) && : >"$4"
}

# save_both TESTBED OUT BEFORE AFTER : at two words of the guest's file OUT, into $T/TESTBEDheld and $T/TESTBEDread
save_both()
{
	local share=${share:?}
	save_when "$share/$2" "$3" "$T/$1held" "$share/$1held-saved" &&
		save_when "$share/$2" "$4" "$T/$1read" "$share/$1read-saved"
}

# kernel_quiet FILE : no complaint in what dmesg printed
kernel_quiet()
{
	[ -s "$1" ] && ! grep -nE 'BUG|WARNING|Oops|Call Trace|general protection|RCU.*stall' "$1" >"$T/out"
}

#!/bin/bash
# The front door of copychain: sees that everything needed is there, then records on the kernel asked for.
set -u

PROGRAM=collect.sh
TOP=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
DEFAULT_KERNEL=bookworm

# shellcheck source-path=SCRIPTDIR source=guest/lib.sh
. "$TOP/guest/lib.sh"
# shellcheck source-path=SCRIPTDIR source=guest/packages.sh
. "$TOP/guest/packages.sh"
# shellcheck source-path=SCRIPTDIR source=guest/build.sh
. "$TOP/guest/build.sh"
# shellcheck source-path=SCRIPTDIR source=guest/native.sh
. "$TOP/guest/native.sh"
# shellcheck source-path=SCRIPTDIR source=guest/carry.sh
. "$TOP/guest/carry.sh"
# shellcheck source-path=SCRIPTDIR source=guest/cards.sh
. "$TOP/guest/cards.sh"
# shellcheck source-path=SCRIPTDIR source=guest/doctor.sh
. "$TOP/guest/doctor.sh"

CHILD=
ENDED=
SHARE=
GUEST_OPTIONS=()

where=
kernel=$DEFAULT_KERNEL
testbed=
audit=false
out=
limit=
recorder=()
shown=()
words=()

usage()
{
	cat <<'END'
usage: ./collect.sh run [OPTIONS] [-- COMMAND ARGS...]
       ./collect.sh sites [--vm=KERNEL | --native] [--all] [--json FILE]
       ./collect.sh kernels | doctor | clean [kernels|runs|all] | packages [build|run|check]

Records which kernel code copied which payload, into a run folder for ./analyze.

  run          the default set of flows, in a virtual machine
  run -- ...   COMMAND, on this kernel where that is possible, else in a virtual machine
  sites        every place in the kernel from which payload can be copied
  kernels      the kernels at hand, and how to get others
  doctor       what is missing here, and how to get it
  clean        remove incomplete runs; by name also fetched kernels, all runs, or both
  packages     see that the Debian packages for this are there

  --vm=KERNEL          in a virtual machine: bookworm (default), bookworm/6.12,
                       trixie-backports, or a folder with a kernel of yours
  --native             on this kernel; takes root
  --with TESTBED       set up a network for COMMAND: veth, nics, nics:MODEL, vlan, ... (traffic testbed
                       --list shows them all; addresses in COPYCHAIN_SRC, _DST); MODEL is a
                       card such as virtio-net
  --exclude-site SITE  do not probe this site; may be repeated
  --buffer-kb N        ring buffer per CPU
  --steps              record every kernel function passed, too (for a few messages)
  --share PATH         the guest sees it although it may hold keys (guest/secrets); may be repeated
  --audit              beside the recording, see every store of payload that the CPUs make (virtual
                       machine with QEMU 10; several times as slow)
  --timeout S          end it after S seconds (virtual machine: 600, with --audit 3600)
  --out DIR            the run folder to make (runs/TIME-KERNEL)

exit status: 0 good; 1 an assertion failed; 2 wrong usage; 3 not exact where that was
asked for; 4 environment lacking, with one line that says what and how to get it
END
}

cleanup()
{
	[ -z "$SHARE" ] || rm -rf "$SHARE"
}
trap cleanup EXIT

# A signal goes to the program at work, which ends in order; its status is then ours.
forward()
{
	[ -n "$CHILD" ] || exit "$1"
	ENDED=$1
	kill -s TERM "$CHILD" 2>/dev/null
}
trap 'forward 129' HUP
trap 'forward 130' INT
trap 'forward 143' TERM

in_guest()
{
	[ "${COPYCHAIN_IN_GUEST:-}" = 1 ]
}

# word_value OPTION COUNT : refuses an option without its value
word_value()
{
	[ "$2" -ge 2 ] || usage_error "$1 needs a value"
}

one_word()
{
	case $2 in
	'' | *[!0-9]*) usage_error "$1 takes a number, not '$2'" ;;
	esac
}

set_where()
{
	[ -z "$where" ] || [ "$where" = "$1" ] || usage_error "--native and --vm (or --audit) exclude each other"
	where=$1
}

testbeds()
{
	sed -n 's/^TESTBED("\([^"]*\)".*/\1/p' "$TOP/src/traffic/testbeds.def"
}

# What stands behind a comma is for traffic to judge.
set_testbed()
{
	case $1 in
	nics:*)
		is_card "${1#nics:}" || usage_error "no card '${1#nics:}': there are $(card_models all | paste -sd ' ')"
		;;
	*)
		testbeds | grep -qxF -e "${1%%,*}" ||
			usage_error "--with takes one of $(testbeds | paste -s -d ' ') nics:MODEL, not '$1'"
		;;
	esac
	testbed=$1
}

parse_run()
{
	while [ $# -gt 0 ]; do
		case $1 in
		--*=*)
			case $1 in
			--vm=*) ;;
			*)
				set -- "${1%%=*}" "${1#*=}" "${@:2}"
				continue
				;;
			esac
			;;
		esac
		case $1 in
		--vm) set_where vm ;;
		--vm=*)
			set_where vm
			kernel=${1#--vm=}
			;;
		--native) set_where native ;;
		--steps) recorder+=(--steps) ;;
		--audit) audit=true ;;
		--with | --exclude-site | --buffer-kb | --share | --timeout | --out)
			word_value "$1" $#
			case $1 in
			--with) set_testbed "$2" ;;
			--share) shown+=(--show "$2") ;;
			--exclude-site) recorder+=(--exclude-site "$2") ;;
			--buffer-kb)
				one_word "$1" "$2"
				recorder+=(--buffer-kb "$2")
				;;
			--timeout)
				one_word "$1" "$2"
				limit=$2
				;;
			--out) out=$2 ;;
			esac
			shift
			;;
		-h | --help)
			usage
			exit
			;;
		--)
			shift
			words=("$@")
			[ $# -gt 0 ] || usage_error "no command after --"
			return
			;;
		-*) usage_error "unknown option $1" ;;
		*) usage_error "'$1' is not expected: a command comes after --, a kernel as --vm=$1" ;;
		esac
		shift
	done
}

what_guest_reads()
{
	if [ "$(id -u)" = 0 ]; then
		echo "this machine's files, but those of guest/secrets"
	else
		echo "what you can read of this machine"
	fi
}

# take_kernel COMMAND_GIVEN : decides between this kernel and a guest, and says so
take_kernel()
{
	local given=$1 lack why
	case $where in
	native) why='as asked with --native' ;;
	vm) why='as asked with --vm' ;;
	*)
		if $given; then
			lack=$(native_lack)
			if [ -z "$lack" ]; then
				where=native
				why='a command runs on this kernel where it can; --vm takes a guest'
			else
				where=vm
				why="not this kernel: $lack"
			fi
		else
			where=vm
			why='the default, --native takes this kernel'
		fi
		;;
	esac
	if [ "$where" = native ]; then
		[ -n "${lack+set}" ] || lack=$(native_lack)
		[ -z "$lack" ] || lacking "cannot take this kernel: $lack; without --native a virtual machine is taken"
		taken="native: linux $(uname -r); $why"
	else
		need_packages run
		KERNEL_DIR=$("$TOP/guest/kernel.sh" "$kernel") || exit
		version=$(kernel_version "$KERNEL_DIR")
		taken="vm: linux $version ($kernel) in qemu tcg, which reads $(what_guest_reads); $why"
	fi
}

kernel_version()
{
	local dir
	for dir in "$1"/lib/modules/*/; do
		basename "$dir"
	done | tail -n 1
}

# choose_out VERSION : where the run folder goes; its parent is made, itself it must not exist
choose_out()
{
	local parent name n=1
	if [ -z "$out" ]; then
		name=$TOP/runs/$(date -u +%Y%m%dT%H%M%SZ)-$1
		out=$name
		while [ -e "$out" ]; do
			n=$((n + 1))
			out=$name-$n
		done
		latest=$TOP/runs/latest
	fi
	out=${out%/}
	[ ! -e "$out" ] || lacking "$out exists: give --out a folder that is yet to be made"
	parent=$(dirname "$out")
	if ! mkdir -p "$parent" 2>/dev/null || [ ! -w "$parent" ]; then
		lacking "cannot write to $parent: give a place with --out DIR"
	fi
	out=$(cd "$parent" && pwd -P)/$(basename "$out")
}

workload()
{
	if [ ${#words[@]} -eq 0 ]; then
		WORKLOAD=("$TOP/traffic" set default)
	elif [ -n "$testbed" ]; then
		WORKLOAD=("$TOP/traffic" testbed "$testbed" -- "${words[@]}")
	else
		WORKLOAD=("${words[@]}")
	fi
}

# The census sees the modules that are loaded before it: those that the flows will need.
load_modules()
{
	modprobe -q veth 2>/dev/null
	if in_guest || [ ${#words[@]} -eq 0 ]; then
		modprobe -qa rdma_rxe ib_uverbs 2>/dev/null
	fi
	[ "$(readlink -f "${WORKLOAD[0]}")" != "$TOP/traffic" ] || load_testbed_modules
}

load_testbed_modules()
{
	local line plain=()
	while read -r line; do
		case $line in
		*' '*)
			# a name and its parameters
			# shellcheck disable=SC2086
			modprobe -q $line 2>/dev/null
			;;
		*) plain+=("$line") ;;
		esac
	done < <("$TOP/traffic" testbed --modules -- "${WORKLOAD[@]:1}" | sort -u)
	[ ${#plain[@]} -eq 0 ] || modprobe -qa "${plain[@]}" 2>/dev/null
}

record_native()
{
	local prefix=()
	load_modules
	if in_guest; then
		carry_run "$out" "${recorder[@]}" -- "${WORKLOAD[@]}"
		return
	fi
	[ -z "$limit" ] || prefix=(timeout --foreground -k 15 "$limit")
	supervise "${prefix[@]}" "$TOP/collect" run --out "$out" "${recorder[@]}" -- "${WORKLOAD[@]}"
}

# make_share PARENT : on the file system of the run folder, so that a rename completes it. Its lock is held by
# everything that uses it.
make_share()
{
	SHARE=$(mktemp -d "$1/.copychain-XXXXXX") || lacking "cannot write to $1"
	exec 9>"$SHARE/.lock" && flock -n 9
}

guest()
{
	supervise "$TOP/guest/run.sh" --kernel "$KERNEL_DIR" --share "$SHARE" ${limit:+--timeout "$limit"} "${GUEST_OPTIONS[@]}" -- "$@"
}

record_vm()
{
	local status cards testbed_option=() foreign=()
	make_share "$(dirname "$out")"
	cards=$(cards_of_words "${WORKLOAD[@]}" | comma_list)
	[ -z "$testbed" ] || testbed_option=(--with "$testbed")
	[ ${#words[@]} -eq 0 ] || foreign=(-- "${words[@]}")
	GUEST_OPTIONS=(${cards:+--cards "$cards"} "${shown[@]}")
	! $audit || GUEST_OPTIONS+=(--audit "$SHARE/audit.dat")
	guest "$TOP/collect.sh" run --native --out "$SHARE/run" "${recorder[@]}" "${testbed_option[@]}" "${foreign[@]}"
	status=$?
	if [ -e "$SHARE/run/run.json" ]; then
		! $audit || seal_audit "$SHARE/audit.dat" "$SHARE/run" || lacking "cannot add the audit to $SHARE/run"
		place_run
	elif [ -n "$(find "$SHARE" -type f -size +0 2>/dev/null | head -n 1)" ]; then
		keep_partial "$SHARE"/run*
	fi
	return $status
}

# The name may have been taken since it was chosen; mv without -T would put this run into that one.
place_run()
{
	local wanted=$out n=1
	until mv -T "$SHARE/run" "$out" 2>/dev/null; do
		if [ ! -e "$out" ] || [ $n -gt 99 ]; then
			lacking "cannot write $out"
		fi
		n=$((n + 1))
		out=$wanted-$n
	done
}

keep_partial()
{
	rm -rf "$out.partial"
	mv "$1" "$out.partial" && say "collect.sh: the run is incomplete; what there is of it: $out.partial"
}

cmd_run()
{
	local status
	latest=
	parse_run "$@"
	! $audit || recorder+=(--audit)
	if $audit && ! in_guest; then
		set_where vm
		limit=${limit:-3600}
		# traffic's payload bears marks then
		export COPYCHAIN_MARK=1
	fi
	[ -z "$testbed" ] || [ ${#words[@]} -gt 0 ] || usage_error "--with is for a command of yours: give one after --"
	if in_guest; then
		workload
		record_native
		exit
	fi
	[ -z "$out" ] || choose_out ''
	if [ ${#words[@]} -gt 0 ]; then take_kernel true; else take_kernel false; fi
	choose_out_late
	if $audit; then build build/audit.so; else build; fi
	workload
	echo "$taken"
	if [ "$where" = native ]; then record_native; else record_vm; fi
	status=$?
	if [ -e "$out/run.json" ]; then
		[ -z "$latest" ] || ln -sfn "$(basename "$out")" "$latest"
		echo "run: $out"
	fi
	exit $status
}

# The default name carries the kernel's version, which is known only now.
choose_out_late()
{
	[ -n "$out" ] && return
	if [ "$where" = native ]; then choose_out "$(uname -r)"; else choose_out "$version"; fi
}

parse_sites()
{
	json=
	while [ $# -gt 0 ]; do
		case $1 in
		--vm) set_where vm ;;
		--vm=*)
			set_where vm
			kernel=${1#--vm=}
			;;
		--native) set_where native ;;
		--all) recorder+=(--all) ;;
		--json)
			word_value "$1" $#
			json=$2
			shift
			;;
		--json=*) json=${1#--json=} ;;
		-h | --help)
			usage
			exit
			;;
		*) usage_error "unknown option $1 of sites" ;;
		esac
		shift
	done
}

cmd_sites()
{
	local status target
	parse_sites "$@"
	if in_guest; then
		exec "$TOP/collect" sites "${recorder[@]}" ${json:+--json "$json"}
	fi
	take_kernel false
	build
	say "$taken"
	if [ "$where" = native ]; then
		modprobe -q veth 2>/dev/null
		supervise "$TOP/collect" sites "${recorder[@]}" ${json:+--json "$json"}
		exit
	fi
	if [ -n "$json" ]; then
		target=$(dirname "$json")
		[ -w "$target" ] || lacking "cannot write to $target: give another --json FILE"
	else
		target=${TMPDIR:-/tmp}
	fi
	make_share "$target"
	guest "$TOP/collect.sh" sites --native "${recorder[@]}" ${json:+--json "$SHARE/sites.json"}
	status=$?
	if [ -n "$json" ] && [ $status = 0 ]; then
		mv "$SHARE/sites.json" "$json" || lacking "cannot write $json"
	fi
	exit $status
}

cmd_kernels()
{
	[ $# -eq 0 ] || usage_error "kernels takes no arguments"
	"$TOP/guest/kernel.sh" --list | sort -V | awk -F '\t' '
		BEGIN { printf "%-20s %s\n", "NAME", "LINUX" }
		{ printf "%-20s %s\n", $1, $2 }'
	cat <<-'END'

		Others are fetched by name: --vm=SUITE or --vm=SUITE/SERIES of Debian, such as bookworm,
		bookworm/6.12, trixie-backports; or give a folder with vmlinuz and lib/modules/VERSION.
		guest/kernel.sh --refresh NAME asks the mirror for a newer one.
	END
}

# remove WHAT FOLDER... : and say what that freed
remove()
{
	local what=$1 kb
	shift
	[ $# -gt 0 ] || { echo "$what: nothing to remove"; return; }
	kb=$(du -skc "$@" 2>/dev/null | tail -n 1 | cut -f 1)
	rm -rf "$@" || lacking "cannot remove all of the $what: remove them as the user who made them"
	echo "$what: $(((${kb:-0} + 1023) / 1024)) MB freed"
}

clean_kernels()
{
	local found
	mapfile -t found < <(compgen -G "$CACHE/kernels"; compgen -G "$CACHE/initramfs")
	remove "fetched kernels" "${found[@]}"
}

clean_runs()
{
	local found
	mapfile -t found < <(find "$TOP/runs" -mindepth 1 -maxdepth 1 \( -type d -o -type l \) 2>/dev/null)
	remove runs "${found[@]}"
}

# Recordings that were given up, and the shares of those whose programs were all killed.
clean_incomplete()
{
	local found=() place
	for place in "$TOP"/runs/*.partial "$TOP"/runs/.copychain-*; do
		[ -d "$place" ] || continue
		[ ! -e "$place/.lock" ] || flock -n "$place/.lock" true || continue
		found+=("$place")
	done
	remove "incomplete runs" "${found[@]}"
}

cmd_clean()
{
	[ $# -le 1 ] || usage_error "clean takes one of kernels, runs, all"
	case ${1:-} in
	'') clean_incomplete ;;
	kernels) clean_kernels ;;
	runs) clean_runs ;;
	all)
		clean_runs
		clean_kernels
		;;
	*) usage_error "clean takes one of kernels, runs, all, not '$1'" ;;
	esac
}

cmd_doctor()
{
	[ $# -eq 0 ] || usage_error "doctor takes no arguments"
	doctor
	exit
}

cmd_packages()
{
	[ $# -le 1 ] || usage_error "packages takes one of build, run, check"
	case ${1:-run} in
	build) need_packages build ;;
	run) need_packages build run ;;
	check) need_packages build run check ;;
	*) usage_error "packages takes one of build, run, check, not '$1'" ;;
	esac
}

[ $# -gt 0 ] || usage_error "no command"
command=$1
shift
case $command in
run | sites | kernels | clean | doctor | packages) "cmd_$command" "$@" ;;
help | -h | --help) usage ;;
*) usage_error "unknown command $command" ;;
esac

#!/bin/bash
# The front door of the nightly regression: kernels in, a job for each, and one comparison of them all.
set -u

PROGRAM=regress.sh
TOP=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)

# shellcheck source-path=SCRIPTDIR source=guest/lib.sh
. "$TOP/guest/lib.sh"
# shellcheck source-path=SCRIPTDIR source=guest/packages.sh
. "$TOP/guest/packages.sh"
# shellcheck source-path=SCRIPTDIR source=guest/build.sh
. "$TOP/guest/build.sh"
# shellcheck source-path=SCRIPTDIR source=guest/night.sh
. "$TOP/guest/night.sh"

START=$PWD
MAKE_PID=
ENDED=

kernels=
flows=default
against=
baseline=
accepted=
appends=()
setups=()
jobs=
limit=900
permille=5
cost=true
audit=false
nights=$TOP/nights
history=
name=
night=
new=false
retry=false
refresh=false
dry=false
keep=14
on_failure=

usage()
{
	cat <<'END'
usage: ./regress.sh --kernels A,B,... [OPTIONS]
       ./regress.sh history [--kernel PATTERN] [--flow PATTERN] [--value NAME] [--svg FILE]
       ./regress.sh history --rebuild

Boots each kernel in a virtual machine, runs the same flows on it, and says what differs: copy
sites, copies, hops, verdicts, and instructions per message.

  --kernels A,B,...    as for collect.sh --vm (bookworm, bookworm/6.12, trixie-backports), or a
                       folder with a kernel of yours; NAME=KERNEL names it in the reports
  --flows SET[:A,B]    a set of traffic, or some flows of it (default); none: only the copy sites
  --against NAME       the kernel to compare with (the first)
  --baseline FILE      compare with a digest kept from an earlier night instead
  --accepted FILE      accepted changes (regress.accepted, where that exists)
  --append NAME=ARGS   kernel parameters for one of the kernels
  --setup NAME=COMMAND run in the guest of one of them before it is measured
  --jobs N             virtual machines at a time (as many as there are CPUs and memory)
  --timeout S          seconds for one kernel (900)
  --cost-threshold P   rise of cost in percent that is a regression (0.5)
  --no-cost            do not count instructions; takes two CPUs a guest, and is no faster
  --audit              see every store of payload, too, as collect.sh run --audit does, and count no
                       instructions; takes one CPU a guest, and several times as long
  --refresh            ask the mirror for newer kernels first
  --nights DIR         where nights are kept (nights); --history FILE (DIR/history.db)
  --night NAME         what this one is called (the time)
  --new                begin a night even where one like it was interrupted
  --retry              go on with the last night of this matrix: measure again what failed in it
  --keep N             recordings of the last N nights stay; digests and reports always do (14)
  --on-failure COMMAND run by sh where the exit status is not 0, with the mail on its input
                       and COPYCHAIN_NIGHT, COPYCHAIN_STATUS, COPYCHAIN_REPORT
  --options FILE       take options from a file: NAME or NAME VALUE a line, without dashes
  --dry-run            show the jobs and how long they will take

exit status: 0 nothing is worse; 1 a regression; 2 wrong usage; 3 a kernel or flow could not
be measured or compared; 4 environment lacking or input damaged, with one line that says what
END
}

# A signal goes to make, which ends the jobs; what they measured stays.
forward()
{
	ENDED=$1
	[ -n "$MAKE_PID" ] || exit "$1"
	kill -s TERM "$MAKE_PID" 2>/dev/null
}
trap 'forward 129' HUP
trap 'forward 130' INT
trap 'forward 143' TERM

number()
{
	[[ $2 =~ ^[1-9][0-9]*$ ]] || usage_error "$1 takes a number, not '$2'"
}

threshold()
{
	[[ $1 =~ ^[0-9]+(\.[0-9])?$ ]] || usage_error "--cost-threshold takes percent with at most one digit behind the point, not '$1'"
	permille=$(awk -v p="$1" 'BEGIN { printf "%d", p * 10 }')
	{ [ "$permille" -ge 1 ] && [ "$permille" -le 10000 ]; } || usage_error "--cost-threshold goes from 0.1 to 1000"
}

set_value()
{
	case $1 in
	--kernels) kernels=$2 ;;
	--flows) flows=$2 ;;
	--against) against=$2 ;;
	--baseline) baseline=$2 ;;
	--accepted) accepted=$2 ;;
	--append) appends+=("$2") ;;
	--setup) setups+=("$2") ;;
	--jobs)
		number "$1" "$2"
		jobs=$2
		;;
	--timeout)
		number "$1" "$2"
		limit=$2
		;;
	--keep)
		number "$1" "$2"
		keep=$2
		;;
	--cost-threshold) threshold "$2" ;;
	--nights) nights=$2 ;;
	--history) history=$2 ;;
	--night) name=$2 ;;
	--on-failure) on_failure=$2 ;;
	*) usage_error "unknown option $1" ;;
	esac
}

# Options from a file: NAME or NAME VALUE a line.
read_options()
{
	local name value words=()
	[ -r "$1" ] || lacking "cannot read the options in $1"
	while read -r name value || [ -n "$name" ]; do
		case $name in
		'' | '#'*) ;;
		options) usage_error "options in $1: a file of options names no other" ;;
		*) words+=("--$name${value:+=$value}") ;;
		esac
	done <"$1"
	parse_words "${words[@]}"
}

parse_words()
{
	while [ $# -gt 0 ]; do
		case $1 in
		--options)
			[ $# -ge 2 ] || usage_error "$1 needs a value"
			read_options "$2"
			shift
			;;
		--options=*) read_options "${1#*=}" ;;
		--no-cost) cost=false ;;
		--audit) audit=true ;;
		--new) new=true ;;
		--retry) retry=true ;;
		--refresh) refresh=true ;;
		--dry-run) dry=true ;;
		-h | --help)
			usage
			exit
			;;
		--*=*) set_value "${1%%=*}" "${1#*=}" ;;
		--*)
			[ $# -ge 2 ] || usage_error "$1 needs a value, or is unknown"
			set_value "$1" "$2"
			shift
			;;
		*) usage_error "'$1' is not expected" ;;
		esac
		shift
	done
}

parse()
{
	parse_words "$@"
	[ -n "$kernels" ] || usage_error "which kernels? --kernels A,B,..."
	[ -z "$baseline" ] || [ -z "$against" ] || usage_error "--baseline and --against exclude each other"
	if [ -n "$accepted" ]; then
		[ -r "$accepted" ] || lacking "cannot read the accepted changes in $accepted"
		accepted=$(realpath "$accepted")
	elif [ -r regress.accepted ]; then
		accepted=$PWD/regress.accepted
	fi
	[ -z "$history" ] || history=$(realpath -m "$history")
	[[ -z $name || $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ && $name != latest ]] ||
		usage_error "--night takes letters, digits, '.', '_' and '-', a letter or digit first, and not 'latest'"
	[[ $flows =~ ^[a-z0-9-]+(:[A-Za-z0-9,._-]+)?$ ]] || usage_error "--flows takes SET or SET:NAME,NAME, not '$flows'"
}

run_jobs()
{
	# make tells jobs apart by what they leave behind: one that is done is not done again
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -k -j "$jobs" -f "$night/Makefile" </dev/null &
	MAKE_PID=$!
	wait "$MAKE_PID"
	while kill -0 "$MAKE_PID" 2>/dev/null; do
		wait "$MAKE_PID"
	done
	MAKE_PID=
	[ -z "$ENDED" ] || {
		say "regress.sh: interrupted; the same command goes on with night $(basename "$night")"
		exit "$ENDED"
	}
}

# However the night ends, if not well. What stays behind of the command keeps no other night waiting.
on_exit()
{
	local status=$? mail=$night/report.md report=$night/report.html
	trap - EXIT
	if [ "$status" != 0 ] && [ -n "$on_failure" ] && ! $dry; then
		[ -r "$mail" ] || mail=/dev/null
		[ -r "$report" ] || report=
		(cd "$START" && COPYCHAIN_NIGHT=${night##*/} COPYCHAIN_STATUS=$status COPYCHAIN_REPORT=$report \
			sh -c "$on_failure" <"$mail" 8>&-) ||
			say "regress.sh: --on-failure '$on_failure' failed with status $?"
	fi
	exit "$status"
}

compare()
{
	local digests=() i base=$baseline
	for i in "${!labels[@]}"; do
		if [ "${labels[i]}" = "$against" ]; then
			base=$night/jobs/${slugs[i]}/digest.json
		else
			digests+=("$night/jobs/${slugs[i]}/digest.json")
		fi
	done
	[ -r "$base" ] || lacking "the baseline ${against:-$baseline} has no digest: nothing can be compared"
	"$TOP/regress" compare --night "$(basename "$night")" --baseline "$base" ${baseline:+--kept-baseline} --out "$night" \
		--history "$history" --cost-permille "$permille" ${accepted:+--accepted "$accepted"} "${digests[@]}"
}

# A name that no set knows would be told by every guest.
check_flows()
{
	local known wanted=${flows#*:} name
	[ "${flows%%:*}" != none ] || return 0
	known=$("$TOP/traffic" set --list | awk -v set="${flows%%:*}" '$1 == set { print $3 }')
	[ -n "$known" ] || usage_error "--flows $flows: there is no such set; ./traffic set --list shows them"
	[ "$wanted" != "$flows" ] || return 0
	for name in ${wanted//,/ }; do
		grep -qxF -e "$name" <<<"$known" || usage_error "--flows $flows: no flow is called $name; ./traffic set --list shows them"
	done
}

cmd_run()
{
	trap on_exit EXIT
	parse "$@"
	read_matrix
	choose_jobs
	if $dry; then
		[ ! -x "$TOP/traffic" ] || check_flows
		show_matrix
		exit
	fi
	need_packages build run
	if $audit; then build build/audit.so; else build; fi
	check_flows
	begin_night
	! $refresh || refresh_kernels
	run_jobs
	(compare)
	status=$?
	end_night $status
	exit $status
}

cmd_history()
{
	local words=() rebuild=false
	while [ $# -gt 0 ]; do
		case $1 in
		--rebuild) rebuild=true ;;
		--nights | --history)
			[ $# -ge 2 ] || usage_error "$1 needs a value"
			set_value "$1" "$2"
			shift
			;;
		--nights=* | --history=*) set_value "${1%%=*}" "${1#*=}" ;;
		*) words+=("$1") ;;
		esac
		shift
	done
	[ -n "$history" ] || history=$nights/history.db
	need_packages build
	build
	! $rebuild || rebuild_history
	exec "$TOP/regress" history --db "$history" "${words[@]}"
}

case ${1:-} in
'') usage_error "no kernels: --kernels A,B,..." ;;
history)
	shift
	cmd_history "$@"
	;;
help | -h | --help) usage ;;
*) cmd_run "$@" ;;
esac

#!/bin/bash
# One job of a night: boots one kernel, measures it, and writes its digest. Knows nothing of other jobs.
set -u

PROGRAM=guest/job.sh
HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$HERE/lib.sh"
# shellcheck source-path=SCRIPTDIR source=cards.sh
. "$HERE/cards.sh"

SHIFT=2

dir=
label=
kernel=
append=
setup=
set=default
names=
limit=900
timed=true
audit=false
CHILD=
GROUP=
ENDED=

usage()
{
	cat <<'END'
usage: guest/job.sh --dir DIR --label NAME --kernel KERNEL [OPTIONS]

Measures a kernel in a guest and leaves DIR/digest.json, also where the kernel could not be
measured: then it says why. DIR/log tells what happened. A digest that is there and of the very
same kernel, modules and programs is left as it is.

  --append ARGS    more kernel parameters
  --setup COMMAND  run in the guest before anything is measured
  --set SET        flows of traffic (default); none: only the census
  --names A,B      only these flows of the set
  --no-cost        without counting instructions
  --audit          see every store of payload, too (collect.sh run --audit), and count no instructions
  --timeout S      seconds until the guest is ended (900)

exit status: 0 there is a digest; 2 wrong usage; 4 none could be written
END
}

# What is under way is ended and leaves no digest, so that the job can be done again.
forward()
{
	ENDED=$1
	[ -z "$CHILD" ] || kill -s TERM -- "$GROUP$CHILD" 2>/dev/null
}
trap 'forward 129' HUP
trap 'forward 130' INT
trap 'forward 143' TERM

parse()
{
	while [ $# -gt 0 ]; do
		case $1 in
		--no-cost)
			timed=false
			shift
			;;
		--audit)
			audit=true
			timed=false
			shift
			;;
		--dir | --label | --kernel | --append | --setup | --set | --names | --timeout)
			[ $# -ge 2 ] || usage_error "$1 needs a value"
			case $1 in
			--dir) dir=$2 ;;
			--label) label=$2 ;;
			--kernel) kernel=$2 ;;
			--append) append=$2 ;;
			--setup) setup=$2 ;;
			--set) set=$2 ;;
			--names) names=$2 ;;
			--timeout) limit=$2 ;;
			esac
			shift 2
			;;
		-h | --help)
			usage
			exit
			;;
		*) usage_error "'$1' is not expected" ;;
		esac
	done
	# a census has no cost, and is taken sooner by two CPUs that count nothing
	if [ "$set" = none ]; then
		timed=false
		audit=false
	fi
	if [ -z "$dir" ] || [ -z "$label" ] || [ -z "$kernel" ]; then
		usage_error "--dir, --label and --kernel are needed"
	fi
}

# digest OPTIONS... : a digest of this name is always whole
digest()
{
	"$TOP/regress" digest --dir "$dir" --label "$label" --kernel "$kernel" --version "$version" --append "$append" \
		--setup "$setup" --set "$set${names:+:$names}" --identity "$identity" --seconds "$((SECONDS - STARTED))" \
		--out "$dir/digest.json" "$@" 2>>"$dir/log"
}

plain()
{
	tr -d '\000-\037\177'
}

# What the last of the guests did: it says itself why it died; a program says it in its last line.
reason()
{
	local line pattern last
	last=$(sed '1,/^guest: trying once more$/d' "$dir/log")
	[ -n "$last" ] || last=$(cat "$dir/log")
	for pattern in '^guest: linux .* died:' '^setup: ' .; do
		line=$(grep -aE "$pattern" <<<"$last" | tail -n 1)
		[ -z "$line" ] || break
	done
	printf '%s' "${line:-no reason given}" | plain
}

# Why the first guest died where a second one was tried, or nothing.
first_death()
{
	! grep -aqx 'guest: trying once more' "$dir/log" ||
		sed -n 's/^guest: linux .* died: //p' "$dir/log" | head -n 1 | plain
}

# What decides the figures beside the options, which a night's matrix holds: two jobs that agree in it need not both run.
identify()
{
	identity=$({
		cat "$folder/vmlinuz" "$TOP/collect" "$TOP/traffic" "$TOP/analyze" "$TOP/regress" "$HERE"/*.sh
		! $audit || cat "$TOP/build/audit.so"
		find -L "$folder/lib/modules" -name '*.ko*' -printf '%P %s %T@\n' | sort
		printf '%s\n' "${COPYCHAIN_QEMU:-}" "${COPYCHAIN_QEMU_ARGS:-}" "${COPYCHAIN_APPEND:-}"
	} 2>/dev/null | cksum | tr ' ' -)
}

is_done()
{
	[ -r "$dir/digest.json" ] && grep -q "\"identity\": *\"$identity\"" "$dir/digest.json"
}

# An interruption is no result.
finish_failed()
{
	local why
	[ -z "$ENDED" ] || exit "$ENDED"
	why=$(reason)
	if ! digest --failed "$why"; then
		say "regress: $label: cannot write $dir/digest.json: $(tail -n 1 "$dir/log" 2>/dev/null)"
		exit $EXIT_ENVIRONMENT
	fi
	say "regress: $label: not measured: $why"
	exit 0
}

# A shell that waits for apt or make hears no signal: these are told themselves, by a group of their own.
find_kernel()
{
	local status
	GROUP=-
	supervise setsid "$HERE/kernel.sh" "$kernel" >"$dir/kernel" 2>"$dir/kernel.log"
	status=$?
	GROUP=
	[ $status = 0 ] || return $status
	folder=$(cat "$dir/kernel")
	for version in "$folder"/lib/modules/*/; do
		version=$(basename "$version")
	done
}

boot()
{
	local qemu=${COPYCHAIN_QEMU_ARGS:-} cards watched=()
	! $audit || watched=(--audit "$dir/audit.dat")
	cards=$(cards_of_set "$set" | comma_list)
	# One instruction is 2^SHIFT ns of the guest's time; that takes one CPU.
	! $timed || qemu="-icount shift=$SHIFT,sleep=on -smp 1 $qemu"
	! $audit || export COPYCHAIN_MARK=1
	COPYCHAIN_QEMU_ARGS=$qemu supervise "$HERE/run.sh" --kernel "$folder" --share "$dir" --timeout "$limit" --append "$append" \
		${cards:+--cards "$cards"} "${watched[@]}" -- \
		sh guest/measure.sh "$dir" "$set" "$names" "$timed" "$audit" "$setup" >>"$dir/log" 2>&1 || return
	! $audit || seal_audit "$dir/audit.dat" "$dir/run" >>"$dir/log" 2>&1
}

analyze()
{
	[ "$set" != none ] || return 0
	supervise "$TOP/analyze" --out "$dir" "$dir/run" >>"$dir/log" 2>&1
}

measure()
{
	local options=() died
	boot || return
	analyze || return
	! $timed || options+=(--shift "$SHIFT")
	died=$(first_death)
	[ -z "$died" ] || options+=(--retried "$died")
	digest "${options[@]}"
}

parse "$@"
STARTED=$SECONDS
version=
folder=
identity=
mkdir -p "$dir" 2>/dev/null || lacking "cannot make $dir"
dir=$(cd "$dir" && pwd -P) || exit $EXIT_ENVIRONMENT
cd "$TOP" || exit
find_kernel
found=$?
identify
if [ $found = 0 ] && is_done; then
	say "regress: $label: done before, linux $version"
	exit 0
fi
rm -rf "$dir"/run* "$dir"/*.json*
mv "$dir/kernel.log" "$dir/log" 2>/dev/null || lacking "cannot write to $dir"
[ $found = 0 ] || finish_failed
say "regress: $label: begins"
measure || finish_failed
say "regress: $label: measured, linux $version, $((SECONDS - STARTED)) s"

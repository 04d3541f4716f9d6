#!/bin/bash
# Runs one command in a guest: boots a kernel in QEMU over this machine's files and carries out output and exit status.
set -u

PROGRAM=guest/run.sh
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$HERE/lib.sh"
# shellcheck source-path=SCRIPTDIR source=cards.sh
. "$HERE/cards.sh"

kernel=
share=
limit=600
append=
audit=
cards=
shown=()
WORK=
QEMU_PID=
OUT_PID=
ERR_PID=

usage()
{
	cat <<'END'
usage: guest/run.sh [OPTIONS] -- COMMAND ARGS...

Boots the kernel of DIR (see guest/kernel.sh; bookworm's otherwise) in QEMU over this
machine's files, which COMMAND sees read-only below a scratch layer, and runs COMMAND
there as root, in this folder. Its output and its exit status become this program's.

  --kernel DIR       a kernel's folder
  --share DIR        what COMMAND writes below DIR reaches this machine
  --timeout S        seconds until the guest is ended (600)
  --append ARGS      more kernel parameters
  --show PATH        shown to COMMAND although guest/secrets names it; may be repeated
  --audit FILE       write down there what the guest stores of marked payload
  --cards MODEL,...  pairs of network cards, beside the e1000 that every guest has; all: of every model

COPYCHAIN_QEMU       another QEMU program
COPYCHAIN_QEMU_ARGS  appended to its arguments, so that they win
COPYCHAIN_APPEND     more kernel parameters

COMMAND gets HOME, TERM, LANG, what begins with COPYCHAIN_, and COPYCHAIN_IN_GUEST=1.
exit status: COMMAND's; 2 wrong usage; 4 no guest could be run, or it died.
END
}

# The reaper holds the far end of a pipe that only this process keeps open, so it also
# acts when this process is killed outright.
start_reaper()
{
	mkfifo "$WORK/alive"
	# shellcheck disable=SC2016
	setsid "$BASH" -c '
		trap "" HUP INT TERM
		exec 0<"$1/alive"
		cat >/dev/null
		for f in "$1"/qemu.pid; do
			[ -r "$f" ] && kill -KILL "$(cat "$f")"
		done
		rm -rf "$1"' reaper "$WORK" </dev/null >/dev/null 2>&1 &
	disown
	exec 7>"$WORK/alive"
}

stop_guest()
{
	if [ -n "$QEMU_PID" ]; then
		kill -KILL "$QEMU_PID" 2>/dev/null
		wait "$QEMU_PID" 2>/dev/null
		QEMU_PID=
	fi
}

# The relays end by themselves once the guest is gone and all its output is passed on.
finish_relays()
{
	[ -z "$OUT_PID" ] || wait "$OUT_PID" "$ERR_PID" 2>/dev/null
	OUT_PID=
	ERR_PID=
}

# shellcheck disable=SC2317
cleanup()
{
	trap '' HUP INT TERM
	stop_guest
	[ -z "$OUT_PID" ] || kill "$OUT_PID" "$ERR_PID" 2>/dev/null
	[ -z "$WORK" ] || rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

quoted_list()
{
	local word
	for word; do
		quote "$word"
		printf ' '
	done
}

job_environment()
{
	local name
	for name in HOME TERM LANG; do
		[ -z "${!name+set}" ] || quote "$name=${!name}"
		printf ' '
	done
	for name in $(compgen -e COPYCHAIN_); do
		quote "$name=${!name}"
		printf ' '
	done
}

# What the guest is to do, as a script that defines it.
write_job()
{
	cat <<-END
		job_version=$(quote "$VERSION")
		job_modules=$(quote "$kernel/lib/modules/$VERSION")
		job_share=$(quote "$share")
		job_path=$(quote "$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin")
		run_job()
		{
			cd $(quote "$PWD") || exit 4
			exec /usr/bin/env -i $(job_environment) PATH="\$PATH" COPYCHAIN_IN_GUEST=1 $(quoted_list "$@")
		}
	END
}

write_initrd()
{
	local image=$1
	shift
	write_job "$@" >"$WORK/job"
	# archives may follow each other: the small one first, since it ends on a block
	{ (cd "$WORK" && echo job | cpio --quiet -o -H newc -R 0:0) && cat "$image"; } >"$WORK/initrd" ||
		lacking "cannot write the initramfs in $WORK"
}

# A comma separates options of QEMU; two stand for one.
commas()
{
	printf '%s' "${1//,/,,}"
}

qemu_arguments()
{
	local n more=()
	read -r -a more <<<"${COPYCHAIN_QEMU_ARGS:-}"
	ARGUMENTS=(
		-nodefaults -no-user-config -no-reboot -display none -M pc
		-accel "tcg,thread=single" -cpu "$CPU" -smp "$CPUS" -m 1024
		-kernel "$kernel/vmlinuz" -initrd "$WORK/initrd"
		-append "console=ttyS0 quiet loglevel=4 panic=-1 ${COPYCHAIN_APPEND:-} $append"
		-serial "file:$(commas "$WORK/console")"
		-fsdev "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"
		-device "virtio-9p-pci,fsdev=root,mount_tag=root"
		-device virtio-serial-pci
	)
	for n in out err status; do
		ARGUMENTS+=(-chardev "file,id=$n,path=$(commas "$WORK/$n")" -device "virtserialport,chardev=$n,name=$n")
	done
	card_arguments
	[ -z "$share" ] || ARGUMENTS+=(
		-fsdev "local,id=share,path=$(commas "$share"),security_model=none,multidevs=remap"
		-device "virtio-9p-pci,fsdev=share,mount_tag=share")
	[ -z "$audit" ] || ARGUMENTS+=(
		-L "$EMULATOR/usr/share/seabios" -L "$EMULATOR/usr/share/qemu"
		-plugin "$(commas "$PLUGIN"),out=$(commas "$WORK/audit")")
	ARGUMENTS+=("${more[@]}")
}

# The n-th card, counted from 0; two and two are joined. Eight share a slot of the PCI bus, the first two have one each.
card_argument()
{
	local n=$1 coupling=$2 device=$3 place=
	if [ "$n" -ge 2 ]; then
		place=$(printf ',addr=%x.%x,multifunction=on' $((FIRST_SLOT + (n - 2) / 8)) $(((n - 2) % 8)))
	fi
	case $coupling in
	hub) ARGUMENTS+=(-netdev "hubport,id=net$n,hubid=$((n / 2))") ;;
	tap) ARGUMENTS+=(-netdev "tap,id=net$n,ifname=tap$n,script=no,downscript=no") ;;
	esac
	ARGUMENTS+=(-device "$device,netdev=net$n,mac=$(printf '52:54:00:00:%02x:%02x' $((n / 2)) $((n % 2 + 1))),romfile=$place")
}

card_arguments()
{
	local n=0 model coupling device taps=()
	while read -r model coupling device; do
		case ,e1000,$cards, in *",$model,"*) ;; *) continue ;; esac
		[ "$coupling" != tap ] || taps+=("$n" $((n + 1)))
		card_argument $n "$coupling" "$device"
		card_argument $((n + 1)) "$coupling" "$device"
		n=$((n + 2))
	done < <(card_rows)
	IN_NAMESPACE=()
	[ ${#taps[@]} -eq 0 ] || IN_NAMESPACE=("${NAMESPACE[@]}" "$HERE/taps.sh" "${taps[@]}" --)
}

# Taps take a network namespace in which one is root; this machine's own network stays out of it.
set_namespace()
{
	if [ "$(id -u)" = 0 ]; then
		NAMESPACE=(unshare -n --)
	else
		NAMESPACE=(unshare -rn --)
	fi
}

# Replaces the asked-for cards by those that can be had here.
take_cards()
{
	local model taps
	[ "$cards" != all ] || cards=$(card_models all | comma_list)
	[ -n "$cards" ] || return
	for model in ${cards//,/ }; do
		is_card "$model" || usage_error "no card '$model': there are $(card_models all | paste -sd ' ')"
	done
	taps=$(card_models tap | grep -Fx -e "${cards//,/$'\n'}")
	[ -n "$taps" ] || return
	need_tool unshare util-linux
	set_namespace
	"${NAMESPACE[@]}" ip tuntap add tap0 mode tap vnet_hdr 2>/dev/null && return
	# shellcheck disable=SC2086
	say "guest: without" $taps": these need /dev/net/tun and network namespaces, which this user has not"
	cards=$(card_models hub | grep -Fx -e "${cards//,/$'\n'}" | comma_list)
}

# The guest's files are this machine's; what guest/secrets names is hidden where one may hide it.
hide_secrets()
{
	MASKED=()
	[ "$(id -u)" = 0 ] || return
	if unshare -m true 2>/dev/null; then
		MASKED=(unshare -m -- "$HERE/mask.sh" "${shown[@]}" --)
	else
		say "guest: sees all of this machine's files: no mount namespace can be made to hide keys in"
	fi
}

start_guest()
{
	local n
	for n in out err status console; do
		: >"$WORK/$n"
	done
	"${IN_NAMESPACE[@]}" "${MASKED[@]}" "$QEMU" "${ARGUMENTS[@]}" </dev/null >"$WORK/qemu.log" 2>&1 7>&- &
	QEMU_PID=$!
	echo "$QEMU_PID" >"$WORK/qemu.pid"
	# files and not pipes stand between the guest and us: a slow reader must not stall it
	tail -s 0.1 -c +1 -f --pid="$QEMU_PID" "$WORK/out" 2>/dev/null 7>&- &
	OUT_PID=$!
	tail -s 0.1 -c +1 -f --pid="$QEMU_PID" "$WORK/err" >&2 2>/dev/null 7>&- &
	ERR_PID=$!
}

# Root of a guest is root of the share where QEMU is: what could be run or opened for more than it is does not stay.
tame_share()
{
	[ -z "$share" ] || find "$share" -mindepth 1 -cnewer "$WORK/initrd" \
		\( \( -type b -o -type c -o -type p -o -type s \) -delete -o ! -type l -perm /6000 -exec chmod ug-s {} + \)
}

status_line()
{
	sed -n "s/^$1 //p" "$WORK/status"
}

live()
{
	[ ! -t 2 ] || printf '\r%s\033[K' "$*" >&2
}

booting()
{
	if [ -t 2 ]; then
		live "guest: linux $VERSION booting, $((SECONDS - STARTED)) s"
	elif [ "$1" = first ]; then
		say "guest: linux $VERSION booting"
	fi
}

# Returns when the guest has ended, or the time is up.
watch_guest()
{
	local up=false
	STARTED=$SECONDS
	booting first
	while kill -0 "$QEMU_PID" 2>/dev/null; do
		if ! $up && [ -s "$WORK/status" ]; then
			up=true
			live ''
			say "guest: linux $(status_line up) up after $((SECONDS - STARTED)) s"
		fi
		$up || booting again
		if [ $((SECONDS - STARTED)) -ge "$limit" ]; then
			stop_guest
			finish_relays
			live ''
			last_lines
			lacking "the guest did not end within $limit s and was killed: allow more with --timeout"
		fi
		sleep 0.1
	done
	$up || live ''
	QEMU_PID=
	finish_relays
}

last_lines()
{
	[ -s "$WORK/console" ] || return
	say "guest: last lines of the console:"
	tail -n 15 "$WORK/console" | tr -d '\r' | sed 's/^/guest: | /' >&2
}

cause()
{
	local panic
	panic=$(tr -d '\r' <"$WORK/console" | sed -n 's/.*Kernel panic - not syncing: /panic: /p' | head -n 1)
	echo "${panic:-qemu ended before the command did}"
}

# A QEMU that refuses its arguments says so at once, and a second try would not help.
check_qemu_log()
{
	local words
	words=$(grep -v ' warning: ' "$WORK/qemu.log" | tail -n 1)
	[ -s "$WORK/console" ] || [ -z "$words" ] || lacking "qemu could not start: $words"
}

run()
{
	local try status
	for try in 1 2; do
		start_guest
		watch_guest
		tame_share
		[ -z "$audit" ] || mv "$WORK/audit" "$audit" || lacking "cannot write $audit"
		status=$(status_line exit)
		[ -z "$status" ] || exit "$status"
		check_qemu_log
		last_lines
		say "guest: linux $VERSION died: $(cause)"
		[ $try = 2 ] || say "guest: trying once more"
	done
	lacking "linux $VERSION died twice in the guest: see the lines above, try another kernel or COPYCHAIN_QEMU"
}

find_kernel()
{
	local dir
	[ -n "$kernel" ] || kernel=$("$HERE/kernel.sh" bookworm) || exit
	[ -r "$kernel/vmlinuz" ] || lacking "no vmlinuz in $kernel: name a folder that guest/kernel.sh prints"
	kernel=$(cd "$kernel" && pwd -P)
	for dir in "$kernel"/lib/modules/*/; do
		VERSION=$(basename "$dir")
	done
}

# An audit takes a QEMU of its own.
find_emulator()
{
	EMULATOR=$("$HERE/emulator.sh") || exit
	EMULATOR=${EMULATOR%/}
	PLUGIN=$HERE/../build/audit.so
	[ -r "$PLUGIN" ] || lacking "no plugin for QEMU at $PLUGIN: run make"
	CPUS=1 # src/audit/plugin.c tells why
	QEMU=${COPYCHAIN_QEMU:-$EMULATOR/usr/bin/qemu-system-x86_64}
}

find_qemu()
{
	if [ -n "$audit" ]; then
		find_emulator
		return
	fi
	QEMU=${COPYCHAIN_QEMU:-qemu-system-x86_64}
	command -v "$QEMU" >/dev/null && return
	if [ -n "${COPYCHAIN_QEMU:-}" ]; then
		lacking "no qemu at $QEMU: correct COPYCHAIN_QEMU, or unset it and apt-get install qemu-system-x86"
	fi
	lacking "no qemu on this machine: apt-get install qemu-system-x86"
}

option_value()
{
	[ "$2" -ge 2 ] || usage_error "$1 needs a value"
}

parse()
{
	while [ $# -gt 0 ]; do
		case $1 in
		--kernel | --share | --timeout | --append | --show | --audit | --cards)
			option_value "$1" $#
			case $1 in
			--kernel) kernel=$2 ;;
			--share) share=$2 ;;
			--timeout) limit=$2 ;;
			--append) append=$2 ;;
			--show) shown+=("$2") ;;
			--audit) audit=$2 ;;
			--cards) cards=$2 ;;
			esac
			shift 2
			;;
		-h | --help)
			usage
			exit
			;;
		--)
			shift
			break
			;;
		-*) usage_error "unknown option $1" ;;
		*) break ;;
		esac
	done
	[ $# -gt 0 ] || usage_error "no command"
	[[ $limit =~ ^[1-9][0-9]*$ ]] || usage_error "--timeout takes seconds, not '$limit'"
	COMMAND=("$@")
}

CPU=max
CPUS=2
FIRST_SLOT=16
parse "$@"
take_cards
find_qemu
find_kernel
if [ -n "$share" ]; then
	{ [ -d "$share" ] && [ -w "$share" ]; } || lacking "cannot write to the folder to share, $share: name one that is yours"
	share=$(cd "$share" && pwd -P)
fi
initramfs=$("$HERE/initramfs.sh" "$kernel") || exit
WORK=$(mktemp -d "${TMPDIR:-/tmp}/copychain-guest-XXXXXX") || lacking "cannot make a temporary folder: set TMPDIR"
start_reaper
write_initrd "$initramfs" "${COMMAND[@]}"
qemu_arguments
hide_secrets
run

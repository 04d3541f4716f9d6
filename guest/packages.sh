# shellcheck shell=bash
# Which packages are missing, and how they come: packages.txt is the one list of them.

# package_rows NEED... : the rows that any of these needs
package_rows()
{
	awk -v needs=" $* " '!/^#/ && NF && index(needs, " " $2 " ")' "$TOP/packages.txt"
}

# have TEST : whether what the package is for is there, wherever it came from
have()
{
	local what=${1#*:}
	case $1 in
	command:qemu-*) command -v "${COPYCHAIN_QEMU:-$what}" >/dev/null ;;
	command:*) command -v "$what" >/dev/null || [ -x "/usr/sbin/$what" ] || [ -x "/sbin/$what" ] ;;
	static:*) command -v "$what" >/dev/null && ! ldd "$(command -v "$what")" >/dev/null 2>&1 ;;
	module:*) pkg-config --exists "$what" 2>/dev/null ;;
	file:*) compgen -G "$what" >/dev/null ;;
	*) false ;;
	esac
}

package_test()
{
	awk -v name="$1" '!/^#/ && $1 == name { print $3 }' "$TOP/packages.txt"
}

missing_packages()
{
	local package test
	package_rows "$@" | while read -r package _ test _; do
		have "$test" || echo "$package"
	done
}

apt_command()
{
	echo "apt-get install --no-install-recommends $*"
}

lists_are_empty()
{
	local lists
	lists=$(apt-config shell lists Dir::State::lists/d 2>/dev/null) && eval "$lists"
	! compgen -G "${lists%/}/*Packages*" >/dev/null
}

apt_quietly()
{
	local log
	log=$(mktemp "${TMPDIR:-/tmp}/copychain-apt-XXXXXX") || lacking "cannot write to ${TMPDIR:-/tmp}: set TMPDIR"
	if ! DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" </dev/null >"$log" 2>&1; then
		tail -n 5 "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

# need_packages NEED... : installs what is missing where that is allowed, else says how
need_packages()
{
	local missing
	[ -z "${COPYCHAIN_QEMU:-}" ] || command -v "$COPYCHAIN_QEMU" >/dev/null ||
		lacking "no qemu at $COPYCHAIN_QEMU: correct COPYCHAIN_QEMU, or unset it"
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		lacking "packages are missing; as root: $(apt_command "${missing[@]}")"
	fi
	if lists_are_empty; then
		say "packages: apt-get update"
		apt_quietly update || say "packages: apt-get update failed; going on with what there is"
	fi
	say "packages: $(apt_command "${missing[@]}")"
	apt_quietly install --no-install-recommends "${missing[@]}" ||
		lacking "apt-get could not install: ${missing[*]}"
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -eq 0 ] || lacking "still missing after apt-get install: ${missing[*]}"
}

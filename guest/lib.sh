# shellcheck shell=bash
# What the shell half of copychain shares: messages, exit statuses, the cache folder.

unset CDPATH

EXIT_USAGE=2
EXIT_ENVIRONMENT=4

# The cache may be read by one user only: it holds what will run as root in a guest.
# shellcheck disable=SC2034
CACHE=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/copychain

say()
{
	printf '%s\n' "$*" >&2
}

die()
{
	local status=$1
	shift
	say "$PROGRAM: $*"
	exit "$status"
}

usage_error()
{
	die $EXIT_USAGE "$*; see $PROGRAM --help"
}

lacking()
{
	die $EXIT_ENVIRONMENT "$*"
}

# need_tool TOOL PACKAGE
need_tool()
{
	command -v "$1" >/dev/null ||
		lacking "no $1 on this machine: apt-get install $2"
}

make_cache()
{
	mkdir -p "$1" 2>/dev/null ||
		lacking "cannot make the cache folder $1: name a writable one with XDG_CACHE_HOME"
}

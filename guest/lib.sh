# shellcheck shell=bash
# What the shell half of copychain shares: messages, exit statuses, the cache folder, children.

unset CDPATH

EXIT_USAGE=2
EXIT_ENVIRONMENT=4

# Where no HOME is set, as from cron, the one that the user has.
home_folder()
{
	getent passwd "$(id -u)" 2>/dev/null | cut -d : -f 6 | grep . || echo /dev/null
}

# The cache may be read by one user only: it holds what will run as root in a guest.
# shellcheck disable=SC2034
CACHE=${XDG_CACHE_HOME:-${HOME:-$(home_folder)}/.cache}/copychain

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

# seal_audit FILE RUN : what an emulator saw becomes a part of the run
seal_audit()
{
	chmod 600 "$1" && mv "$1" "$2/" && "$TOP/collect" seal "$2"
}

# quote WORD : as one word of any POSIX shell
quote()
{
	printf "'%s'" "${1//\'/\'\\\'\'}"
}

# supervise PROGRAM... : waits for it whatever comes; a trap may signal $CHILD, and sets ENDED to the status,
# after which nothing is begun any more. Killed outright, we take it with us: it is told to end.
supervise()
{
	local status
	[ -z "$ENDED" ] || return "$ENDED"
	setpriv --pdeathsig TERM -- "$@" <&0 &
	CHILD=$!
	# a signal that came before there was a child to tell
	[ -z "$ENDED" ] || kill -s TERM "$CHILD" 2>/dev/null
	wait "$CHILD"
	status=$?
	while kill -0 "$CHILD" 2>/dev/null; do
		wait "$CHILD"
		status=$?
	done
	CHILD=
	# it was sent SIGTERM whatever came to us
	[ -z "$ENDED" ] || [ "$status" -le 128 ] || status=$ENDED
	return "$status"
}

# shellcheck shell=bash
# TAP for tests that run a program and look at its status and words.

TAP=0
T=$(mktemp -d "${TMPDIR:-/tmp}/copychain-test-XXXXXX")
trap 'chmod -R u+w "$T" 2>/dev/null; rm -rf "$T"' EXIT

# check DESCRIPTION COMMAND... : the command's exit status decides
check()
{
	local what=$1
	shift
	TAP=$((TAP + 1))
	if "$@"; then
		echo "ok $TAP - $what"
	else
		echo "not ok $TAP - $what"
		sed 's/^/# stdout: /' "$T/out" 2>/dev/null | tail -n 20
		sed 's/^/# stderr: /' "$T/err" 2>/dev/null | tail -n 20
		echo "# status: ${STATUS:-}"
	fi
}

skip()
{
	TAP=$((TAP + 1))
	echo "ok $TAP - $1 # SKIP $2"
}

plan()
{
	echo "1..$TAP"
}

# try COMMAND... : keeps its status and its output
try()
{
	"$@" >"$T/out" 2>"$T/err" </dev/null
	STATUS=$?
}

# as_nobody COMMAND... : without root's rights, with a home of its own
as_nobody()
{
	mkdir -p "$T/home"
	chmod 0755 "$T"
	chown nobody "$T/home"
	setpriv --reuid=nobody --regid=nogroup --clear-groups \
		env HOME="$T/home" XDG_CACHE_HOME="${NOBODY_CACHE:-$T/home/.cache}" "$@"
}

status()
{
	[ "$STATUS" = "$1" ]
}

says()
{
	grep -qe "$1" "$T/err"
}

prints()
{
	grep -qe "$1" "$T/out"
}

one_line()
{
	[ "$(wc -l <"$T/err")" = 1 ]
}

all()
{
	local test
	for test; do
		eval "$test" || return 1
	done
}

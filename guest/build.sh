# shellcheck shell=bash
# Builds the programs that are older than their sources, on behalf of the front doors.

# A program is a folder of the sources with a main.c.
programs()
{
	local file
	for file in "$TOP"/src/*/main.c; do
		basename "$(dirname "$file")"
	done
}

is_stale()
{
	[ ! -x "$TOP/$1" ] ||
		[ -n "$(find "$TOP/src/$1" "$TOP/src/common" -name '*.[ch]' -newer "$TOP/$1" 2>/dev/null | head -n 1)" ]
}

build()
{
	local program stale=
	for program in $(programs); do
		! is_stale "$program" || stale="$stale $program"
	done
	[ -n "$stale" ] || return 0
	need_packages build
	say "build:$stale"
	# shellcheck disable=SC2086
	# two builds in one tree would spoil each other
	(flock 9 && make -s -C "$TOP" $stale 9>&-) 9<"$TOP/src" >&2 ||
		lacking "make failed in $TOP: see the lines above"
}

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

# make knows which sources are a program's; where nothing was built here, what is there is taken.
is_stale()
{
	[ ! -x "$TOP/$1" ] || { [ -d "$TOP/build" ] && ! env -u MAKEFLAGS make -q -s -C "$TOP" "$1" >/dev/null 2>&1; }
}

# build [FILE...] : the programs, and what else is needed
build()
{
	local program stale=
	for program in $(programs) "$@"; do
		! is_stale "$program" || stale="$stale $program"
	done
	[ -n "$stale" ] || return 0
	need_packages build
	say "build:$stale"
	# shellcheck disable=SC2086
	# two builds in one tree would spoil each other
	(flock 9 && make -s -j "$(nproc)" -C "$TOP" $stale 9>&-) 9<"$TOP/src" >&2 ||
		lacking "make failed in $TOP: see the lines above"
}

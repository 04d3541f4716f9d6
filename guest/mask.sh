#!/bin/bash
# Runs a program that sees nothing at the paths of guest/secrets, in a mount namespace of its own.
# usage: unshare -m guest/mask.sh [PATH...] -- PROGRAM ARGS...   (PATH: shown after all)
set -u
HERE=$(cd "$(dirname "$0")" && pwd)

shown=()
while [ "$1" != -- ]; do
	shown+=("$(readlink -f "$1")")
	shift
done
shift

is_shown()
{
	local path
	for path in "${shown[@]}"; do
		case $1/ in "$path"/*) return 0 ;; esac
	done
	return 1
}

# cover PATH : a folder by an empty one, a file by an empty one
cover()
{
	if [ -d "$1" ]; then
		mount -t tmpfs -o ro,mode=0755,size=0 none "$1"
	else
		mount --bind /dev/null "$1"
	fi
}

expand()
{
	local row home
	while read -r row; do
		case $row in
		'' | '#'*) ;;
		'~'*)
			for home in /root /home/* "${HOME:-/root}"; do
				compgen -G "$home${row#\~}"
			done
			;;
		*) compgen -G "$row" ;;
		esac
	done <"$HERE/secrets" | sort -u
}

while read -r path; do
	is_shown "$path" || cover "$path" || exit 4
done < <(expand)
exec "$@"

#!/bin/bash
# Prints a folder with vmlinuz and lib/modules/VERSION of a kernel, fetching it from Debian at need.
set -u

PROGRAM=guest/kernel.sh
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$HERE/lib.sh"
# shellcheck source-path=SCRIPTDIR source=work.sh
. "$HERE/work.sh"
# shellcheck source-path=SCRIPTDIR source=archive.sh
. "$HERE/archive.sh"

SUBJECT=kernel
SUCH_AS=', such as bookworm, bookworm/6.12 or trixie-backports'
OR_ELSE=', or name a folder with a kernel'

KERNELS=$CACHE/kernels

usage()
{
	cat <<'END'
usage: guest/kernel.sh [--refresh] NAME    print the folder of a kernel, fetched at need
       guest/kernel.sh --list              names and versions of the kernels in the cache
       guest/kernel.sh --mirror            the archive they come from

NAME is a Debian suite, with a series where the suite has several
(bookworm, bookworm/6.12, trixie-backports), or a folder with a kernel of your own:
vmlinuz* or bzImage, and lib/modules/VERSION; or one in which you have built a kernel.

A kernel in the cache is used without asking the mirror; --refresh asks it again.
COPYCHAIN_MIRROR, COPYCHAIN_MIRROR_SECURITY, COPYCHAIN_KEYRING: take these
instead of what the system's apt uses.
END
}

# Full kernels only: debug symbols, unsigned, cloud and realtime builds carry a word in their name.
image_names()
{
	private apt-cache pkgnames linux-image- | grep -E '^linux-image-([0-9][0-9.]*)?[^a-z]*(\+deb[0-9]+[^-]*)?-?amd64$'
}

# The metapackage; a series without one is served by the newest image of that series.
find_image()
{
	local series=$1 name
	if [ -z "$series" ]; then
		name=linux-image-amd64
	else
		name=linux-image-$series-amd64
	fi
	if [ -n "$(candidate "$name")" ]; then
		echo "$name"
	elif [ -n "$series" ]; then
		image_names | grep -E "^linux-image-${series//./\\.}[.+-]" | sort -V | tail -n 1
	fi
}

# Depends lines, first alternatives, of one package and version: "name [version]"
kernel_depends()
{
	private apt-cache show "$1=$2" | sed -n 's/^\(Pre-\)\{0,1\}Depends: //p' | tr ',' '\n' |
		sed -n 's/^ *\(linux-[^ |:(]*\)\(:[a-z0-9]*\)\{0,1\} *\((= \([^)]*\))\)\{0,1\}.*/\1 \4/p'
}

# Every package that the image needs and that belongs to the kernel, as name=version.
closure()
{
	local queue=("$1 $2") seen=' ' name version line
	while [ ${#queue[@]} -gt 0 ]; do
		read -r name version <<<"${queue[0]}"
		queue=("${queue[@]:1}")
		case $seen in *" $name "*) continue ;; esac
		seen="$seen$name "
		[ -n "$version" ] || version=$(candidate "$name")
		[ -n "$version" ] || continue
		echo "$name=$version"
		while read -r line; do
			queue+=("$line")
		done < <(kernel_depends "$name" "$version")
	done
}

unpack()
{
	local deb
	for deb in "$WORK"/debs/*.deb; do
		# a list without -q: grep leaving early would make dpkg-deb complain
		if dpkg-deb -c "$deb" | grep -c -E ' \./(usr/)?(boot|lib/modules)/.' >/dev/null; then
			dpkg-deb -x "$deb" "$WORK/root" || lacking "cannot unpack $(basename "$deb")"
		fi
	done
}

# The version stands in the header of the image, where the boot protocol says.
image_version()
{
	local at
	at=$(od -An -t u2 -j 526 -N 2 "$1" 2>/dev/null | tr -d ' ')
	[ -n "$at" ] && tail -c "+$((at + 513))" "$1" 2>/dev/null | head -c 200 | tr '\0' '\n' | sed -n '1s/ .*//p'
}

# Brings an unpacked tree into the one shape the runner knows: vmlinuz, lib/modules/VERSION.
shape()
{
	local name=$1 image version modules
	image=$(find "$WORK/root" -type f \( -name 'vmlinuz-*' -o -path '*/lib/modules/*/vmlinuz' \) | sort -V | tail -n 1)
	[ -n "$image" ] || lacking "the packages of $name hold no vmlinuz: report this as a bug"
	version=$(image_version "$image")
	modules=$(find "$WORK/root" -type d -path "*lib/modules/$version" | head -n 1)
	[ -n "$modules" ] || lacking "the packages of $name hold no modules of $version: report this as a bug"
	mkdir -p "$WORK/kernel/lib/modules"
	mv "$image" "$WORK/kernel/vmlinuz"
	mv "$modules" "$WORK/kernel/lib/modules/$version"
	# newer kmod looks below usr/lib
	ln -s . "$WORK/kernel/usr"
	depmod -b "$WORK/kernel" "$version" || lacking "depmod failed on $version"
	printf '%s\n' "$name" >"$WORK/kernel/name"
	printf '%s\n' "$version" >"$WORK/kernel/version"
}

slug()
{
	printf '%s' "$1" | tr / _
}

install_kernel()
{
	local target=$1
	if [ -e "$target" ]; then
		mv "$target" "$WORK/previous" || lacking "cannot replace $target"
	fi
	mv "$WORK/kernel" "$target" || lacking "cannot write $target"
}

fetch()
{
	local name=$1 target=$2 suite=${1%%/*} series='' image packages
	case $name in */*) series=${name#*/} ;; esac
	need_tool depmod kmod
	WORK=$(mktemp -d "$KERNELS/.work-XXXXXX") || lacking "cannot write to $KERNELS"
	say "kernel: asking the mirror for $name"
	open_archive "$suite"
	image=$(find_image "$series")
	[ -n "$image" ] ||
		lacking "$suite has no kernel $series: it has $(known_series)"
	mapfile -t packages < <(closure "$image" "$(candidate "$image")")
	if same_packages "$target"; then
		say "kernel: $name in the cache is the newest there is"
		return
	fi
	say "kernel: fetching $(printf '%s\n' "${packages[@]}" | grep -E '[0-9]-amd64=|amd64=' | tail -n 1 | cut -d = -f 1)"
	fetch_packages "$image" "${packages[@]}"
	unpack
	shape "$name"
	printf '%s\n' "${packages[@]}" >"$WORK/kernel/packages"
	install_kernel "$target"
	say "kernel: $name is linux $(cat "$target/version")"
}

same_packages()
{
	[ -r "$1/packages" ] && printf '%s\n' "${packages[@]}" | cmp -s - "$1/packages"
}

known_series()
{
	image_names | sed -n 's/^linux-image-\([0-9]*\.[0-9]*\).*/\1/p' | sort -uV | tr '\n' ' ' | sed 's/ $//; s/ /, /g'
}

own_image()
{
	local image
	for image in "$1"/vmlinuz "$1"/bzImage "$1"/vmlinuz-* "$1"/boot/vmlinuz-* "$1"/arch/x86/boot/bzImage; do
		if [ -r "$image" ] && [ -f "$image" ]; then
			echo "$image"
			return
		fi
	done
}

own_modules()
{
	local dir version=$2
	for dir in "$1/lib/modules/$version" "$1/usr/lib/modules/$version" "$1/modules/$version" "$1/modules"; do
		if [ -r "$dir/modules.dep" ]; then
			echo "$dir"
			return
		fi
	done
}

# Is anything of a build newer than this? A module that was built again alone leaves modules.order as it is.
# shellcheck disable=SC2016
newer_build()
{
	local dir=$1 image=$2 than=$3
	[ ! -r "$than" ] || [ "$image" -nt "$than" ] || [ "$dir/modules.order" -nt "$than" ] ||
		sed 's/\.o$/.ko/' "$dir/modules.order" | (cd "$dir" &&
			xargs -rd '\n' sh -c 'find "$@" -maxdepth 0 -newer "$0"' "$than" 2>/dev/null) | grep -q .
}

# A build folder has its modules strewn about: its own Makefile installs them below a folder of ours.
built_modules()
{
	local dir=$1 version=$2 image=$3 view=$4 target=$4/lib/modules/$2
	{ [ -r "$dir/Makefile" ] && [ -r "$dir/modules.order" ]; } || return 0
	lock "$(basename "$view")" "another install of $dir's modules"
	if newer_build "$dir" "$image" "$target/modules.dep"; then
		need_tool make make
		need_tool depmod kmod
		say "kernel: installing the modules of $1"
		rm -rf "$view"
		mkdir -p "$view"
		env -u MAKEFLAGS make -s -C "$dir" INSTALL_MOD_PATH="$view" INSTALL_MOD_STRIP=1 modules_install >"$view.log" 2>&1 ||
			lacking "make modules_install failed in $dir: $(tail -n 1 "$view.log")"
		depmod -b "$view" "$version" || lacking "depmod failed on $version of $dir"
	fi
	echo "$target"
}

# A kernel of the user's own is shown through a folder of links, and never written to.
own_kernel()
{
	local dir image version modules view
	dir=$(cd "$1" && pwd -P) || lacking "cannot enter $1"
	image=$(own_image "$dir")
	[ -n "$image" ] || lacking "no vmlinuz* or bzImage in $1: name a folder that holds one, with lib/modules/VERSION"
	version=$(image_version "$image")
	[ -n "$version" ] || lacking "$image is no bootable x86 kernel image"
	make_cache "$KERNELS"
	view=$KERNELS/.own-$(printf '%s' "$dir:$version" | cksum | tr -d ' ')
	modules=$(own_modules "$dir" "$version")
	[ -n "$modules" ] || modules=$(built_modules "$dir" "$version" "$image" "$view-built") || exit
	[ -n "$modules" ] ||
		lacking "no lib/modules/$version/modules.dep in $1: make modules_install INSTALL_MOD_PATH=$1"
	# whoever gets the folder takes the one version in it
	if [ "$image" = "$dir/vmlinuz" ] && [ "$modules" = "$dir/lib/modules/$version" ] &&
		[ "$(printf '%s\n' "$dir"/lib/modules/*/)" = "$modules/" ]; then
		echo "$dir"
		return
	fi
	mkdir -p "$view/lib/modules"
	ln -sfn "$image" "$view/vmlinuz"
	ln -sfn "$modules" "$view/lib/modules/$version"
	echo "$view"
}

# lock NAME WHAT : one process at a time does this, until the shell that asked ends
lock()
{
	need_tool flock util-linux
	exec 9>"$KERNELS/.lock-$1" || lacking "cannot write to $KERNELS"
	flock -n 9 || { say "kernel: waiting for $2"; flock 9; }
}

suite_kernel()
{
	local name=$1 refresh=$2 target
	target=$KERNELS/$(slug "$name")
	make_cache "$KERNELS"
	if ! $refresh && [ -r "$target/version" ]; then
		echo "$target"
		return
	fi
	lock "$(slug "$name")" "another fetch of $name"
	if $refresh || [ ! -r "$target/version" ]; then
		fetch "$name" "$target"
	fi
	echo "$target"
}

list()
{
	local dir
	for dir in "$KERNELS"/*/; do
		[ -r "$dir/version" ] && printf '%s\t%s\n' "$(cat "$dir/name")" "$(cat "$dir/version")"
	done
	return 0
}

main()
{
	local refresh=false name
	while [ $# -gt 0 ]; do
		case $1 in
		--refresh) refresh=true ;;
		--list)
			[ $# -eq 1 ] || usage_error "--list takes no name"
			list
			exit
			;;
		--mirror)
			[ $# -eq 1 ] || usage_error "--mirror takes no name"
			archive_row main | cut -f 1 | grep . || lacking "apt on this machine knows no Debian archive"
			exit
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
		shift
	done
	[ $# -eq 1 ] || usage_error "one kernel name expected"
	name=$1
	if [[ $name =~ ^[a-z][a-z-]*(/[0-9]+(\.[0-9]+)*)?$ ]]; then
		suite_kernel "$name" "$refresh"
	elif [ -d "$name" ]; then
		own_kernel "$name"
	else
		lacking "no kernel '$name': name a Debian suite (bookworm, bookworm/6.12, trixie-backports) or a folder with vmlinuz and lib/modules"
	fi
}

main "$@"

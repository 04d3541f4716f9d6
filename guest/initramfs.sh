#!/bin/bash
# Prints the path of an initramfs for a kernel folder, built at need: busybox and the few modules to reach the host's files.
set -u

PROGRAM=guest/initramfs.sh
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$HERE/lib.sh"
# shellcheck source-path=SCRIPTDIR source=work.sh
. "$HERE/work.sh"

MODULES='virtio_pci 9pnet_virtio 9p overlay virtio_console'

# module_files FOLDER : the files to load, in the order that works
module_files()
{
	# word splitting is the point: one module a word
	# shellcheck disable=SC2086
	printf '%s\n' $MODULES | awk -v folder="$1" '
		function load(path,    part, n, i) {
			n = split(dep[path], part, " ")
			for (i = n; i > 0; i--)
				load(part[i])
			if (!(path in loaded))
				print path
			loaded[path] = 1
		}
		function module(path) {
			sub(/.*\//, "", path)
			sub(/\.ko.*/, "", path)
			gsub(/-/, "_", path)
			return path
		}
		BEGIN {
			while ((getline line < (folder "/modules.dep")) > 0) {
				at = index(line, ":")
				path = substr(line, 1, at - 1)
				file[module(path)] = path
				dep[path] = substr(line, at + 1)
			}
			while ((getline line < (folder "/modules.builtin")) > 0)
				builtin[module(line)] = 1
		}
		{
			if ($1 in file)
				load(file[$1])
			else if (!($1 in builtin))
				print "missing " $1
		}'
}

# The kernel would unpack each module slowly in an emulated machine; it is done here.
unpack_module()
{
	case $1 in
	*.ko) cat "$1" ;;
	*.ko.xz) "$BUSYBOX" xzcat "$1" ;;
	*.ko.gz) "$BUSYBOX" zcat "$1" ;;
	*.ko.zst) need_tool zstd zstd && zstd -dcq "$1" ;;
	esac
}

build()
{
	local modules=$1 target=$2 file name n=0
	WORK=$(mktemp -d "${target%/*}/.work-XXXXXX") || lacking "cannot write to ${target%/*}"
	mkdir -p "$WORK/tree"/{bin,dev,proc,host,layer,new,modules}
	cp "$BUSYBOX" "$WORK/tree/bin/busybox"
	cp "$HERE/early" "$WORK/tree/init"
	cp "$HERE/init" "$WORK/tree/init.guest"
	chmod 0755 "$WORK/tree/init"
	: >"$WORK/tree/modules/order"
	while read -r file; do
		case $file in
		'missing '*) lacking "the kernel in ${modules%/lib/modules/*} has no module ${file#missing }: build it with what guest/kernel.config names" ;;
		esac
		n=$((n + 1))
		name=$n-$(basename "${file%.ko*}").ko
		unpack_module "$modules/$file" >"$WORK/tree/modules/$name" || lacking "cannot unpack $modules/$file"
		echo "$name" >>"$WORK/tree/modules/order"
	done < <(module_files "$modules")
	(cd "$WORK/tree" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$WORK/image" ||
		lacking "cpio failed for $target"
	mv "$WORK/image" "$target" || lacking "cannot write $target"
}

[ $# -eq 1 ] || usage_error "one kernel folder expected"
BUSYBOX=$(command -v busybox) || lacking "no busybox on this machine: apt-get install busybox-static"
need_tool cpio cpio
for modules in "$1"/lib/modules/*/; do
	modules=${modules%/}
	version=${modules##*/}
done
[ -r "$modules/modules.dep" ] || lacking "no lib/modules/VERSION/modules.dep in $1: name a kernel folder, see guest/kernel.sh --help"
make_cache "$CACHE/initramfs"
key=$(cat "$0" "$HERE/early" "$HERE/init" "$BUSYBOX" "$modules/modules.dep" | cksum | tr -d ' ')
image=$CACHE/initramfs/$version-$key.cpio
[ -r "$image" ] || build "$modules" "$image"
echo "$image"

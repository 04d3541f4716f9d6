#!/bin/bash
# description: kernels and guests are refused with status 2 or 4 and one line that helps
# requires: qemu-system-x86_64, busybox, cpio
# The tests are evaluated by all, so that their words stand in single quotes.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/shell/tap.sh
. tests/shell/tap.sh

export XDG_CACHE_HOME=$T/cache
unset COPYCHAIN_QEMU COPYCHAIN_QEMU_ARGS COPYCHAIN_APPEND

# A kernel folder good enough for all that comes before the boot.
make_kernel()
{
	mkdir -p "$1/lib/modules/6.1.0-test/kernel"
	: >"$1/vmlinuz"
	: >"$1/lib/modules/6.1.0-test/modules.dep"
	printf 'kernel/%s.ko\n' virtio_pci 9pnet_virtio 9p overlay virtio_console >"$1/lib/modules/6.1.0-test/modules.builtin"
}

leftovers()
{
	[ -z "$(find "$T/tmp" -mindepth 1)" ]
}

for name in 'no such' Bookworm bookworm/ /bookworm bookworm/x ../bookworm ''; do
	try guest/kernel.sh "$name"
	check "kernel '$name' is refused" all 'status 4' one_line 'says "name a Debian suite"'
done
try guest/kernel.sh
check "no kernel name is wrong usage" all 'status 2' one_line
try guest/kernel.sh a b
check "two kernel names are wrong usage" all 'status 2' one_line
try guest/kernel.sh --nonsense bookworm
check "an unknown option is wrong usage" all 'status 2' 'says "unknown option --nonsense"'
try guest/kernel.sh --help
check "--help goes to stdout" all 'status 0' 'prints "^usage:"'
try guest/kernel.sh --list
check "an empty cache lists nothing" all 'status 0' '[ ! -s "$T/out" ]'

mkdir "$T/mirror"
try env COPYCHAIN_MIRROR="file:$T/mirror" guest/kernel.sh nosuchsuite
check "a suite that the mirror lacks" all 'status 4' 'says "no suite nosuchsuite"'
check "and nothing stays of the try" all '[ -z "$(ls -d "$T"/cache/copychain/kernels/.work-* 2>/dev/null)" ]'

# An archive that nobody has signed.
dist=$T/mirror/dists/bookworm
mkdir -p "$dist/main/binary-amd64"
: >"$dist/main/binary-amd64/Packages"
printf 'Suite: bookworm\nCodename: bookworm\nComponents: main\nArchitectures: amd64\nDate: %s\nSHA256:\n %s 0 main/binary-amd64/Packages\n' \
	"$(LC_ALL=C date -uR)" "$(sha256sum </dev/null | cut -d ' ' -f 1)" >"$dist/Release"
try env COPYCHAIN_MIRROR="file:$T/mirror" guest/kernel.sh bookworm
check "a mirror without a signature is named as such" all 'status 4' 'says "bookworm is not signed by a key that apt trusts"'

try env -u HOME -u XDG_CACHE_HOME guest/kernel.sh --list
check "without HOME the user's own folder is taken" all 'status 0' '[ ! -e /nonexistent ]'
cp "$T/out" "$T/without"
try env -u XDG_CACHE_HOME HOME="$(getent passwd "$(id -u)" | cut -d : -f 6)" guest/kernel.sh --list
check "which is the one that HOME names otherwise" cmp -s "$T/out" "$T/without"

if [ "$(id -u)" = 0 ]; then
	try as_nobody env XDG_CACHE_HOME=/proc/nowhere guest/kernel.sh bookworm
	check "an unwritable cache" all 'status 4' one_line 'says XDG_CACHE_HOME'
else
	skip "an unwritable cache" "takes root to become nobody"
fi

mkdir -p "$T/cache/copychain/kernels/bookworm"
echo bookworm >"$T/cache/copychain/kernels/bookworm/name"
echo 6.1.0-test >"$T/cache/copychain/kernels/bookworm/version"
try env COPYCHAIN_MIRROR=file:/nonexistent guest/kernel.sh bookworm
check "a kernel in the cache is taken without the mirror" all 'status 0' 'prints "/kernels/bookworm$"'
try guest/kernel.sh --list
check "and is listed" all 'status 0' 'prints "^bookworm.6.1.0-test$"'

mkdir "$T/empty"
try guest/kernel.sh "$T/empty"
check "a folder without a kernel" all 'status 4' one_line 'says "no vmlinuz"'
make_kernel "$T/own kernel"
try guest/kernel.sh "$T/own kernel"
check "a folder whose image is none" all 'status 4' one_line 'says "no bootable"'

. guest/cards.sh
try card_models all
check "the models that a guest has are those that traffic knows" all \
	'[ "$(cat "$T/out")" = "$(sed -n "s/^CARD(\"\([^\"]*\).*/\1/p" src/traffic/cards.def)" ]'
TOP=$PWD
needs()
{
	[ "$(cards_of_words "${@:2}" | comma_list)" = "$1" ]
}
check "what a command needs: a path" needs pcnet ./traffic udp --path=nics:pcnet --count 3
check "a path in a word of its own" needs tulip ./traffic testbed nics:tulip -- true
check "a set" needs "$(card_models all | comma_list)" ./traffic set --only x cards
check "nothing" needs '' ./traffic set default
check "a program that is not ours" needs '' ./mine set cards

make_kernel "$T/kernel"
mkdir "$T/tmp"
export TMPDIR=$T/tmp
try guest/run.sh
check "no command is wrong usage" all 'status 2' one_line
try guest/run.sh --timeout x -- true
check "a time limit that is no number" all 'status 2' 'says "not .x."'
try guest/run.sh --timeout
check "an option without its value" all 'status 2' 'says "needs a value"'
try guest/run.sh --cards e1000,abacus -- true
check "a card that there is not" all 'status 2' one_line 'says "no card .abacus.: there are e1000 "'
try guest/run.sh --kernel "$T/empty" -- true
check "a kernel folder without a kernel" all 'status 4' one_line 'says "no vmlinuz"'
try guest/run.sh --kernel "$T/kernel" --share /nonexistent -- true
check "a share that is not there" all 'status 4' one_line 'says "/nonexistent"'
try env COPYCHAIN_QEMU=/nonexistent guest/run.sh --kernel "$T/kernel" -- true
check "no QEMU" all 'status 4' one_line 'says "qemu-system-x86"'
try env COPYCHAIN_QEMU='false' guest/run.sh --kernel "$T/kernel" -- true
check "a QEMU that dies at once is tried twice" all 'status 4' 'says "trying once more"' 'says "died twice"'
try env COPYCHAIN_QEMU_ARGS=-nonsense guest/run.sh --kernel "$T/kernel" -- true
check "QEMU's own words about its arguments" all 'status 4' 'says "nonsense"'
check "nothing stays" leftovers

# The quoting of the job, seen through a QEMU that only keeps its initramfs.
cat >"$T/keep" <<END
#!/bin/bash
while [ "\$1" != -initrd ]; do shift; done
cp "\$2" "$T/initrd"
END
chmod +x "$T/keep"
word="it's \"a\" \$word; *"
try env COPYCHAIN_QEMU="$T/keep" guest/run.sh --kernel "$T/kernel" -- printf '%s\n' "$word" "two
lines"
(cd "$T" && busybox cpio -i job <initrd) 2>/dev/null
quoted_right()
{
	[ "$(sh -c '. "$1"; b=; run_job' sh "$T/job" 2>/dev/null)" = "$word"$'\n'two$'\n'lines ]
}
check "words reach the guest as they are" quoted_right
plan

# shellcheck shell=bash disable=SC2034
# Nights whose guests are played by tests/tools/fakeqemu: kernels that are none, recordings of real ones.

unset COPYCHAIN_QEMU_ARGS COPYCHAIN_APPEND
export XDG_CACHE_HOME=$T/cache FAKE=$T/fake COPYCHAIN_QEMU=$PWD/tests/tools/fakeqemu
NIGHTS=$T/nights
mkdir "$FAKE"

for name in bookworm bookworm/6.12; do
	dir=$T/cache/copychain/kernels/${name/\//_}
	mkdir -p "$dir/lib/modules/6.1.0-test"
	: >"$dir/vmlinuz"
	: >"$dir/lib/modules/6.1.0-test/modules.dep"
	printf 'kernel/%s.ko\n' virtio_pci 9pnet_virtio 9p overlay virtio_console >"$dir/lib/modules/6.1.0-test/modules.builtin"
	echo "$name" >"$dir/name"
	echo 6.1.0-test >"$dir/version"
done
for name in bookworm bookworm-swiotlb bookworm-6.12 bookworm-rdma bookworm-6.12-rdma; do
	mkdir -p "$T/golden/$name"
	tar -C "$T/golden/$name" -xf "tests/golden/$name.tar.xz"
done

# plays LABEL WHAT : a run folder that the guest of this kernel records, or what becomes of it
plays()
{
	echo "$2" >"$FAKE/$1"
}

regress()
{
	try ./regress.sh --nights "$NIGHTS" --jobs 1 --no-cost "$@"
}

latest()
{
	echo "$NIGHTS/latest/$1"
}

json()
{
	python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); sys.exit(not eval("(" + sys.argv[2] + ")"))' "$@"
}

digest()
{
	echo "$(latest jobs)/$1/digest.json"
}

fakes_left()
{
	grep -qsaF "$FAKE/" /proc/[0-9]*/environ 2>/dev/null && pgrep -f "$COPYCHAIN_QEMU" >/dev/null
}

# wait_until COMMAND... : succeeds, for half a minute at most
wait_until()
{
	local tries=0
	until "$@" || [ $tries -gt 300 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

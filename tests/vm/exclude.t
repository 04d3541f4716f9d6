#!/bin/bash
# description: a copy whose probe is left out is still counted, as a copy of unknown site
# requires: kernels in the cache or a mirror, python3; boots two virtual machines
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

cat >"$T/job" <<'END_OF_JOB'
record()
{
	./collect.sh run --native --exclude-site "$1" --out "$share/$1" -- \
		./traffic udp --path "$2" --size 128 --count 100
}
share=$1
record ip_generic_getfrag lo && record udp_recvmsg lo && record e1000_clean_rx_irq nics
END_OF_JOB

# excluded SITE FLOW : what holds whichever copy it was
excluded()
{
	NAME="$kernel, without $1"
	analyze_run "$share/$1" --require-exact
	check "$NAME: --require-exact exits 3" status 3
	claims "$share/$1" "$share/$1.report" "site=$1" "name=$2" <<-'CLAIMS'
		the run says what was left out | {s.split("+")[0].split(":")[-1] for s in run.probes.excluded} == {site}
		no hit of it is in the trace | site not in flow(name).hits()
		no message is taken for a shorter one | [flow(name).messages, flow(name).size.min, flow(name).size.max] == [100, 128, 128]
		no verdict is exact | a.verdict != "exact" and flow(name).verdict != "exact" and flow(name).why
		bytes without a chain, or a copy of unknown site for each message | flow(name).accounted == 0 or flow(name).hits("copy, site unknown") == {None: 100}
		nothing was lost | a.lost == 0
	CLAIMS
}

# The receiving driver's copy has a packet on each side that names its bytes.
driver()
{
	claims "$share/$1" "$share/$1.report" "name=$2" <<-'CLAIMS'
		the count does not fall to 2 | flow(name).copies == {"min": 3, "mean": 3.0, "max": 3}
		one copy a message is of unknown site | flow(name).hits("copy, site unknown") == {None: 100}
		the others are known | flow(name).hits() == {"ip_generic_getfrag": 100, "udp_recvmsg": 100}
		it stands between them | [h.kind for h in flow(name).hops if h.kind.startswith("copy")] == ["copy", "copy, site unknown", "copy"]
		and writes where the receiver reads | flow(name).of_kind("copy, site unknown")[0].dst == flow(name).of_kind("copy")[1].src
		all arrived | (flow(name).delivered, flow(name).accounted) == (len(log(name).reads), 1.0)
		the verdict is at-least, because of that | flow(name).verdict == "at-least" and "site is unknown (100)" in flow(name).why
		without a gap | flow(name).gap.max == 0
	CLAIMS
}

exclude()
{
	local kernel=$1 share=$T/share
	mkdir "$share"
	in_guest "$kernel" --share "$share" -- sh "$T/job" "$share"
	check "$kernel: three recordings" status 0
	excluded e1000_clean_rx_irq udp-nics-128
	driver e1000_clean_rx_irq udp-nics-128
	excluded ip_generic_getfrag udp-lo-128
	excluded udp_recvmsg udp-lo-128
	rm -rf "$share"
}

kernels bookworm/6.12 -- "$@"
for kernel in "${KERNELS[@]}"; do
	exclude "$kernel"
done
plan

#!/bin/bash
# description: regressions planted in one kernel are found in their flow, hop and site; a planted change is none
# requires: a kernel in the cache or a mirror, ethtool; boots five virtual machines
# The tests are evaluated by all, so that their words stand in single quotes.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

KERNEL=${1:-bookworm}
FLOWS=default:udp-lo-64,udp-nics-128,udp-nics-1400

night()
{
	try ./regress.sh --nights "$T/nights" --jobs 1 --flows "$FLOWS" "$@"
}

# of KERNEL : what the report on standard output says of one kernel, in the place of all of it
of()
{
	cp "$T/out" "$T/all"
	awk -v k="$1" '/^[^ ].* \(/ { on = index($0, k " (") == 1 } on' "$T/all" >"$T/out"
}

night --kernels "base=$KERNEL,copybreak=$KERNEL,bounce=$KERNEL" --setup copybreak='rmmod e1000 && modprobe e1000 copybreak=1600' \
	--append bounce=swiotlb=force
check "planted regressions: 1" status 1
cp "$T/out" "$T/report"
of copybreak
check "copybreak=1600: one copy more at 1400 bytes, none elsewhere" all 'prints "^udp-nics-1400  *2.000>3.000"' 'prints "^udp-nics-128  *3.000  *3.000"' 'prints "^udp-lo-64 .*same"'
check "copybreak=1600: by the driver" prints 'new: e1000:e1000_clean_rx_irq by memcpy copies each byte 1.000 times'
check "copybreak=1600: after the device wrote" prints 'new: copy at e1000:e1000_clean_rx_irq, after dma device wrote'
cp "$T/report" "$T/out"
of bounce
check "swiotlb=force: two copies more over cards" all 'prints "^udp-nics-1400  *2.000>4.000"' 'prints "^udp-nics-128  *3.000>5.000"' 'prints "^udp-lo-64 .*same"'
check "swiotlb=force: by the bounce buffers" prints 'new: swiotlb_bounce by memcpy copies each byte 2.000 times'
check "swiotlb=force: one before the wire and one behind" all 'prints "new: copy at swiotlb_bounce, after handoff driver eth0"' '[ "$(grep -c "new: copy at swiotlb_bounce" "$T/out")" = 4 ]'

night --kernels "nocsum=$KERNEL" --baseline "$T/nights/latest/jobs/base/digest.json" \
	--setup nocsum='ethtool -K eth0 tx off && ethtool -K eth1 tx off'
check "checksum offload off: 0, and listed" all 'status 0' 'prints "new: ip_generic_getfrag by csum_and_copy_from_iter"' 'prints "gone: ip_generic_getfrag by _copy_from_iter"' 'prints "^udp-nics-1400  *2.000  *2.000"'
plan

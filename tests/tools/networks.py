#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Writes docs/networks.md from reports on runs of `./traffic set networks`, one a kernel:

    for k in bookworm bookworm/6.12 trixie-backports; do
        ./collect.sh run --vm=$k --out runs/networks-${k##*/} -- ./traffic set networks
        ./analyze --report json runs/networks-${k##*/}
    done
    tests/tools/networks.py reports/networks-*/ >docs/networks.md

All figures come from the reports; what a testbed is comes from `./traffic testbed --list`."""
import json
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INTRO = """# Networks

Every testbed is a row of `src/traffic/testbeds.def`: namespaces, devices and addresses of its own, set up for a
flow or for a program of yours, and removed again. Neighbours are found by ARP and neighbour discovery, as everywhere.

```
./traffic testbed --list                           # all of them
./traffic testbed --show vlan                      # how one is set up
./collect.sh run -- ./traffic udp --path vlan      # our flow over it
./collect.sh run --with vlan -- ./client           # a program of yours at the sender's end
./collect.sh run -- ./traffic set networks         # a flow over each, which is what the table is made from
```

A program finds in its environment `COPYCHAIN_SRC` and `COPYCHAIN_DST`, the addresses, where there is IPv6 also
`COPYCHAIN_SRC6` and `COPYCHAIN_DST6`; `COPYCHAIN_BIND`, where a receiver binds (another address than
`COPYCHAIN_DST` behind NAT); `COPYCHAIN_DEV_SRC` and `_DST`, the devices; and `COPYCHAIN_NS_SRC` and `_DST`, the
namespaces for `ip netns exec`. `TESTBED,static` has static neighbours, where both ends are on one link.

| testbed | network | bytes | copies | DMA, wire | transforms | dead copies | arrived | verdict |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""
OUTRO = """
Copies, DMA, wire and transforms are per delivered byte, dead copies per byte sent. Where kernels differ, the
figures are those of {kernels}, in this order.

- The first message of each flow waits until ARP has found its receiver, and so do the next ones of `neigh-slow`.
- Reassembly copies the second fragment behind the first one, where that has room: 128 of 1400 bytes.
- What netem duplicates is copied once by the sender, and to the receiver each time it arrives.
- Mirrored frames share their bytes with what they mirror; `nft dup` copies them.
- What did not arrive was dropped by the kernel, for the reason given: a message to a neighbour that is not there, one
  that is too long for a path which the sender does not know yet, and what netem loses.
"""


def load(report):
    with open(os.path.join(report, "analysis.json"), encoding="utf-8") as f:
        return json.load(f)


def number(value):
    return f"{value:.3f}".rstrip("0").rstrip(".")


def figure(flows, fn):
    """What fn says of each kernel's flow: once, if all say the same."""
    words = [fn(f) for f in flows]
    return words[0] if len(set(words)) == 1 else " / ".join(words)


def arrived(flow):
    """How many a network loses may depend on chance."""
    if flow["delivered"] == flow["messages"]:
        return "all"
    return ("not all" if flow["delivered"] else "none") + ": " + ", ".join(flow["drops"])


def row(name, about, flows):
    cells = [
        f"`{name}`", about, str(flows[0]["size"]["max"]),
        figure(flows, lambda f: number(f["copies"]["mean"])),
        figure(flows, lambda f: f"{number(f['dma']['mean'])}, {number(f['wire']['mean'])}"),
        figure(flows, lambda f: number(f["transforms"]["mean"])),
        figure(flows, lambda f: number(f["dead_copy_bytes"] / f["sent_bytes"])),
        figure(flows, arrived),
        figure(flows, lambda f: f["verdict"] + (f": {f['why']}" if f["why"] else "")),
    ]
    return "| " + " | ".join(cells) + " |\n"


def main():
    reports = [load(path) for path in sys.argv[1:]]
    listed = subprocess.run([os.path.join(TOP, "traffic"), "testbed", "--list"], check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    about = dict(line.split(None, 1) for line in listed.splitlines())
    # of udp-NETWORK-SIZE
    by_name = [{f["name"].split("-", 1)[1].rsplit("-", 1)[0]: f for f in r["flows"]} for r in reports]
    if not reports:
        sys.exit(__doc__)
    out = INTRO
    for name in by_name[0]:
        out += row(name, about[name].strip(), [flows[name] for flows in by_name])
    kernels = ", ".join(r["kernel"] for r in reports)
    sys.stdout.write(out + OUTRO.format(kernels=kernels))


main()

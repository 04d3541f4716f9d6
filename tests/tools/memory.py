#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Looks for the payload in saved guest memory, at the physical addresses that a report gives:
memory.py WORD HELD READ REPORT... with a report per message. HELD was saved while the messages
were queued, READ after they had been read. Prints a TAP-like line per check."""
import os
import sys

import evidence

PAGE = 4096


def addresses(hops):
    """(what, when, physical address, length) of each place that must hold the payload.
    Device and stack hand the same buffer on; what stands in it is what the last copy wrote."""
    start, last = hops[0], hops[-1]
    yield "sender's buffer", "held", start.src_phys, start.length
    yield "sender's buffer", "read", start.src_phys, start.length
    queued = [h for h in hops if h.holder == "receive queue"][-1]
    yield "queued kernel buffer", "held", queued.dst_phys, queued.length
    yield "source of the last copy", "held", last.src_phys, last.length
    yield "receiver's buffer", "read", last.dst_phys, last.length


def main():
    word, held, read, *reports = sys.argv[1:]
    word = int(word, 16).to_bytes(4, "little")
    images = {"held": open(held, "rb"), "read": open(read, "rb")}
    chains = []
    for r in reports:
        for f in evidence.load(os.path.join(r, "analysis.json")).flows:
            chains.append((f.name, f.example[0].message, f.example[0].hops))
    claimed = {int(h[k], 16) for _, _, hops in chains for h in hops
               for k in ("src_phys", "dst_phys") if k in h}

    def holds(when, at, length):
        image = images[when]
        image.seek(at)
        return image.read(length) == (word * (length // 4 + 1))[:length]

    for name, message, hops in chains:
        for what, when, at, length in addresses(hops):
            at = int(at, 16)
            further = at + PAGE
            while further in claimed:  # another message may lie there
                further += PAGE
            where = f"{name} message {message}, {when}: {what}"
            print(f"{'pass' if holds(when, at, length) else 'fail'}|{where} at {at:#x}, {length} bytes")
            print(f"{'fail' if holds(when, further, length) else 'pass'}|{where}: not a page further")


main()

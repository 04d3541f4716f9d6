#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Looks for the payload in saved guest memory, at the pages that the report says were pinned:
pinned.py WORD ANALYSIS.JSON HELD READ. HELD was saved before the first message, READ after the last.
Prints a TAP-like line per check."""
import sys

import evidence

PAGE = 4096


def main():
    word, analysis, held, read = sys.argv[1:]
    page = int(word, 16).to_bytes(4, "little") * (PAGE // 4)
    images = {"held": open(held, "rb"), "read": open(read, "rb")}
    flow = evidence.load(analysis).flows[0]
    claimed = {int(p, 16) for end in (flow.sender, flow.receiver) for p in end.region.pages}

    def holds(when, at):
        images[when].seek(at)
        return images[when].read(PAGE) == page

    for side in ("sender", "receiver"):
        for text in flow[side].region.pages:
            at = int(text, 16)
            further = next(p for p in range(at + PAGE, at + 64 * PAGE, PAGE) if p not in claimed)
            before = holds("held", at) == (side == "sender")
            good = before and holds("read", at)
            print(f"{'pass' if good else 'fail'}|{side}'s page {text}: the payload is there"
                  f"{'' if side == 'sender' else ', not before it was sent'}")
            print(f"{'fail' if holds('read', further) else 'pass'}|{side}'s page {text}: not in a page further")


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Looks for the payload of one RDMA flow in saved guest memory, at the pages that its log gives:
registered.py LOG HELD READ. HELD was saved before the first message, READ after the last.
Prints a TAP-like line per check."""
import json
import sys

PAGE = 4096


def check(good, what):
    print(f"{'pass' if good else 'fail'}|registered: {what}")


def main():
    log, held, read = sys.argv[1:]
    lines = [json.loads(line) for line in open(log)]
    flow = next(line for line in lines if line["kind"] == "flow")
    size = flow["size"]
    payload = (int(flow["fill"], 16).to_bytes(4, "little") * (size // 4 + 1))[:size]
    images = {"held": open(held, "rb"), "read": open(read, "rb")}

    def memory(when, pages):
        found = b""
        for pfn in pages["pfns"]:
            images[when].seek(int(pfn, 16) * PAGE)
            found += images[when].read(PAGE)
        return found

    places = range(flow["depth"])
    stride = (size + PAGE - 1) // PAGE * PAGE

    def holds(when, pages):
        found = memory(when, pages)
        return [found[at * stride:at * stride + size] == payload for at in places]

    for side in ("send", "recv"):
        region = next(r for r in lines if r["kind"] == "region" and r["side"] == side)
        before, after = (p for p in lines if p["kind"] == "pages" and p["side"] == side)
        check((region["va"], region["len"], region["pid"]) == (before["va"], before["len"], before["pid"]),
              f"{side}: the region is the buffer")
        check(len(before["pfns"]) * PAGE == region["len"] == stride * flow["depth"], f"{side}: all of its pages are told")
        check(before["pfns"] == after["pfns"], f"{side}: they are pinned: none has moved")
        check(holds("held", before) == [side == "send"] * flow["depth"],
              f"{side}: {'all of' if side == 'send' else 'none of'} the payload in memory before the first message")
        check(holds("read", before) == [True] * flow["depth"], f"{side}: all of it in memory after the last")


main()

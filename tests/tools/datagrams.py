#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Holds the log of `traffic set datagrams` against itself: datagrams.py LOG [SKIPPED...]

Each message was sent and arrived whole where it had to, and each flow did what its name says. Flows that
may be missing are named by their paths (nics). Prints what is wrong; exits 1 if anything is."""
import json
import sys

PEEK, TRUNC, MORE = 2, 0x20, 0x8000


class Flow:
    def __init__(self, begin, lines):
        self.begin, self.name, self.size, self.count = begin, begin["name"], begin["size"], begin["count"]
        self.sends = [x for x in lines if x["kind"] == "send"]
        self.end = lines[-1]
        watcher = begin.get("observer", {}).get("pid")
        recvs = [x for x in lines if x["kind"] == "recv"]
        self.seen = [x for x in recvs if x["pid"] == watcher]
        self.recvs = [x for x in recvs if x["pid"] != watcher]
        self.reads = [x for x in self.recvs if not x["flags"] & PEEK]
        self.pages = [x for x in lines if x["kind"] == "pages"]

    def receivers(self):
        return self.end.get("receivers", [self.end])

    def of(self, lines, key, default=None):
        """The values of a member, and what it is where it is left out."""
        return {x.get(key, default) for x in lines}


def payload(line):
    return line.get("got", line["result"]) - line.get("skip", 0)


def sent(f):
    assert f.begin["flow"] == f.end["flow"] and f.end["kind"] == "end" and f.end["sent"] == f.count, f.end
    parts = {}
    for s in f.sends:
        assert s["result"] == s["len"], s
        assert parts.get(s["seq"], 0) == s.get("off", 0), s
        parts[s["seq"]] = parts.get(s["seq"], 0) + s["len"] - s.get("skip", 0)
    assert parts == {seq: f.size for seq in range(f.count)}, parts
    assert f.end["sent_bytes"] == f.size * f.count


def arrived(f):
    """To each receiver of many, or to one of a group."""
    every = f.begin["proto"] in ("raw", "packet") or "cast" in f.name
    copies = len(f.receivers()) if every else 1
    # a datagram that is cut may cut the message at several places
    want = 600 if "short" in f.name or "trunc" in f.name else f.size
    want = 20001 if "short-segments" in f.name else want
    got = {}
    for r in f.reads:
        assert r["verified"] is True, r
        got[r["seq"]] = got.get(r["seq"], 0) + payload(r)
    assert got == {seq: copies * want for seq in range(f.count)}, got
    assert f.end["received"] == copies * f.count and f.end["bad"] == 0, f.end
    assert f.end["received_bytes"] == sum(got.values()), f.end
    if every:
        assert all(r["received"] == f.count for r in f.receivers()), f.end


def pages(f):
    """Each process has a buffer of its own, whose pages stay."""
    before = {(p["pid"], p["va"]): p["pfns"] for p in f.pages if p["when"] == "before"}
    after = {(p["pid"], p["va"]): p["pfns"] for p in f.pages if p["when"] == "after"}
    assert before == after and before, (before, after)
    assert {p for p, _ in before} == {x["pid"] for x in f.sends + f.recvs + f.seen} | {
        f.begin["send_pid"]} | {r.get("pid", f.begin["recv_pid"]) for r in f.receivers()} | set(
        f.begin.get("recv_pids", [])), before


def two_processes(f):
    assert len(f.of(f.sends, "pid")) == 2 and f.of(f.sends, "pid") == set(f.begin["send_pids"])
    assert f.of(f.recvs, "pid") <= set(f.begin["recv_pids"])


def calls(send, recv):
    return lambda f: (f.of(f.sends, "call"), f.of(f.recvs, "call")) == ({send}, {recv})


def segments(send, recv):
    return lambda f: (f.of(f.sends, "segments", 1), f.of(f.recvs, "segments", 1)) == ({send}, {recv})


def batch(n):
    return lambda f: f.of(f.sends, "call") == {"sendmmsg"} and f.of(f.sends, "entry") == set(range(n))


def parts(n):
    return lambda f: len(f.sends) == n * f.count


def offsets(size):
    return lambda f: f.of(f.reads, "off", 0) == set(range(0, f.size, size))


def merged(n):
    return lambda f: f.of(f.reads, "datagrams", 1) == {n}


def skips(send, recv):
    return lambda f: (f.of(f.sends, "skip", 0), f.of(f.recvs, "skip", 0)) == ({send}, {recv})


def observed(call, times):
    def look(f):
        seqs = [x["seq"] for x in f.seen]
        return f.of(f.seen, "call") == {call} and sorted(seqs) == sorted(list(range(f.count)) * times) and \
            all(x["verified"] for x in f.seen) and f.end["observer"]["received"] == len(seqs)
    return look


def spread(key, n):
    return lambda f: len(f.of(f.sends, key)) == n


ALL = (sent, arrived, pages)
OWN = {
    "send-recv": [calls("send", "recv")],
    "write-read": [calls("write", "read")],
    "writev-readv": [calls("writev", "readv"), segments(3, 4)],
    "sendmsg-recvmsg": [calls("sendmsg", "recvmsg")],
    "segments-7": [segments(7, 6)],
    "segments-5": [segments(5, 5)],
    "segments-1024": [segments(1024, 1024)],
    "batch-4": [batch(4)],
    "batch-10": [batch(10)],
    "cork": [lambda f: parts(4 if f.name.startswith("udp-lo") else 2)(f), lambda f: f.of(f.sends, "flags", 0) == {0}],
    "more": [parts(2), lambda f: f.of(f.sends, "flags", 0) == {MORE, 0}],
    "gso": [offsets(1400)],
    "gso-off": [offsets(1400)],
    "gso-sg-off": [offsets(1400)],
    "gso-batch": [offsets(1400), segments(7, 1)],
    "ipv6-gso": [offsets(1200), lambda f: ":" in f.begin["dst"]],
    "gso-gro": [merged(6)],
    "gro-merged": [merged(6)],
    "multicast-3": [lambda f: len(f.receivers()) == 3 and f.begin["dst"].startswith("239.")],
    "broadcast-2": [lambda f: len(f.receivers()) == 2 and f.begin["dst"].endswith(".255")],
    "reuseport-3": [lambda f: len(f.receivers()) == 3],
    "ipv6": [lambda f: ":" in f.begin["src"]],
    "ipv6-fragments": [lambda f: ":" in f.begin["src"]],
    "peek": [lambda f: len(f.recvs) == 2 * len(f.reads)],
    "short": [lambda f: f.of(f.reads, "result") == {600}],
    "trunc": [lambda f: f.of(f.reads, "result") == {1400} and f.of(f.reads, "flags") == {TRUNC}],
    "dup": [spread("fd", 2), spread("pid", 1), lambda f: len(f.of(f.recvs, "fd")) == 2],
    "fork": [two_processes, spread("fd", 1)],
    "exec": [two_processes, spread("fd", 1)],
    "scm": [two_processes],
    "scm-multicast-2": [two_processes, lambda f: len(f.begin["recv_pids"]) == 4],
    "threads-4": [spread("tid", 4), spread("pid", 1), spread("fd", 1)],
    "threads-4-batch": [spread("tid", 4), batch(5)],
    "observed-src": [observed("recvfrom", 1)],
    "observed-multicast-2": [observed("recvfrom", 1)],
    "raw-veth-2": [skips(0, 20), lambda f: len(f.receivers()) == 2],
    "raw-lo-ipv6": [skips(0, 0)],
    "ping-veth-1400": [skips(8, 8)],
    "packet-veth-2": [skips(14, 14), lambda f: len(f.receivers()) == 2],
    "packet-lo-1400": [skips(14, 14), segments(3, 3)],
    "ring-veth-1400": [skips(14, 14), calls("sendto", "ring")],
    "frame-veth-1400": [skips(42, 0)],
    "udp-veth-observed": [observed("recvfrom", 1)],
    "udp-veth-observed-ring": [observed("ring", 1)],
    "udp-lo-observed": [observed("recvfrom", 2)],
    "udp-lo-observed-ring": [observed("ring", 2)],
}


def read(path):
    lines = [json.loads(line) for line in open(path)]
    by_flow = {}
    for line in lines:
        by_flow.setdefault(line["flow"], []).append(line)
    for mine in by_flow.values():
        assert mine[0]["kind"] in ("flow", "skip"), mine[0]
        yield mine


def main(path, may_lack):
    wrong, flows, own = 0, 0, set()
    for lines in read(path):
        begin = lines[0]
        flows += 1
        if begin["kind"] == "skip":
            if begin["path"] not in may_lack:
                print(f"{begin['name']}: skipped: {begin['why']}")
                wrong += 1
            continue
        f = Flow(begin, lines)
        short = f.name.split("-", 2)[2]
        own |= {f.name, short}
        for i, test in enumerate([*ALL, *OWN.get(f.name, OWN.get(short, []))]):
            try:
                good, why = test(f) in (None, True), ""
            except AssertionError as e:
                good, why = False, f": {str(e)[:300]}"
            if not good:
                print(f"{f.name}: {getattr(test, '__name__', i)} ({i}){why}")
                wrong += 1
    for name in OWN.keys() - own:
        print(f"no flow is called {name}")
        wrong += 1
    print(f"{flows} flows, {wrong} wrong")
    return 1 if wrong or not flows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

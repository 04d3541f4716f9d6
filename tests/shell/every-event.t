#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""No event that concerns a message may go missing unnoticed.

For every golden run (tests/golden), each event that carries a copy, a hand-off, a DMA or a free of
a message's bytes, and each call that sent or received them, is taken out in turn. The analysis
must then give the same figures, or not claim to be exact; the numbers of hops and calls, which are
what was recorded of these, and copies to where nobody is served are no such figures. That an event is
missing must show, too: there or in the reasons, but for the end of a life, and for what was done to a
clone that no receiver's chain is about.

What kind of event carries what, and which of its fields say where, is the event vocabulary's word
(src/trace/events.def): an event added there is tried here. Which events concern a message is
decided here, from the addresses in the chains of the whole recording and from the raw events,
never from what the analysis says of the mutilated one.

Some events of each kind and run are tried (EACH); COPYCHAIN_TEST_ALL=1 tries all.

usage: every-event.t [--verbose] [--analyze PROGRAM] [RUN-FOLDER...]
"""
import argparse
import bisect
import collections
import concurrent.futures
import fnmatch
import glob
import json
import os
import subprocess
import sys
import tarfile
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TO_DEVICE, FROM_DEVICE = 1, 2
EACH = 2
# What may be missing without a sign, as long as no figure changes.
SILENT = {"free", "hand-off of a clone"}


def build_dropevent(folder):
    out = os.path.join(folder, "dropevent")
    cflags, libs = (subprocess.run(["pkg-config", w, "libtraceevent"], check=True, text=True,
                                   stdout=subprocess.PIPE).stdout.split()
                    for w in ("--cflags", "--libs"))
    sources = ["tests/tools/dropevent.c", "src/trace/fields.c", "src/trace/vocabulary.c",
               "src/common/file.c", "src/common/vec.c"]
    sources += glob.glob("src/trace/tracedat*.c", root_dir=TOP)
    subprocess.run([os.environ.get("CC", "cc"), "-O1", "-D_GNU_SOURCE", "-Isrc", *cflags, "-o", out,
                    *sources, *libs], check=True, cwd=TOP)
    return out


class Vocabulary:
    """Per event: its category, and (how, address field, length field) of the memory it is about."""

    def __init__(self, dropevent):
        text = subprocess.run([dropevent, "vocabulary"], check=True, text=True, stdout=subprocess.PIPE).stdout
        self.rows, self.known = [], {}
        for line in text.splitlines():
            name, category, *touches = line.split()
            self.rows.append((name, category, [tuple(t.split(":")) for t in touches]))

    def of(self, name):
        if name not in self.known:
            self.known[name] = next(((c, t) for pattern, c, t in self.rows
                                     if fnmatch.fnmatchcase(name, pattern)), ("OTHER", []))
        return self.known[name]


class Event:
    def __init__(self, line, vocabulary):
        words = line.split()
        self.name, self.index = words[0], int(words[1])
        self.category, self.touches = vocabulary.of(self.name)
        self.off, self.ts, self.cpu = int(words[2]), int(words[3]), int(words[4])
        self.text = dict(w.split("=", 1) for w in words[5:])

    def __getitem__(self, field):
        return int(self.text.get(field) or "0", 16)

    def __str__(self):
        keep = ("skb", "head", "dst", "src", "len", "dma", "phys", "page", "size", "dir", "to")
        return "%s %d (%s)" % (self.name, self.index,
                               " ".join("%s=%s" % (k, self.text[k]) for k in keep if k in self.text))


def meets(a, alen, b, blen):
    return a < b + blen and b < a + alen


class Run:
    def __init__(self, folder, tools):
        self.dir, self.tools = folder, tools
        self.name = os.path.basename(folder)
        with open(os.path.join(folder, "run.json"), encoding="utf-8") as f:
            manifest = json.load(f)
        self.page_offset = int(manifest["memory"]["page_offset_base"], 16)
        self.vmemmap = int(manifest["memory"]["vmemmap_base"], 16)
        self.page_size = manifest["memory"]["page_size"]
        self.page_struct = manifest["btf"]["sizeof.page"]
        self.sg = [manifest["btf"].get(n, 0) for n in
                   ("sizeof.scatterlist", "scatterlist.offset", "scatterlist.length")]
        self.probed = self.slim(manifest)
        text = subprocess.run([tools.dropevent, "list", self.path("trace.dat")], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        self.events = [Event(line, tools.vocabulary) for line in text.splitlines()]
        self.times = [ev.ts for ev in self.events]
        self.threads = collections.defaultdict(list)
        for i, ev in enumerate(self.events):
            self.threads[ev["common_pid"]].append(i)
        self.places = {ev.off: i for i, ev in enumerate(self.events)}

    def of_thread(self, pid, first, end=None):
        """The thread's events from place first on, up to `end`."""
        mine = self.threads[pid]
        lo = bisect.bisect_left(mine, first)
        return [self.events[i] for i in mine[lo:len(mine) if end is None else bisect.bisect_left(mine, end)]]

    def path(self, name):
        return os.path.join(self.dir, name)

    def slim(self, manifest):
        """What holds for the whole run must not hide what one event does; sites that no event
        names only cost time."""
        manifest["probes"]["refused"] = []
        manifest["loss"]["lost"] = 0
        with open(self.path("sites.json"), encoding="utf-8") as f:
            census = json.load(f)
        census["sites"] = [s for s in census["sites"] if s["status"] != "unprobed"]
        for name, data in (("run.json", manifest), ("sites.json", census)):
            with open(self.path(name), "w", encoding="utf-8") as f:
                json.dump(data, f)

    def figures(self, folder):
        """The figures of all flows; beside them what else tells that something is missing, which is the
        numbers of calls and hops, copies to nowhere and what limits the verdict; and whether all are exact."""
        p = subprocess.run([self.tools.analyze, "--no-report", folder], text=True, errors="replace",
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if p.returncode < 0 or p.returncode > 4:
            return "died: status %d" % p.returncode, "", False
        rows, beside, inside = [], [], False
        for line in p.stdout.splitlines():
            if line.startswith("flow "):
                inside = True
            elif inside and len(line.split()) < 5:
                inside = False
            elif inside:
                *counts, calls, hops, audit, verdict = line.split()
                rows.append(" ".join([*counts, audit, verdict]))
                beside += [calls, hops]
            elif " dropped: " in line:
                rows.append(" ".join(line.split()))
            elif " is at-least: " in line or " is unlinked: " in line or " dead copy: " in line:
                beside.append(line)
        return "\n".join(rows), "\n".join(beside), "\nverdict: exact" in p.stdout

    def chains(self):
        """Per message of each flow: its hops over all chains."""
        found = {}
        for seq in range(64):
            out = os.path.join(self.tools.tmp, "chains-%s-%d" % (self.name, os.getpid()))
            subprocess.run([self.tools.analyze, "--report=json", "--out", out, "--message", str(seq), self.dir],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            with open(os.path.join(out, "analysis.json"), encoding="utf-8") as f:
                flows = json.load(f)["flows"]
            for flow in flows:
                for chain in flow["example"]:
                    if chain["message"] == seq:
                        found.setdefault((flow["flow"], seq), []).extend(chain["hops"])
            if all(seq >= flow["messages"] for flow in flows):
                break
        return found

    def va_of_page(self, page, off):
        return self.page_offset + (page - self.vmemmap) // self.page_struct * self.page_size + off

    def buffers(self, ev):
        """Of the scatterlists that the event holds: page, with two bits of flags, offset, length."""
        sg = bytes.fromhex(ev.text["sg"])
        size, offset, length = self.sg
        for i in range(min(ev["n"], len(sg) // size)):
            part = sg[i * size:(i + 1) * size]
            yield (self.va_of_page(int.from_bytes(part[:8], "little") & ~3,
                                   int.from_bytes(part[offset:offset + 4], "little")),
                   int.from_bytes(part[length:length + 4], "little"))

    def spans(self, ev):
        """Kernel memory that an event is about; what its iterator names is a program's, or named by
        other events. Where the CPU and where the device sees a mapping differs with a bounce
        buffer."""
        for how, at, length in ev.touches:
            if how in ("at", "skb"):
                yield ev[at], ev[length]
            elif how == "units":
                yield ev[at], ev[length] * ev["width"]
            elif how == "buffers":
                yield from self.buffers(ev)
            elif how == "page":
                yield self.va_of_page(ev[at], ev["off"]), ev[length]
            elif how in ("phys", "bus"):
                yield self.page_offset + ev[at], ev[length]
            if how == "phys":
                yield self.page_offset + ev["dma"], ev[length]


class Memory:
    """Kernel memory that a message lay in, and from when to when."""

    def __init__(self, hops):
        self.ranges = {}  # where → from when on: a place is made ready for the bytes after the hop before
        before = 0
        for h in hops:
            before = h["time_ns"] if h["kind"] == "start" else before
            for side in ("src", "dst"):
                if side in h and not h[side + "_user"]:
                    where = int(h[side], 16), h["length"]
                    self.ranges[where] = min(before, self.ranges.get(where, before))
            before = h["time_ns"]
        self.last = max(h["time_ns"] for h in hops)

    def holds(self, at, length, ts):
        """Did bytes of the message lie in the range? In time, since addresses are used again."""
        return ts <= self.last and any(
            since <= ts and meets(at, length, a, n) for (a, n), since in self.ranges.items())


def concerning(run, hops):
    """The events that concern one message, with the reason why."""
    mem, events, found = Memory(hops), run.events, {}
    skbs, mappings, on_chain = {}, {}, {h["file_offset"] for h in hops if h["kind"] == "handoff"}

    def take(ev, why):
        if ev is not None:
            found.setdefault(ev.off, (ev, why))

    first = bisect.bisect_left(run.times, min(mem.ranges.values(), default=0))
    for i in range(first, bisect.bisect_right(run.times, mem.last)):
        ev = events[i]
        if not any(mem.holds(a, n, ev.ts) for a, n in run.spans(ev)):
            continue
        hows = {how for how, _, _ in ev.touches}
        if ev.category == "COPY":
            take(ev, "copy")
        elif ev.category == "CLONE":
            # Every later step of a clone names the head itself; without this one none is lost.
            skbs.setdefault((ev["skb"], ev["head"]), i)
        elif ev.category == "HANDOFF":
            take(ev, "hand-off" if ev.off in on_chain or "skb" not in hows or "data" not in ev.text
                 else "hand-off of a clone")
            if "skb" in hows:
                skbs[ev["to"] if ev.name == "skb_morph" else ev["skb"], ev["head"]] = i
        elif ev.category == "DMA" and "dir" not in ev.text:
            # A queue's; what a driver finds in a buffer is told a second time unless that stays there.
            up = next((e for e in events[i + 1:] if e.category == "HANDOFF" and e.cpu == ev.cpu), None)
            if "buffers" in hows or up is not None and up["dlen"]:
                take(ev, "DMA")
        elif ev.category == "DMA" and "bus" not in hows and ev["dir"] == TO_DEVICE:
            take(ev, "DMA")
            dma = ev["dma"]
            if "dma" not in ev.text:
                ret = next((e for e in events[i + 1:] if e.category == "DMA" and not e.touches
                            and e.cpu == ev.cpu), None)
                take(ret, "DMA")
                dma = ret["dma"] if ret else 0
            mappings[dma] = i
        elif ev.category == "DMA" and "bus" in hows and ev["dir"] == FROM_DEVICE:
            take(ev, "DMA")
    # The end of what was found: of a mapping, of each skb that held the bytes.
    for dma, start in mappings.items():
        take(next((ev for ev in events[start:] if ev.name == "dma_unmap" and ev["dma"] == dma), None),
             "DMA end")
    for (skb, head), last in skbs.items():
        take(next((ev for ev in events[last:] if ev.category == "FREE" and ev["skb"] == skb
                   and ev["head"] == head), None), "free")
    # The calls. Of several messages in one, the next one says that the one before went well, and
    # so does the return: either may go missing.
    def outcome(after):
        ev = next((ev for ev in after[1:] if ev.category == "RETURN" or ev.name in ("send_enter", "recv_enter")), None)
        return ev if ev and ev.category == "RETURN" else None

    for h in hops:
        at = run.places.get(h["file_offset"])
        if at is None:
            continue
        pid = events[at]["common_pid"]
        after = run.of_thread(pid, at)
        if events[at].name == "rdma_post" or h["event"] == "mem" and h["holder"] == "receiver's buffer":
            # The doorbell, and what told the ends that the message has arrived.
            if events[at].name == "rdma_post":
                take(events[at], "call")
            last = max(x["file_offset"] for x in hops if x["time_ns"] == mem.last)
            end = run.places[last]
            told = [ev for ev in events[end:] if ev.name == "rdma_done"]
            both = any(h2["event"] == "rdma_xmit" for h2 in hops) and told and told[0]["wc_op"] & 128
            for ev in told[:2 if both else 1]:
                take(ev, "call")
        elif h["kind"] == "start":
            take(events[at], "call")
            take(outcome(after), "call")
        elif h["holder"] == "receiver's buffer":
            before = run.of_thread(pid, 0, at)
            take(next((ev for ev in reversed(before) if ev.name == "recv_enter"), None), "call")
            take(outcome(after), "call")
    return found


class Tools:
    def __init__(self, tmp, analyze):
        self.tmp, self.analyze = tmp, analyze
        self.dropevent = build_dropevent(tmp)
        self.vocabulary = Vocabulary(self.dropevent)


def drop_one(run, ev, n):
    folder = os.path.join(run.tools.tmp, "dropped-%s-%d" % (run.name, n), run.name)
    os.makedirs(folder)
    for name in ("run.json", "sites.json", "traffic.jsonl"):
        if os.path.exists(run.path(name)):
            os.symlink(run.path(name), os.path.join(folder, name))
    trace = os.path.join(folder, "trace.dat")
    subprocess.run([run.tools.dropevent, "drop", run.path("trace.dat"), ev.name, str(ev.index), trace],
                   check=True)
    result = run.figures(folder)
    os.unlink(trace)
    return result


def some_of_each(wanted):
    """Evenly over the recording."""
    kinds = collections.defaultdict(list)
    for off in sorted(wanted):
        kinds[wanted[off][1], wanted[off][0].name].append(wanted[off])
    if not os.environ.get("COPYCHAIN_TEST_ALL"):
        kinds = {k: [evs[i * len(evs) // EACH] for i in range(EACH)] if len(evs) > EACH else evs
                 for k, evs in kinds.items()}
    return [ev for evs in kinds.values() for ev in evs]


class Tap:
    def __init__(self):
        self.count, self.bad = 0, 0

    def check(self, good, what, notes=()):
        self.count += 1
        self.bad += not good
        print("%s %d - %s" % ("ok" if good else "not ok", self.count, what))
        for note in notes:
            for line in note.splitlines():
                print("# " + line)
        sys.stdout.flush()


def check_run(tap, run, pool, verbose):
    base, why_base, exact = run.figures(run.dir)
    tap.check(exact, "%s: exact as recorded" % run.name, [] if exact else [base, why_base])
    chains, wanted = run.chains(), {}
    for hops in chains.values():
        wanted.update(concerning(run, hops))
    events = some_of_each(wanted)
    jobs = [pool.submit(drop_one, run, ev, n) for n, (ev, _) in enumerate(events)]
    tally = collections.defaultdict(lambda: [0, []])
    for (ev, why), job in zip(events, jobs):
        row, limits, still_exact = job.result()
        tally[why, ev.name][0] += 1
        if row.startswith("died"):
            tally[why, ev.name][1].append("%s: %s" % (ev, row))
        elif row == base and limits == why_base and why not in SILENT:
            tally[why, ev.name][1].append("unnoticed: %s" % ev)
        elif still_exact and row != base:
            tally[why, ev.name][1].append("exact with other figures: %s" % ev)
        elif verbose:
            print("# %s -> %s" % (ev, row))
    for (why, name), (n, unnoticed) in sorted(tally.items()):
        tap.check(not unnoticed, "%s: %s: of %d %s each is missed" % (run.name, why, n, name), unnoticed)
    kinds = {why for why, _ in tally}
    tap.check({"copy", "hand-off", "call", "free"} <= kinds,
              "%s: copies, hand-offs, frees and calls were tried" % run.name, sorted(kinds))


def main():
    p = argparse.ArgumentParser(description="drops every event in turn")
    p.add_argument("--verbose", action="store_true")
    p.add_argument("--analyze", default=os.path.join(TOP, "analyze"))
    p.add_argument("runs", nargs="*")
    args = p.parse_args()
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="copychain-test-") as tmp:
        tools = Tools(tmp, os.path.abspath(args.analyze))
        folders = []
        for archive in sorted(glob.glob(os.path.join(TOP, "tests/golden/*.tar.xz"))) if not args.runs else []:
            kernel = os.path.basename(archive)[:-len(".tar.xz")]
            with tarfile.open(archive) as tar:
                tar.extractall(os.path.join(tmp, kernel))
            folders += sorted(glob.glob(os.path.join(tmp, kernel, "*")))
        for folder in args.runs:
            copy = os.path.join(tmp, os.path.basename(os.path.dirname(os.path.abspath(folder))),
                                os.path.basename(folder))
            subprocess.run(["mkdir", "-p", os.path.dirname(copy)], check=True)
            subprocess.run(["cp", "-r", folder, copy], check=True)
            folders.append(copy)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for folder in folders:
                run = Run(folder, tools)
                run.name = os.path.relpath(folder, tmp).replace("/", "-")
                check_run(tap, run, pool, args.verbose)
    print("1..%d" % tap.count)
    return 1 if tap.bad else 0


if __name__ == "__main__":
    sys.exit(main())

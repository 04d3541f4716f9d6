# SPDX-License-Identifier: GPL-2.0-only
"""Reads what tests hold against each other: a run's log, its trace as trace-cmd prints it,
and the analysis. Nothing here shares code with the analyzer."""
import collections
import json
import os
import re
import subprocess

MSG_PEEK = 2


class Record(dict):
    """A JSON object whose members are attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def load(path):
    with open(path) as f:
        return json.load(f, object_hook=Record)


def number(text):
    return int(text, 0)


class Flow(Record):
    """A flow of analysis.json."""

    def hits(self, kind="copy"):
        """Symbol to hits, of the sites of one kind."""
        count = collections.Counter()
        for s in self.sites:
            if s.kind == kind:
                count[s.get("symbol")] += s.hits
        return dict(count)

    def modules(self):
        return {s.get("symbol"): s.get("module") for s in self.sites if s.kind == "copy"}

    @property
    def hops(self):
        """Of the first chain of the message shown."""
        return self.example[0].hops

    def of_kind(self, kind):
        return [h for h in self.hops if h.kind == kind]

    @property
    def counts(self):
        """What tells one way of moving messages from another, per message sent."""
        return (round(self.chains / self.messages, 3), round(self.copies.mean, 3),
                round(self.copies_per_message, 3))


class Logged:
    """A flow of traffic.jsonl."""

    def __init__(self, begin):
        self.begin = begin
        self.sends, self.recvs, self.prints, self.pages = [], [], [], []
        self.regions, self.counters = [], []
        self.end = None

    @property
    def reads(self):
        return [r for r in self.recvs if not (r.get("flags") or 0) & MSG_PEEK]

    def side(self, lines, side, when=None):
        """The line of pages, regions or counters of one side."""
        return next(x for x in lines if x.side == side and x.get("when") in (None, when or x.get("when")))

    def pages_of(self, side):
        return [int(p, 16) << 12 for p in self.side(self.pages, side).pfns]

    def delivered_bytes(self):
        return sum(r.result for r in self.recvs)


def read_log(path):
    flows, open_flows = [], {}
    with open(path) as f:
        for line in f:
            o = json.loads(line, object_hook=Record)
            if o.kind == "flow":
                flows.append(Logged(o))
                open_flows[o.flow] = flows[-1]
            elif o.kind == "end":
                open_flows[o.flow].end = o
            elif o.kind != "skip" and o.flow:  # what a testbed counts belongs to no flow
                getattr(open_flows[o.flow], o.kind if o.kind[-1] == "s" else o.kind + "s").append(o)
    return flows


Event = collections.namedtuple("Event", "comm tid cpu time name fields")
LINE = re.compile(r"^\s*(.*)-(\d+)\s+\[(\d+)\]\s+([\d.]+):\s+(\S+):\s*(.*)$", re.S)
# What does not end an event's line is part of it: trace-cmd prints a string that is empty as whatever follows it.
NEXT = re.compile(r"\n(?=[^\n]*-\d+\s+\[\d+\]\s+[\d.]+:\s+\S+:|\Z)")


class Trace:
    """trace.dat in the words of trace-cmd."""

    def __init__(self, run):
        path = os.path.join(run, "trace.dat")
        # A string may be any bytes.
        out = subprocess.run(["trace-cmd", "report", "-i", path], check=True, encoding="utf-8",
                             errors="surrogateescape", stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL).stdout
        self.events = []
        self.odd = []
        for line in NEXT.split(re.sub(r"\A((version|cpus) ?=[^\n]*\n)+", "", out))[:-1]:
            m = LINE.match(line)
            if m:
                comm, tid, cpu, time, name, rest = m.groups()
                self.events.append(Event(comm, int(tid), int(cpu), float(time), name, rest))
            else:
                self.odd.append(line)

    def find(self, name, tid=None, **fields):
        """Events of a name, by numeric fields; a tuple of values is any of them."""
        for e in self.events:
            if e.name != name or (tid is not None and e.tid != tid):
                continue
            have = dict(re.findall(r"(\w+)=(\S+)", e.fields))
            if all(self._is(have.get(k), v) for k, v in fields.items()):
                yield Record(have, time=e.time, tid=e.tid)

    @staticmethod
    def _is(have, want):
        if have is None:
            return False
        if isinstance(want, str):
            return have.strip('"') == want
        return number(have) in (want if isinstance(want, (tuple, set)) else (want,))

    def count(self, name, tid=None, **fields):
        return sum(1 for _ in self.find(name, tid, **fields))

    def values(self, field, name, tid=None, **fields):
        return [number(e[field]) for e in self.find(name, tid, **fields)]


class Evidence:
    """A run folder and the report on it."""

    def __init__(self, run, report):
        self.run_dir = run
        self.analysis = load(os.path.join(report, "analysis.json"))
        self.run = load(os.path.join(run, "run.json"))
        self.sites = load(os.path.join(run, "sites.json"))
        self.flows = [Flow(f) for f in self.analysis.flows]
        path = os.path.join(run, "traffic.jsonl")
        self.logged = read_log(path) if os.path.exists(path) else []
        self._trace = None

    @property
    def trace(self):
        if not self._trace:
            self._trace = Trace(self.run_dir)
        return self._trace

    def flow(self, name):
        """By name, or by the port that was sent to."""
        found = [f for f in self.flows
                 if f.name == name or f.sender.get("remote", "").endswith(f":{name}")]
        if len(found) != 1:
            raise LookupError(f"{len(found)} flows {name} among {[f.name for f in self.flows]}")
        return found[0]

    def log(self, name):
        found = [x for x in self.logged if x.begin.name == name]
        if len(found) != 1:
            raise LookupError(f"{len(found)} logged flows {name}")
        return found[0]

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The checker of proofs accepts what is true, however it is told, and nothing else.

For golden runs (tests/golden), the proof as written must pass, and so must the same with its lines in
another order that keeps every line behind those it leans on, and of another message. Then it is spoilt in
many ways: what a line says, what it leans on, hops left out, and everything that a reader could take for
part of a proof and the checker for nothing. A forger exchanges events for those of other messages and
mends what the checker finds fault with, by the checker's own words, as long as it finds any. No spoilt or
forged one may pass. Of runs with many flows, each section concludes or says why it does not.
COPYCHAIN_TEST_ALL=1 tries several times as many.

usage: proof.t [RUN-FOLDER...]
"""
import concurrent.futures
import os
import random
import re
import subprocess
import sys
import tarfile
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ANALYZE = os.path.join(TOP, "analyze")
RUNS = ["bookworm/lo-1400", "bookworm/nics-128", "bookworm/lo-peek", "bookworm-6.12/nics-128", "bookworm-6.12/veth-8000",
        "bookworm-swiotlb/nics-1400", "bookworm/lo-tap",
        "bookworm-cards/virtio-net-8000", "bookworm-6.12-cards/vmxnet3-64", "bookworm-6.12-cards/pcnet-64"]
MANY = ["bookworm-sets/networks", "bookworm-6.12-sets/datagrams"]
LINE = re.compile(r"^(\d+)\. (FACT |DERIVED FROM ([\d, ]+) BY (\S+): )`([^`]*)`(.*)$")
PLACES = ("bytes=", "frame ")
FORGERIES = 160 # of each run
random.seed(20260106)


class Line:
    def __init__(self, match):
        self.number = int(match[1])
        self.premises = [int(x) for x in match[3].split(", ")] if match[3] else []
        self.rule, self.claim, self.words = match[4], match[5], match[6]

    def __str__(self):
        how = f"DERIVED FROM {', '.join(map(str, self.premises))} BY {self.rule}: " if self.rule else "FACT "
        return f"{self.number}. {how}`{self.claim}`{self.words}"

    def copy(self):
        new = Line.__new__(Line)
        new.__dict__.update(self.__dict__, premises=list(self.premises))
        return new


class Proof:
    """The lines, and what is said after each count."""

    def __init__(self, text):
        self.lines, self.ends, self.heading = [], {}, ""
        for row in text.split("\n"):
            m = LINE.match(row)
            if row.startswith("## "):
                self.heading = row
            if m:
                self.lines.append(Line(m))
            elif "∴" in row:
                self.ends[self.lines[-1].number] = row

    def copy(self):
        new = Proof("")
        new.lines, new.ends, new.heading = [x.copy() for x in self.lines], dict(self.ends), self.heading
        return new

    def renumbered(self):
        """Numbers from 1 in the order of the lines; what leaned on a line that is gone leans less."""
        to = {x.number: i + 1 for i, x in enumerate(self.lines)}
        self.ends = {to[n]: row for n, row in self.ends.items() if n in to}
        for x in self.lines:
            x.number = to[x.number]
            x.premises = [to[p] for p in x.premises if p in to]
        return self

    def __str__(self):
        out = [self.heading, ""] if self.heading else []
        for x in self.lines:
            out.append(str(x))
            if x.number in self.ends:
                out += ["", self.ends[x.number], ""]
        return "\n".join(out) + "\n"


def leaning(proof, numbers):
    """These lines and all that lean on them."""
    gone = set(numbers)
    for x in proof.lines:
        if gone & set(x.premises):
            gone.add(x.number)
    return gone


def without(proof, gone):
    p = proof.copy()
    p.lines = [x for x in p.lines if x.number not in gone]
    return p.renumbered()


# ---- what must still pass ----

def shuffled(proof):
    """Another order in which each line follows those it leans on."""
    left, order = [x.copy() for x in proof.lines], []
    done = set()
    while left:
        ready = [x for x in left if set(x.premises) <= done]
        x = random.choice(ready)
        left.remove(x)
        order.append(x)
        done.add(x.number)
    p = proof.copy()
    p.lines = order
    return str(p.renumbered())


# ---- what must not ----

def digits(proof, count):
    """One digit of a claim, a citation, a premise or a line number."""
    text = str(proof)
    at = [m.start() for m in re.finditer(r"\d", text)]
    for i in random.sample(at, min(count, len(at))):
        row = text[text.rfind("\n", 0, i) + 1:text.find("\n", i)]
        m = LINE.match(row)
        column = i - (text.rfind("\n", 0, i) + 1)
        if not m and "∴" not in row:
            continue
        if m and column >= m.start(6):
            continue
        new = random.choice([d for d in "0123456789" if d != text[i]])
        yield f"digit at {i}: {row[:40]}…", text[:i] + new + text[i + 1:]


def letters(proof, count):
    """One letter of an event's, a field's or a rule's name."""
    text = str(proof)
    spots = [m.start() + m[0].index(w) + random.randrange(len(w)) for m in re.finditer(
        r"FACT `(\w+)|BY ([\w-]+):| (\w+)=", text) for w in [next(x for x in m.groups() if x)]]
    for i in random.sample(spots, min(count, len(spots))):
        new = "x" if text[i] != "x" else "y"
        yield f"letter at {i}: {text[i - 12:i + 8]!r}", text[:i] + new + text[i + 1:]


def other_events(proof, count):
    """A citation of another event of the proof in the place of one."""
    facts = [x for x in proof.lines if not x.rule]
    for x in random.sample(facts, min(count, len(facts))):
        other = random.choice([f for f in facts if f.claim != x.claim])
        p = proof.copy()
        p.lines[x.number - 1].claim = other.claim
        yield f"event of line {x.number} replaced by that of {other.number}", str(p)


def premises(proof, count):
    """A premise left out, or another in its place."""
    derived = [x for x in proof.lines if x.rule]
    for x in random.sample(derived * 3, min(count, len(derived) * 3)):
        p = proof.copy()
        line = p.lines[x.number - 1]
        i = random.randrange(len(line.premises))
        if random.random() < 0.5 and len(line.premises) > 1:
            del line.premises[i]
            what = f"left out ({line.rule}, {proof.lines[x.premises[i] - 1].claim[:60]})"
        else:
            others = [n for n in range(1, x.number + 3)
                      if n not in line.premises and n <= len(p.lines) and not same(p, n, line.premises[i])]
            line.premises[i] = random.choice(others)
            what = (f"replaced ({line.rule}, {proof.lines[x.premises[i] - 1].claim[:60]} by "
                    f"{proof.lines[line.premises[i] - 1].claim[:60]})")
        yield f"a premise of line {x.number} {what}", str(p)


def same(proof, a, b):
    return proof.lines[a - 1].claim == proof.lines[b - 1].claim


def rules(proof):
    names = sorted({x.rule for x in proof.lines if x.rule})
    for x in proof.lines:
        if x.rule:
            p = proof.copy()
            p.lines[x.number - 1].rule = random.choice([n for n in names if n != x.rule])
            yield f"rule of line {x.number}", str(p)


def order(proof):
    """A line before one that it leans on."""
    for x in proof.lines:
        if not x.premises:
            continue
        p = proof.copy()
        p.lines.remove(p.lines[x.number - 1])
        p.lines.insert(max(x.premises) - 1, x.copy())
        yield f"line {x.number} before {max(x.premises)}", str(p.renumbered())


def hops(proof):
    """A hop with everything that leans on it; and one cut out, its ends tied together."""
    places = [x for x in proof.lines if x.rule and x.claim.startswith(PLACES)]
    for x in places:
        yield f"line {x.number} and all that leans on it", str(without(proof, leaning(proof, [x.number])))
        before = [n for n in x.premises if proof.lines[n - 1].claim.startswith(PLACES)]
        if not before:
            continue
        p = proof.copy()
        for y in p.lines:
            y.premises = [before[0] if n == x.number else n for n in y.premises]
            y.premises = list(dict.fromkeys(y.premises))
        fact = [n for n in x.premises if not proof.lines[n - 1].rule]
        yield f"line {x.number} cut out", str(without(p, {x.number}))
        yield f"line {x.number} cut out with its events", str(without(p, {x.number, *fact}))


def hops_with_count(proof):
    """A hop cut out, and the numbers behind it made to fit."""
    for x in proof.lines:
        if not x.rule or "★" not in x.words and "read by" not in x.words:
            continue
        p = proof.copy()
        gone = leaning(p, [x.number])
        for y in p.lines:
            if y.number in gone and y.number != x.number:
                y.claim = re.sub(r"copies=(\d+)", lambda m: f"copies={max(0, int(m[1]) - 1)}", y.claim)
        p = without(p, {x.number})
        yield f"line {x.number} cut out and one copy less", str(p)


def lower(proof):
    """Fewer copies, consistently."""
    for d in (-1, 1):
        text = re.sub(r"copies=(\d+)(?:\.\.(\d+))?", lambda m: "copies=" + "..".join(
            str(max(0, int(g) + d)) for g in m.groups() if g), str(proof))
        text = re.sub(r"∴ (at least )?(\d+)", lambda m: f"∴ {m[1] or ''}{max(0, int(m[2]) + d)}", text)
        yield f"all counts changed by {d}", text
    for n, row in proof.ends.items():
        p = proof.copy()
        p.ends[n] = re.sub(r"∴ (\d+)", lambda m: f"∴ {int(m[1]) - 1}", row)
        yield f"the sentence behind line {n} says one less", str(p)
        p = proof.copy()
        del p.ends[n]
        yield f"no sentence behind line {n}", str(p)


def facts_gone(proof):
    """An event that nothing but the completeness leans on is left out, and its count made to fit."""
    for x in proof.lines:
        if x.rule:
            continue
        on = [y for y in proof.lines if x.number in y.premises]
        if len(on) != 1 or on[0].rule != "completeness":
            continue
        p = proof.copy()
        line = p.lines[on[0].number - 1]
        line.claim = re.sub(r"events=(\d+)", lambda m: f"events={int(m[1]) - 1}", line.claim)
        yield f"event of line {x.number} not cited", str(without(p, {x.number}))


def rows(proof):
    """What looks like part of a proof, in many places, and words that claim something."""
    text = str(proof)
    every = text.splitlines()
    count = next(i for i, row in enumerate(every) if " BY count: " in row)
    end = next(i for i, row in enumerate(every) if "∴" in row)
    false = "DERIVED FROM 1 BY count: `message exactly copies=0..0`"
    extra = ["No copy was made.", "0 copies.", "**∴ 0 copies** of each of the 999999 bytes.", f"* 24. {false}",
             f" {len(proof.lines) + 1}. {false}", f"{len(proof.lines) + 1}) {false}", f"- {false}",
             f"{len(proof.lines) + 1}.  {false}", f"\u200b{len(proof.lines) + 1}. {false}", "> ∴ 0 copies", "# Proof of 0 copies",
             "## another-flow, message 0", "## " + proof.heading[3:].replace("message 0", "message 1"), "<b>0 copies</b>",
             "Nothing is concluded: there are 0 copies.", "No rule leads over one of its hops. Nothing is concluded. 0 copies."]
    for row in extra:
        for at in {0, count, end, end + 1, len(every)}:
            yield f"a row more at {at}: {row[:40]}", "\n".join(every[:at] + [row] + every[at:]) + "\n"
    for code in [*range(1, 9), *range(11, 32), 127, 0x85, 0xa0, 0x200e, 0x202e, 0x2066, 0x2028, 0xfeff, 0xe0041]:
        at = random.randrange(len(text))
        yield f"character {code:#x} at {at}", text[:at] + chr(code) + text[at:]
    yield "a second proof behind a NUL", text + "\0" + text.replace("copies=", "copies=1")
    yield "a row that ends with CR", text.replace("\n", "\r\n", 3)
    for tail in [" **∴ 0 copies**", " by nobody", " ", ".", "*"]:
        yield f"behind the sentence: {tail}", text.replace(every[end], every[end] + tail)
    yield "before the sentence", text.replace(every[end], "Not: " + every[end])
    yield "without the stars", text.replace(every[end], every[end].replace("**", ""))


def spellings(proof):
    """The same said in another way: numbers in other forms, fields left out, twice or elsewhere, a second span."""
    for x in proof.lines:
        p = proof.copy()
        line = p.lines[x.number - 1]
        what = random.choice(["words", "span", "number", "premise", "case", "space"] +
                             ([] if x.rule else ["out", "twice", "order", "hex"]))
        fields = line.claim.split(" ")
        i = random.randrange(1, len(fields)) if len(fields) > 1 else 0
        if what == "words":
            line.words += " 0 copies"
        elif what == "span":
            line.words = " `copies=0`" + line.words
        elif what == "number":
            line.claim = re.sub(r"=(\d)", r"=0\1", line.claim, count=1)
        elif what == "hex":
            line.claim = re.sub(r"=(\d+)", lambda m: f"={int(m[1]):#x}", line.claim, count=1)
        elif what == "premise" and line.premises:
            line.premises.append(line.premises[0])
        elif what == "case":
            line.claim = line.claim.replace("0x", "0X", 1) if "0x" in line.claim else line.claim.upper()
        elif what == "out":
            del fields[i]
        elif what == "twice":
            fields.insert(i, fields[i])
        elif what == "order":
            fields[1], fields[2] = fields[2], fields[1]
        else:
            line.claim = line.claim.replace(" ", "  ", 1) if " " in line.claim else line.claim + " "
        if what in ("out", "twice", "order"):
            line.claim = " ".join(fields)
        if str(p) != str(proof):
            yield f"line {x.number} spelt otherwise ({what})", str(p)


def mutations(proof):
    yield from rows(proof)
    yield from spellings(proof)
    yield from digits(proof, 110)
    yield from letters(proof, 40)
    yield from other_events(proof, 12)
    yield from premises(proof, 30)
    yield from rules(proof)
    yield from order(proof)
    yield from hops(proof)
    yield from hops_with_count(proof)
    yield from lower(proof)
    yield from facts_gone(proof)
    yield "no line at all", "Nothing.\n"


# ---- the forger ----

FAULT = re.compile(r"line (\d+) \(row \d+\) does not hold: (.*)", re.S)


class Forger:
    """Exchanges events and mends the rest by what the checker says."""

    def __init__(self, run, work, proofs):
        self.run, self.work, self.proofs, self.tries = run, work, proofs, 0
        self.by_name = {}
        for p in proofs:
            for x in p.lines:
                if not x.rule:
                    self.by_name.setdefault(x.claim.split()[0], set()).add(x.claim)
        self.truths = {self.what(p) for p in proofs}

    @staticmethod
    def what(proof):
        """What a proof says: its counts, and which events brought the bytes to whom."""
        said = []
        for x in proof.lines:
            if x.rule in ("count", "deliver"):
                said.append(x.claim)
            if x.rule == "deliver":
                said += [proof.lines[n - 1].claim for n in x.premises if not proof.lines[n - 1].rule]
        return tuple(sorted(said))

    def citation(self, offset):
        """The checker says what stands at a place where something else is cited."""
        _, out = check(f"1. FACT `x offset={offset}`\n", self.run, self.work)
        m = re.search(r"the event there is: (.*)", out)
        return m[1] if m else None

    def mend(self, p, out):
        """One fault less, or False: the checker leaves no way."""
        m = FAULT.search(out)
        if not m:
            return False
        line, why = p.lines[int(m[1]) - 1], m[2]
        if why.startswith("what follows is: **"):
            p.ends[line.number] = why[len("what follows is: "):]
        elif why.startswith("what follows is: "):
            line.claim = why[len("what follows is: "):]
        elif m := re.match(r"it leaves out \S+ at offset (\d+)", why):
            claim = self.citation(m[1])
            fact = Line(LINE.match(f"1. FACT `{claim}`")) if claim else None
            if not fact:
                return False
            p.lines.insert(p.lines.index(line), fact)
            fact.number = 0
            for i, x in enumerate(p.lines):
                x.premises = [n + 1 if n > i and n >= line.number else n for n in x.premises]
            self.renumber(p, line, fact)
        elif why == "nothing follows from it":
            p.lines.remove(line)
            p.renumbered()
        elif m := re.match(r"(\d+) events are about that memory", why):
            facts = [n for n in line.premises if not p.lines[n - 1].rule]
            line.premises.remove(random.choice(facts))
        else:
            return False
        return True

    @staticmethod
    def renumber(p, complete, fact):
        complete.premises.append(0)
        to = {x.number: i + 1 for i, x in enumerate(p.lines)}
        p.ends = {to.get(n, n): row for n, row in p.ends.items()}
        for x in p.lines:
            x.number = to[x.number]
            x.premises = [to.get(n, n) for n in x.premises]

    def forge(self):
        """A forged proof that passes and says what no honest one does, or None."""
        p = random.choice(self.proofs).copy()
        others = [o for o in self.proofs if [x.rule for x in o.lines] == [x.rule for x in p.lines]]
        if random.random() < 0.5 and len(others) > 1:
            self.splice(p, random.choice(others), random.randrange(len(p.lines)))
            if random.random() < 0.7:
                self.cut(p, random.randrange(1, 8))
            return self.pursue(p)
        facts = [x for x in p.lines if not x.rule and len(self.by_name[x.claim.split()[0]]) > 1]
        for x in random.sample(facts, min(len(facts), random.choice([1, 1, 2, 3]))):
            x.claim = random.choice(sorted(self.by_name[x.claim.split()[0]] - {x.claim}))
        if random.random() < 0.5:
            self.cut(p, random.choice([1, 2]))
        return self.pursue(p)

    @staticmethod
    def cut(p, count):
        """Hand-offs left out, their ends tied together; mostly in one stretch."""
        hops = [x for x in p.lines if x.rule == "handoff"]
        first = random.randrange(len(hops)) if hops else 0
        for x in hops[first:first + count]:
            before = next(n for n in x.premises if p.lines[n - 1].rule)
            for y in p.lines:
                y.premises = list(dict.fromkeys(before if n == x.number else n for n in y.premises))
            p.lines.remove(x)
            p.renumbered()

    @staticmethod
    def splice(p, other, at):
        """One message's way up to a hop, and another's from there on."""
        for x, y in list(zip(p.lines, other.lines))[at:]:
            if not x.rule:
                x.claim = y.claim

    def pursue(self, p):
        for _ in range(60):
            self.tries += 1
            status, out = check(str(p), self.run, self.work, whole=True)
            if status == 0:
                return None if self.what(p) in self.truths else (self.what(p), str(p))
            if not self.mend(p, out):
                return None
        return None


# ---- running ----

class Tap:
    def __init__(self):
        self.count, self.bad = 0, 0

    def ok(self, good, what, *more):
        self.count += 1
        self.bad += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {what}")
        for line in [] if good else more:
            print(f"# {line}")


def check(text, run, work, whole=False):
    fd, path = tempfile.mkstemp(dir=work, suffix=".md")
    with os.fdopen(fd, "w", newline="") as f:
        f.write(text)
    p = subprocess.run([ANALYZE, "--check-proof", path, run], text=True, errors="replace",
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    os.unlink(path)
    return p.returncode, p.stdout.strip() if whole else p.stdout.strip().replace("\n", " / ")


def write(run, work, *options):
    out = tempfile.mkdtemp(dir=work)
    subprocess.run([ANALYZE, "--report=proof", "--out", out, *options, run], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(os.path.join(out, "proof.md")) as f:
        return f.read()


def spoil(tap, name, proof, run, work):
    spoilt = list(mutations(proof))
    if not os.environ.get("COPYCHAIN_TEST_ALL"):
        spoilt = random.sample(spoilt, len(spoilt) // 3)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        results = list(pool.map(lambda m: check(m[1], run, work), spoilt))
    passed = [f"{what}: {out}" for (what, _), (status, out) in zip(spoilt, results) if status == 0]
    odd = [f"{what}: status {status}, {out}" for (what, _), (status, out) in zip(spoilt, results)
           if status not in (0, 1)]
    tap.ok(not passed, f"{name}: none of {len(spoilt)} spoilt proofs passes", *passed[:20])
    tap.ok(not odd, f"{name}: each is refused with status 1", *odd[:20])
    return len(spoilt)


def forge(tap, name, proofs, run, work):
    count = FORGERIES if os.environ.get("COPYCHAIN_TEST_ALL") else FORGERIES // 8
    forger = Forger(run, work, proofs)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        passed = [x for x in pool.map(lambda _: forger.forge(), range(count)) if x]
    tap.ok(not passed, f"{name}: none of {count} forgeries, {forger.tries} tries, passes", *[p[1] for p in passed[:2]])
    return count


def unpack(name, work):
    """The folder of a golden run."""
    archive = name.split("/")[0]
    if not os.path.exists(os.path.join(work, archive)):
        with tarfile.open(os.path.join(TOP, "tests/golden", archive + ".tar.xz")) as tar:
            options = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            tar.extractall(os.path.join(work, archive), **options)
    return os.path.join(work, name)


def many(tap, name, work):
    """Every section concludes, or says why not; and what it concludes, the checker follows."""
    run = unpack(name, work)
    text = write(run, work)
    status, out = check(text, run, work)
    tap.ok(status == 0, f"{name}: its proof passes", out)
    silent = [part.splitlines()[0] for part in text.split("\n## ")[1:]
              if "∴" not in part and "Nothing is concluded." not in part]
    tap.ok(not silent, f"{name}: each flow's section concludes, or says why not", "\n".join(silent))
    tap.ok(text.count("∴") >= 30, f"{name}: most do", text.count("∴"))


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as work:
        for name in [] if sys.argv[1:] else MANY:
            many(tap, name, work)
        runs = sys.argv[1:] or [unpack(name, work) for name in RUNS]
        total, proofs = 0, {}
        for run in runs:
            name = os.path.relpath(run, work) if run.startswith(work) else run
            text = proofs[run] = write(run, work)
            proof = Proof(text)
            status, out = check(text, run, work)
            tap.ok(status == 0, f"{name}: its proof passes", out)
            for i in range(3):
                status, out = check(shuffled(proof), run, work)
                tap.ok(status == 0, f"{name}: and in another order ({i + 1})", out)
            others = [write(run, work, "--message", str(n)) for n in (1, 2)]
            status, out = check(others[0], run, work)
            tap.ok(status == 0 and others[0] != text, f"{name}: and that of another message", out)
            total += spoil(tap, name, proof, run, work)
            total += forge(tap, name, [Proof(t) for t in [text, *others] if "∴" in t], run, work)
        for run in runs:
            other = runs[runs.index(run) - 1]
            status, out = check(proofs[run], other, work)
            tap.ok(status == 1, f"the proof of {os.path.basename(run)} does not pass for another run", out)
        tap.ok(total >= 200, f"{total} spoilt proofs in all")
    print(f"1..{tap.count}")
    return tap.bad != 0


sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""No injured recording is called exact with other figures than the whole one has.

Each golden run (tests/golden), as it is and as a program without a traffic log would have left it, is
given to tests/tools/inject.c: every event is lost in turn, and many are lost, doubled, put elsewhere or
altered at random, one and several at a time. Lost, doubled and reordered events must never go
unnoticed; an altered value may where docs/certainty.md says so and why.

Of long recordings some events are tried, and 10,000 random injuries; COPYCHAIN_TEST_ALL=1 tries every
event and 1,000,000.
"""
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INJECT = os.path.join(TOP, "build/tests/tools/inject")
ALL = bool(os.environ.get("COPYCHAIN_TEST_ALL"))
MOST = 10**9 if ALL else 1500
RANDOM = 1000000 if ALL else 10000
LONG = 10**6  # bytes of a trace of which fewer injuries are tried: each costs a whole analysis
SHARE_OF_LONG = 0.05
ALTERED = re.compile(r"(?:length|address|bit) (\S+) at \d+ (\w+) 0x")
LOST = re.compile(r"false: (lost) (\S+) at \d+: ")
FIGURE = re.compile(r"([a-z_][a-z_ ]*?) \d+ not \d+")


def excused():
    """(event, field) of which docs/certainty.md says that another value is another history."""
    with open(os.path.join(TOP, "docs/certainty.md"), encoding="utf-8") as f:
        rows = [line.split("|") for line in f if line.startswith("| `")]
    return {(event, field): set(re.findall("`(.+?)`", row[3])) for row in rows
            for event in re.findall("`(.+?)`", row[1]) for field in re.findall("`(.+?)`", row[2])}


def excuses(line, allowed):
    """The kinds of those that explain a false result: of an event that is lost, only for the figures named."""
    kinds = set(ALTERED.findall(line)) & set(allowed)
    m = LOST.match(line)
    if m and set(FIGURE.findall(line[m.end():].split(": ", 1)[-1])) <= allowed.get((m[2], "lost"), set()):
        kinds.add((m[2], "lost"))
    return kinds


def extract(folder):
    """Of each golden run two folders: with its log and without."""
    runs = []
    for archive in sorted(glob.glob(os.path.join(TOP, "tests/golden/*.tar.xz"))):
        kernel = os.path.basename(archive)[:-len(".tar.xz")]
        with tarfile.open(archive) as tar:
            tar.extractall(os.path.join(folder, kernel))
        for run in sorted(glob.glob(os.path.join(folder, kernel, "*"))):
            bare = os.path.join(folder, "without a log", kernel, os.path.basename(run))
            shutil.copytree(run, bare, ignore=shutil.ignore_patterns("traffic.jsonl"))
            runs += [run, bare]
    return runs


def random_shares(runs):
    long = [os.path.getsize(os.path.join(run, "trace.dat")) > LONG for run in runs]
    weights = [SHARE_OF_LONG if is_long else 1.0 for is_long in long]
    return [max(1, round(RANDOM * w / sum(weights))) for w in weights]


def inject(run, *how):
    p = subprocess.run([INJECT, run, *map(str, how)], text=True, errors="replace", stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, check=False)
    lines = p.stdout.splitlines()
    tried = re.match(r"all: (\d+) tried, (\d+) exact", lines[-1]) if lines else None
    if p.returncode not in (0, 1) or not tried:
        return 0, 0, ["status %d" % p.returncode, *lines[-3:]]
    return int(tried.group(1)), int(tried.group(2)), [line for line in lines if line.startswith("false: ")]


def main():
    allowed, number, bad, tries, altered = excused(), 0, 0, 0, {}
    with tempfile.TemporaryDirectory(prefix="copychain-test-") as tmp:
        runs = extract(tmp)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = []
            for seed, (run, share) in enumerate(zip(runs, random_shares(runs))):
                jobs.append((run, "lost", pool.submit(inject, run, "lose", MOST)))
                jobs.append((run, "random", pool.submit(inject, run, "random", share, seed + 1)))
            for run, how, job in jobs:
                tried, exact, false = job.result()
                kinds = [excuses(line, allowed) for line in false]
                for kind in set().union(*kinds):
                    altered[kind] = altered.get(kind, 0) + 1
                false = [line for line, kind in zip(false, kinds) if not kind]
                number, tries, bad = number + 1, tries + tried, bad + bool(false or not tried)
                print("%s %d - %s: %s: %d injuries, %d leave it exact, none falsely" % (
                    "not ok" if false or not tried else "ok", number, os.path.relpath(run, tmp), how, tried, exact))
                for line in false:
                    print("# " + line)
                sys.stdout.flush()
    print("# %d injuries; other histories, which docs/certainty.md lists: %s" % (
        tries, ", ".join("%s %s (%d)" % (e, f, n) for (e, f), n in sorted(altered.items())) or "none"))
    print("1..%d" % number)
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())

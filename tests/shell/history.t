#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What nights leave behind: their history, and plots that can be read with 16 flows.

Digests are made up: ten nights of three kernels, the newest dearer and with a copy more from a night on, one
that failed once. The page is opened in Chromium, wide and narrow, light and dark.

usage: history.t [--pictures DIR]
"""
import json
import os
import sqlite3
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/tools"))
import browser  # noqa: E402
from tapwrite import finish, ok  # noqa: E402

FLOWS = ([f"udp-{p}" for p in ("lo-64", "lo-1400", "veth-1400", "nics-128", "nics-1400", "nics-8000")] + ["pty-16"] +
         [f"rdma-{v}-{s}" for v in ("send", "write", "read") for s in (64, 4096, 1048576)])


def flow(name, copies, cost):
    few = name == "pty-16" or name.endswith("1048576")
    bare = {"messages": 4 if few else 1000, "median": cost, "middle": cost, "spread": 0}
    copies = 0 if name.startswith("rdma") else copies
    return {"name": name, "size": {"min": 64, "max": 64}, "messages": 1000, "delivered": 1000, "payload_bytes": 64000,
            "copied_bytes": 64000 * copies, "copy_bytes": 64000 * copies, "emulated_bytes": 0, "dead_copy_bytes": 0,
            "verdict": "exact", "why": "", "sites": [], "hops": [],
            "cost": {"bare": bare, "probed": dict(bare, median=4 * cost, middle=4 * cost), "way_messages": 0}}


def digest(path, label, night, change=lambda name: (2, 1.0), failed=None):
    flows = []
    for i, name in enumerate([] if failed else FLOWS):
        copies, factor = change(name)
        flows.append(flow(name, copies, int((16000000 if name.endswith("1048576") else 10000 + 1000 * i) * factor)))
    with open(path, "w") as f:
        json.dump({"schema": 1, "label": label, "kernel": label, "version": "6.1-" + label, "set": "default",
                   "time": f"2026-01-{night:02}T02:30:00Z", "seconds": 1, "status": "failed" if failed else "measured",
                   "why": failed or "", "lost": 0, "skipped": [], "flows": flows}, f)
    return path


def run(*args):
    return subprocess.run([os.path.join(TOP, "regress"), *args], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)


def one_night(work, n):
    """Night run<n>; from the eighth on, udp-lo-64 takes 0.8 % more, and from the ninth a copy more."""
    def newest(name):
        return (3 if name == "udp-lo-64" and n >= 9 else 2,
                1.3 * (1.008 if name == "udp-lo-64" and n >= 8 else 1.0) if name != "rdma-read-64" else 0.8)
    out = os.path.join(work, f"run{n}")
    os.mkdir(out)
    base, middle, new = (os.path.join(out, x) for x in ("base.json", "middle.json", "new.json"))
    digest(base, "bookworm", n)
    digest(middle, "bookworm/6.12", n, lambda name: (2, 0.9), "panic: planted" if n == 7 else None)
    digest(new, "trixie-backports", n, newest)
    return out, run("compare", "--night", f"run{n}", "--baseline", base, "--out", out, "--history",
                    os.path.join(work, "h.db"), middle, new)


LOOK = """
const over = [], box = e => e.getBoundingClientRect();
for (const svg of document.querySelectorAll('figure svg')) {
  const words = [...svg.querySelectorAll('text')].filter(e => e.textContent.trim()).map(e => [e.textContent, box(e)]);
  for (let i = 0; i < words.length; i++) for (let k = 0; k < i; k++) {
    const [a, r] = words[i], [b, s] = words[k], slack = 1;
    if (Math.min(r.right, s.right) - Math.max(r.left, s.left) > slack &&
        Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top) > 0.4 * Math.min(r.height, s.height)) over.push(a + ' / ' + b);
  }
  for (const [a, r] of words) if (r.left < box(svg).left - 1 || r.right > box(svg).right + 1) over.push(a + ' sticks out');
}
return {over, figures: document.querySelectorAll('figure').length, wide: document.documentElement.scrollWidth - innerWidth,
  letters: Math.min(...[...document.querySelectorAll('figure svg text')].map(e => e.getBoundingClientRect().height)),
  named: [...document.querySelectorAll('figure svg')].every(e => e.getAttribute('aria-label'))};
"""


def check_page(page, pictures):
    chromium = browser.Browser()
    try:
        for width in (375, 1440):
            for dark in (False, True):
                what = f"{width} px, {'dark' if dark else 'light'}"
                chromium.open(page, width, dark)
                look = chromium.run(LOOK)
                ok(not look["over"], f"{what}: no words of the plots overlap", look["over"][:8])
                ok(look["figures"] == 5 and look["wide"] <= 0 and look["named"], f"{what}: five plots, named, within the page", look)
                ok(look["letters"] >= 9, f"{what}: their letters can be read", look)
                if pictures:
                    chromium.picture(os.path.join(pictures, f"night-{width}-{'dark' if dark else 'light'}.png"))
    finally:
        chromium.close()


def check_plots(out):
    with open(os.path.join(out, "report.html")) as f:
        html = f.read()
    with open(os.path.join(out, "cost.svg")) as f:
        cost = f.read()
    ok(all(x in cost for x in ("+31.0 %", "+30.0 %", "-10.0 %", "-20.0 %")), "costs are told against the baseline's")
    ok("Flows left out: pty-16, rdma-send-1048576, rdma-write-1048576, rdma-read-1048576" in html, "flows without a cost are named")
    ok("Left out: 47 of 48 series" in html, "over the nights: copies changed in one series", html[-3000:])
    ok("Left out: 35 of 36 series" in html, "and instructions in one", html[-3000:])


def check_small(work):
    """A plot of one flow, which is that of a matrix for a single path."""
    out = os.path.join(work, "small")
    os.mkdir(out)
    for name in ("a", "b"):
        path = digest(os.path.join(out, name + ".json"), name, 1)
        with open(path) as f:
            o = json.load(f)
        o["flows"] = o["flows"][:1]
        with open(path, "w") as f:
            json.dump(o, f)
    p = run("compare", "--night", "s", "--baseline", os.path.join(out, "a.json"), "--out", out, os.path.join(out, "b.json"))
    ok(p.returncode == 0 and all(os.path.exists(os.path.join(out, f"{x}.svg")) for x in ("copies", "cost", "probes")),
       "a single flow is drawn, too", p.stdout, p.stderr)


def check_history(work):
    db = os.path.join(work, "h.db")
    p = run("history", "--db", db, "--flow", "udp-lo-64", "--value", "instructions")
    ok(p.returncode == 0 and "run8             run10                 3  changed: 13104" in p.stdout and p.stdout.count("changed") == 1,
       "0.8 % is a change on the night it came, nights in order of time", p.stdout, p.stderr)
    p = run("history", "--db", db, "--kernel", "*6.12", "--value", "outcome", "--flow", "-")
    ok("run7             run7                  1  changed: not comparable" in p.stdout, "a kernel that failed is shown", p.stdout)
    svg = os.path.join(work, "t.svg")
    p = run("history", "--db", db, "--svg", svg)
    ok(p.returncode == 0 and all(f">{name}<" in open(svg).read() for name in FLOWS), "a plot that is asked for has all flows", p.stderr)
    p = run("history", "--db", db, "--svg", os.path.join(work, "nosuch/t.svg"))
    ok(p.returncode == 4 and "No such file" in p.stderr, "a folder that is not there is told as that", p.stderr)
    return db


def check_damaged(work, db):
    reports = [os.path.join(work, f"run{n}/report.json") for n in range(1, 11)]
    other = os.path.join(work, "other.db")
    with open(reports[3], "r+") as f:
        f.truncate(1000)
    with open(reports[4], "w") as f:
        f.write('{"night": "run5"}')
    p = run("history", "--db", other, "--add", *reports)
    ok(p.returncode == 4 and "run4/report.json: no JSON" in p.stderr and "run5/report.json is no report" in p.stderr and
       p.stderr.count("\n") == 2, "damaged reports are told: 4", p.stderr)
    want = [r for r in rows(db) if r[0] not in ("run4", "run5")]
    ok(rows(other) == want and len(want) > 300, "the others are added, as they were")
    with sqlite3.connect(other) as s:
        s.execute("PRAGMA user_version = 1")
    p = run("history", "--db", other)
    ok(p.returncode == 4 and "schema 1" in p.stderr and "--rebuild" in p.stderr, "an older history: what to do", p.stderr)


def rows(db):
    with sqlite3.connect(db) as s:
        return s.execute("SELECT night, time, baseline_kept, steady_percent, r.* FROM result r JOIN night USING (night) "
                         "ORDER BY night, kernel, flow").fetchall()


def check_kept(work):
    out, db = os.path.join(work, "kept"), os.path.join(work, "kept.db")
    os.mkdir(out)
    kept = digest(os.path.join(out, "week.json"), "mine", 1)
    mine = digest(os.path.join(out, "mine.json"), "mine", 9, lambda name: (2, 1.1))
    p = run("compare", "--night", "k", "--baseline", kept, "--kept-baseline", "--out", out, "--history", db, mine)
    with open(os.path.join(out, "report.json")) as f:
        report = json.load(f)
    ok(p.returncode == 1 and "against mine (baseline)" in p.stdout and report["baseline"]["label"] == "mine (baseline)",
       "a kept baseline with a kernel's name is told apart", p.stdout[:300], p.stderr)
    ok(report["baseline"]["kept"] is True, "and noted in report.json")
    ok("mine (baseline)" in open(os.path.join(out, "copies.svg")).read(), "and in the plots")
    have = rows(db)
    ok({r[5] for r in have} == {"mine"} and {r[1] for r in have} == {"2026-01-09T02:30:00Z"},
       "the history has this night's kernel alone", have[:2])
    again = os.path.join(work, "again.db")
    run("history", "--db", again, "--add", os.path.join(out, "report.json"))
    ok(rows(again) == have, "and so it has when it is made from the report")


def main():
    pictures = sys.argv[2] if sys.argv[1:2] == ["--pictures"] else None
    with tempfile.TemporaryDirectory() as work:
        for n in (1, 2, 10, 3, 4, 5, 6, 7, 8, 9):
            out, p = one_night(work, n)
        ok(p.returncode == 1, "nights are compared", p.stderr)
        page = os.path.join(work, "run10")
        one = run("compare", "--night", "run10", "--baseline", os.path.join(page, "base.json"), "--out", page, "--history",
                  os.path.join(work, "h.db"), os.path.join(page, "middle.json"), os.path.join(page, "new.json"))
        ok(one.returncode == 1, "a night is compared again", one.stderr)
        check_plots(page)
        check_page(os.path.join(page, "report.html"), pictures)
        check_small(work)
        check_damaged(work, check_history(work))
        check_kept(work)
    return finish()


sys.exit(main())

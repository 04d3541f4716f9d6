#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""All kinds of report say the same as analysis.json, and can be read.

Runs are golden ones (tests/golden), or those named. Numbers are taken out of every report and compared;
exports are held against their published schemas; the page is opened in Chromium, wide and narrow, light
and dark, and pictures of it are kept where --pictures says.

usage: reports.t [--pictures DIR] [RUN-FOLDER...]
"""
import csv
import glob
import html.parser
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile

import jsonschema

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/tools"))
import browser  # noqa: E402
from tapwrite import finish, ok  # noqa: E402

RUNS = ["bookworm/nics-128", "bookworm/lo-tap", "bookworm/lo-peek", "bookworm-6.12/nics-8000",
        "bookworm-6.12/veth-1400", "bookworm-sets/networks", "bookworm-swiotlb/nics-1400", "bookworm-rdma/rc-send", "bookworm-6.12-rdma/rc-read"]


def same(what, have, want):
    ok(have == want, what, f"have {have}", f"want {want}")


def report(run, out, *options):
    p = subprocess.run([os.path.join(TOP, "analyze"), "--out", out, *options, run], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    return p


def read(out, name):
    with open(os.path.join(out, name), newline="") as f:
        return f.read()


def rows(out, name):
    return list(csv.DictReader(read(out, f"csv/{name}.csv").splitlines()))


def six(x):
    return f"{x:.6f}"


def check_permissions(run, work):
    """A report tells of addresses and payload; only a redacted one is for everybody."""
    before = os.umask(0)
    try:
        for mask in 0o000, 0o022, 0o077:
            os.umask(mask)
            out = os.path.join(work, "umask-%03o" % mask)
            report(run, out)
            odd = [p for p in [out, *glob.glob(out + "/**", recursive=True)] if os.stat(p).st_mode & 0o077]
            ok(not odd, "umask %03o: nobody else reads the report" % mask, *odd[:5])
            out += "-redacted"
            report(run, out, "--redact")
            ok(mask == 0o077 or all(os.stat(p).st_mode & 0o004 for p in glob.glob(out + "/*")),
               "umask %03o: a redacted one is as the umask says" % mask)
    finally:
        os.umask(before)


# ---- tables ----

def figures(f):
    """By the table of figures: their columns, and the means in analysis.json."""
    with open(os.path.join(TOP, "src/analyze/core/figures.def")) as table:
        found = re.findall(r'^FIGURE\(\w+, +"(\w+)", +"([^"]+)"', table.read(), re.M)
    assert len(found) >= 7, found
    return {column: six(f[member]["mean"]) for member, column in found}


def flow_row(f):
    lat = f["latency_ns"] or {"p50": 0, "p90": 0, "p99": 0}
    return {"flow": f["name"], "number": f["flow"], "proto": f["proto"], "path": f["path"], "size min": f["size"]["min"],
            "size max": f["size"]["max"], "messages": f["messages"], "delivered": f["delivered"],
            "dropped": f["dropped"], "undelivered": f["undelivered"], "payload bytes": f["payload_bytes"],
            "copies min": f["copies"]["min"], "copies max": f["copies"]["max"],
            "copies per message": six(f["copies_per_message"]), **figures(f), "amplification": six(f["amplification"]),
            "emulated amplification": six(f["emulated_amplification"]), "accounted": six(f["accounted"]),
            "content checked": six(f["content_checked"]), "latency p50 ns": lat["p50"], "latency p90 ns": lat["p90"],
            "latency p99 ns": lat["p99"], "verdict": f["verdict"], "why": f["why"]}


def site_name(s):
    if s["kind"] == "copy, site unknown":
        return "site unknown"
    module = f"{s['module']}:" if s.get("module") else ""
    return f"{module}{s['symbol']}+{s['offset']:#x}"


def site_row(f, s):
    arrived = sum(f["size"].values()) / 2 * f["delivered"]
    return {"flow": f["name"], "site": site_name(s), "primitive": s.get("primitive", ""), "kind": s["kind"],
            "hits": s["hits"], "bytes": s["bytes"], "times": six(s["bytes"] / arrived)}


def hop_row(f, chain, i, h):
    return {"flow": f["name"], "message": chain["message"], "kind": h["kind"], "hop": i,
            "primitive": h.get("primitive", ""), "source": h.get("src", ""), "destination": h.get("dst", ""),
            "source physical": h.get("src_phys", ""), "destination physical": h.get("dst_phys", ""),
            "offset": h["offset"], "length": h["length"], "time ns": h["time_ns"], "CPU": h["cpu"],
            "thread": h["tid"], "event": h["event"] or "", "file offset": h["file_offset"]}


def texts(row):
    return {k: str(v) for k, v in row.items()}


def check_csv(name, a, out):
    flows = a["flows"]
    same(f"{name}: flows.csv", rows(out, "flows"), [texts(flow_row(f)) for f in flows])
    same(f"{name}: sites.csv", rows(out, "sites"), [texts(site_row(f, s)) for f in flows for s in f["sites"]])
    want = [texts(hop_row(f, c, i, h)) for f in flows for c in f["example"] for i, h in enumerate(c["hops"])]
    same(f"{name}: hops.csv", [{k: r[k] for k in w} for r, w in zip(rows(out, "hops"), want)], want)
    same(f"{name}: latency.csv", [(r["flow"], r["from ns"], r["to ns"], r["messages"]) for r in rows(out, "latency")],
         [(f["name"], str(b["from"]), str(b["to"]), str(b["count"])) for f in flows if f["latency_ns"]
          for b in f["latency_ns"]["bins"]])
    same(f"{name}: unlinked.csv", sorted((r["site"], r["length"], r["hits"]) for r in rows(out, "unlinked")),
         sorted((u["site"], str(u["length"]), str(u["hits"])) for u in a["unlinked_copies"]))
    same(f"{name}: loss.csv", rows(out, "loss")[-1]["events"], str(a["lost"]))


class Tables(html.parser.HTMLParser):
    """Caption → rows, each a dict of column → text, or the value behind a rounded one."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.tags, self.headings = [], [], []
        self.into = self.value = None
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append({"caption": "", "heads": [], "rows": []})
        if tag == "tr" and self.tables:
            self.tables[-1]["rows"].append([])
        if tag in ("caption", "th", "td"):
            self.text, self.value = "", None
        if tag == "data":
            self.value = dict(attrs)["value"]

    def handle_data(self, data):
        self.text += data

    def handle_endtag(self, tag):
        if tag == "caption":
            self.tables[-1]["caption"] = self.text
        if tag == "th":
            self.tables[-1]["heads"].append(self.text)
        if tag == "td":
            if self.value is not None and f"{float(self.value):.3f}" != self.text:
                self.text = f"shown {self.text} for {self.value}"
            else:
                self.text = self.value or self.text
            self.tables[-1]["rows"][-1].append(self.text)

    def rows(self, start):
        return [dict(zip(t["heads"], r)) for t in self.tables if t["caption"].startswith(start)
                for r in t["rows"] if r]


def check_html(name, out):
    page = read(out, "index.html")
    tables = Tables(page)
    for start, sheet in (("Every flow", "flows"), ("Where its bytes", "sites"), ("Each hop", "hops"),
                         ("Time from send", "latency"), ("Events lost", "loss")):
        have, want = tables.rows(start), rows(out, sheet)
        want = [{k: w[k] for k in h} for h, w in zip(have, want)] if len(have) == len(want) else want
        same(f"{name}: the page's table of {sheet}", have, want)
    ok(not re.search(r"<script|\ssrc=|href=[\"'](?!#)|url\(http|@import", page), f"{name}: no script, nothing from elsewhere")
    ids = re.findall(r"\sid=[\"']([^\"']+)", page)
    same(f"{name}: no identifier twice", [i for i in set(ids) if ids.count(i) > 1], [])


def is_named(row, name):
    """A name that is too long for its column is told without its middle."""
    first, cut, last = row.split(" ", 1)[0].partition("…")
    return first == name if not cut else name.startswith(first) and name.endswith(last)


def check_texts(name, a, out):
    text = read(out, "summary.txt")
    wide = [line for line in text.splitlines() if len(line) > 100]
    same(f"{name}: summary.txt fits 100 columns", wide, [])
    for f in a["flows"]:
        row = next(line for line in text.splitlines() if "/" in line and is_named(line, f["name"]))
        words = re.sub(r" \(\d+-\d+\)", "", row).split()
        words[0] = f["name"]
        size = f["size"]
        want = [f["name"], str(size["max"]) if size["min"] == size["max"] else f"{size['min']}-{size['max']}",
                f"{f['delivered']}/{f['messages']}", f"{f['copies']['mean']:.3f}", f"{f['emulated_dma']['mean']:.3f}",
                f"{f['amplification']:.3f}", f"{f['system_calls'] / f['messages']:.2f}"]
        same(f"{name}: summary.txt, {f['name']}", words[:5] + words[7:9], want)
        same(f"{name}: its verdict", words[-1], f["verdict"])
    chain = max((c for f in a["flows"] for c in f["example"][:1]), key=lambda c: len(c["hops"]), default=None)
    moves = [h for h in chain["hops"] if h["kind"] in ("copy", "emulated-dma")]
    same(f"{name}: ★ in the worked chain", [m for m in re.findall(r"^ +★.*?: ([^\s,]+)", text.split(" bytes (★")[1], re.M)]
         [:len(moves)], [h["site"] for h in moves])
    same(f"{name}: ★ in steps.txt", len(re.findall(r"^★ ", read(out, "steps.txt"), re.M)), len(moves))
    # of a message in several pieces: "2 to 3"
    counts = {n for told in re.findall(r"∴ (.*?) copies", read(out, "proof.md")) for n in told.split(" to ")}
    same(f"{name}: counts of proof.md", sorted(counts),
         sorted({str(sum(h["kind"] == "copy" for h in c["hops"])) for f in a["flows"] for c in f["example"]
                 if f["proto"] != "rdma"}))
    same(f"{name}: nothing concluded in proof.md of flows whose posts are no system calls",
         "Nothing is concluded" in read(out, "proof.md"), any(f["proto"] == "rdma" for f in a["flows"]))
    sheet = read(out, "worksheet.md")
    f = next(f for f in a["flows"] if f"flow {f['name']}, message" in sheet)
    ok(f"{f['copies']['mean']:.3f} per delivered byte" in sheet, f"{name}: copies in worksheet.md")


def dat(out, name):
    import shlex
    text = read(out, f"plots/{name}.dat")
    return [shlex.split(line) for line in text.splitlines() if line and not line.startswith("#")]


def check_plots(name, a, out):
    flows = a["flows"]
    same(f"{name}: copies.dat", [r[1:] for r in dat(out, "copies")],
         [[f["name"], six(f["copies_per_message"]), six(f["copies"]["mean"]), six(f["emulated_dma"]["mean"])] for f in flows])
    same(f"{name}: amplification.dat", [r[:3] for r in dat(out, "amplification")],
         [[str(f["size"]["max"]), six(f["amplification"]), six(f["emulated_amplification"])] for f in flows])
    same(f"{name}: hops.dat", [(r[4], r[5], round((float(r[2]) - float(r[1])) * 1000)) for r in dat(out, "hops")],
         [(f["name"], h["kind"], h["median_ns"]) for f in flows if f["cost"] for h in f["cost"]["hops"]])
    same(f"{name}: latency.dat", [r[2] for r in dat(out, "latency") if len(r) == 3],
         [six(b["count"] / f["latency_ns"]["count"]) for f in flows if f["latency_ns"] for b in f["latency_ns"]["bins"]])
    total = {}
    for f in flows:
        for s in f["sites"]:
            total[site_name(s)] = total.get(site_name(s), 0) + s["bytes"]
    same(f"{name}: sites.dat", {r[1]: int(r[2]) for r in dat(out, "sites")}, total)
    for script in glob.glob(os.path.join(out, "plots/*.gp")):
        svg = script[:-3] + ".svg"
        before = os.path.getsize(svg)
        os.unlink(svg)
        subprocess.run(["gnuplot", os.path.basename(script)], cwd=os.path.dirname(script), stderr=subprocess.DEVNULL)
        ok(os.path.exists(svg) and os.path.getsize(svg) == before,
           f"{name}: {os.path.basename(script)} draws its plot again")


# ---- exports ----

def load_schema(name):
    with open(os.path.join(TOP, f"docs/{name}.schema.json")) as f:
        return jsonschema.Draft7Validator(json.load(f))


def check_trace(name, a, out):
    events = json.loads(read(out, "trace.json"))["traceEvents"]
    slices = {(e["pid"], e["tid"], e["ts"]): e for e in events if e["ph"] == "X"}
    starts = {e["id"]: e for e in events if e["ph"] == "s"}
    ends = {e["id"]: e for e in events if e["ph"] == "f"}
    same(f"{name}: arrows have both ends", sorted(starts), sorted(ends))
    order = {}
    for f in a["flows"]:
        for c in f["example"]:
            kept = [h for h in c["hops"] if h["kind"] not in ("wire", "gap")]
            for x, y in zip(kept, kept[1:]):
                order[(x["time_ns"], x["kind"], y["time_ns"], y["kind"])] = f["name"]
    wrong, joined = [], set()
    for i, s in starts.items():
        at = [e for e in events if e["ph"] == "X" and (e["pid"], e["tid"], e["ts"]) == (s["pid"], s["tid"], s["ts"])]
        to = [e for e in events if e["ph"] == "X" and (e["pid"], e["tid"], e["ts"]) ==
              (ends[i]["pid"], ends[i]["tid"], ends[i]["ts"])]
        pairs = {(round(x["ts"] * 1000), x["args"]["kind"], round(y["ts"] * 1000), y["args"]["kind"])
                 for x in at for y in to} & set(order)
        joined |= pairs
        if not pairs:
            wrong.append((s, ends[i]))
    same(f"{name}: arrows lead from a hop to the next", wrong, [])
    same(f"{name}: and every two hops are joined", set(order) - joined, set())
    several = len({h["tid"] for f in a["flows"] for c in f["example"][:1] for h in c["hops"]}) > 1
    ok(len(slices) > 0 and several == any(e["pid"] != starts[i]["pid"] or e["tid"] != starts[i]["tid"]
                                          for i, e in ends.items()), f"{name}: arrows cross threads where the hops do")


def check_dot(name, a, out):
    for path in sorted(glob.glob(os.path.join(out, "dot/*.dot"))):
        p = subprocess.run(["dot", "-Tsvg", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        nodes = p.stdout.count('class="node"')
        ok(p.returncode == 0 and not p.stderr and nodes > 1, f"{name}: {os.path.basename(path)} renders", p.stderr)
    same(f"{name}: a drawing per chain", len(glob.glob(os.path.join(out, "dot/*.dot"))),
         sum(bool(f["example"]) for f in a["flows"]))


ADDRESS = re.compile(r"(?<![+\w])0x([0-9a-f]{5,16})\b")
NUMBER = re.compile(r"(?<![0-9a-zA-Z])(0x)?([0-9a-f]{6,16})(?![0-9a-zA-Z])")
RAW_EVENT = re.compile(r"\s*\S+\s+\[\d+\]\s+\S+:\s+\S+:\s+(.*)")
# Fields that hold addresses or payload; of the arrays, each word that is too large for a length.
SECRET = set("__probe_ip __probe_func dst src page ibase iter caller skb head data sk sock file msg name ret priv to "
             "dma phys where qp scq rcq cq bth wqe mr umem iova base sgt va buf ubuf addr token queue s".split())
SECRET_ARRAYS = {"seg", "pages", "hdr", "sg"}


def secrets_of(run):
    """Every address and every piece of payload that the recording holds, as trace-cmd tells it."""
    text = subprocess.run(["trace-cmd", "report", "-R", os.path.join(run, "trace.dat")], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, errors="replace").stdout
    memory = json.load(open(os.path.join(run, "run.json")))["memory"]
    found = {int(memory[k], 16) for k in ("page_offset_base", "vmemmap_base", "phys_base")}
    for line in text.splitlines():
        m = RAW_EVENT.match(line)
        for key, value in re.findall(r"(\w+)=(ARRAY\[[^\]]*\]|\S+)", m[1]) if m else []:
            if value.startswith("ARRAY["):
                raw = bytes(int(x, 16) for x in value[6:-1].split(", ")) if key in SECRET_ARRAYS else b""
                words = (int.from_bytes(raw[i:i + 8], "little") for i in range(0, len(raw) - 7, 8))
                found |= {w for w in words if w >> 40}
            elif key in SECRET and re.fullmatch(r"(0x)?[0-9a-f]+", value):
                found.add(int(value, 16))
    return {v for v in found if v >= 1 << 20}


def check_redacted(name, a, run, work):
    out, partly = os.path.join(work, "redacted"), os.path.join(work, "partly")
    report(run, out, "--redact")
    report(run, partly, "--redact", "--report=json")
    files = [f for f in glob.glob(os.path.join(out, "**"), recursive=True) if os.path.isfile(f)]
    memory = json.load(open(os.path.join(run, "run.json")))["memory"]
    secret = {memory["page_offset_base"][:10], memory["vmemmap_base"][:10]}
    raw = {v for f in a["flows"] for c in f["example"] for h in c["hops"] for k in ("src", "dst", "skb", "sk", "src_phys", "dst_phys")
           if (v := h.get(k))}
    leaks = [(os.path.basename(f), m) for f in files for t in [open(f, newline="").read()]
             for m in ADDRESS.findall(t) if "0x" + m in raw or any(("0x" + m).startswith(s) for s in secret)]
    same(f"{name}: no address of the run in {len(files)} redacted files", leaks, [])
    screen = subprocess.run([os.path.join(TOP, "analyze"), "--redact", "--no-report", run], stdout=subprocess.PIPE, text=True).stdout
    texts = [(os.path.relpath(f, out), open(f, newline="", errors="replace").read()) for f in files] + [("screen", screen)]
    secrets = secrets_of(run)
    told = [(where, m[0]) for where, text in texts for m in NUMBER.finditer(text)
            if int(m[2], 16) in secrets or (not m[1] and m[2].isdigit() and int(m[2]) in secrets)]
    ok(len(secrets) > 100, f"{name}: the recording has addresses ({len(secrets)})")
    same(f"{name}: none of them, and no payload, in any form", told, [])
    b = json.loads(read(out, "analysis.json"))
    same(f"{name}: aliases do not depend on what is asked for", json.loads(read(partly, "analysis.json")), b)
    pairs = {}
    for x, y in zip((h for f in a["flows"] for c in f["example"] for h in c["hops"]),
                    (h for f in b["flows"] for c in f["example"] for h in c["hops"])):
        for k in ("src", "dst"):
            pairs.setdefault(x.get(k), set()).add(y.get(k))
    ok(all(len(v) == 1 for v in pairs.values()) and len({next(iter(v)) for v in pairs.values()}) == len(pairs),
       f"{name}: an alias for each address, and another for another")
    ok(not list(load_schema("analysis").iter_errors(b)), f"{name}: still of the schema")


# ---- the page ----

LOOK = """
const seen = e => { const r = e.getBoundingClientRect(); return r.width > 100 && r.height > 50; };
const lum = c => { const v = c.map(x => { x /= 255; return x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; });
  return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
const rgb = s => s.match(/[\\d.]+/g).map(Number);
const back = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] > .5) return c.slice(0, 3); } return [255, 255, 255]; };
const poor = [];
for (const e of document.querySelectorAll('h1,h2,h3,p,a,td,th,li,dt,dd,code,caption,.verdict,.arrow,svg text')) {
  const svg = e.closest('svg'), st = getComputedStyle(e);
  const c = rgb(svg ? (st.fill === 'none' ? st.color : st.fill) : st.color), b = back(svg ? svg.parentElement : e);
  const [x, y] = [lum(c), lum(b)].sort((p, q) => q - p);
  if ((x + .05) / (y + .05) < 4.5) poor.push(e.tagName + ' ' + e.textContent.slice(0, 30) + ' ' + c + ' on ' + b);
}
return {plots: [...document.querySelectorAll('figure svg')].filter(seen).length,
  figures: document.querySelectorAll('figure').length,
  over: document.documentElement.scrollWidth - innerWidth,
  small: Math.min(...[...document.querySelectorAll('p,td,th,li,dd')].map(e => parseFloat(getComputedStyle(e).fontSize))),
  poor: poor.slice(0, 8), regions: [...document.querySelectorAll('.scroll')].every(e => e.tabIndex === 0 && e.getAttribute('aria-label')),
  labels: [...document.querySelectorAll('figure svg')].every(e => e.getAttribute('role') === 'img' && e.getAttribute('aria-label')),
  headings: [...document.querySelectorAll('h1,h2,h3')].map(e => +e.tagName[1]).every((l, i, a) => !i || l - a[i - 1] <= 1)};
"""


def check_page(name, out, chromium, pictures, plots=5):
    for width in (375, 1440):
        for dark in (False, True):
            what = f"{name}: {width} px, {'dark' if dark else 'light'}"
            chromium.open(os.path.join(out, "index.html"), width, dark)
            look = chromium.run(LOOK)
            same(f"{what}: every plot is visible", (look["plots"], look["figures"]), (plots, plots))
            ok(look["over"] <= 0, f"{what}: nothing sticks out", look)
            ok(look["small"] >= 12, f"{what}: letters of 12 px and more", look)
            same(f"{what}: contrast of 4.5 and more", look["poor"], [])
            ok(look["regions"] and look["labels"] and look["headings"], f"{what}: named for screen readers, boxes reached by keyboard", look)
            if pictures:
                chromium.picture(os.path.join(pictures, f"{name.replace('/', '-')}-{width}-{'dark' if dark else 'light'}.png"))
    same(f"{name}: no message on the console", chromium.messages(), [])


def check_worksheet(name, out):
    """What the golden runs lack: a sender that prints, a TCP connection; the pair of cards is in some."""
    claims = dict(re.findall(r"^### (.*)\n\n\*(.*?)\*", read(out, "worksheet.md"), re.M))
    cards = "refuted" if "nics-128" in name or "swiotlb" in name else "confirmed" if "nics" in name or "networks" in name else "not examined in this run"
    same(f"{name}: the sender's small copies", claims["The small copies seen while the program sent were pieces of the payload"],
         "not examined in this run")
    same(f"{name}: the packet of 66 bytes", claims["The packet of 66 bytes was the datagram with padding"],
         "not examined in this run")
    same(f"{name}: cards", claims["With a real network card it is always two copies and two DMA, never a third copy"], cards)


def check_run(name, run, chromium, pictures):
    with tempfile.TemporaryDirectory() as work:
        out = os.path.join(work, "report")
        p = report(run, out)
        ok(p.returncode == 0 and re.search(r"^report: .*index\.html", p.stdout.splitlines()[-1]),
           f"{name}: analyze ends with the path of the report", p.stdout[-300:], p.stderr)
        a = json.loads(read(out, "analysis.json"))
        for schema in ("analysis", "trace"):
            errors = [e.message for e in load_schema(schema).iter_errors(json.loads(read(out, f"{schema}.json")))]
            same(f"{name}: {schema}.json is of its schema", errors[:3], [])
        check_csv(name, a, out)
        check_html(name, out)
        check_texts(name, a, out)
        check_plots(name, a, out)
        check_trace(name, a, out)
        check_dot(name, a, out)
        check_redacted(name, a, run, work)
        if name in RUNS:
            check_worksheet(name, out)
        check_page(name, out, chromium, pictures)


def without_gnuplot(name, run):
    with tempfile.TemporaryDirectory() as work:
        p = subprocess.run([os.path.join(TOP, "analyze"), "--out", os.path.join(work, "r"), run], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": "/nowhere"})
        ok(p.returncode == 0 and "gnuplot is missing; apt-get install gnuplot-nox" in p.stderr, f"{name}: it says that gnuplot is missing",
           p.stderr)
        ok("gnuplot is missing" in read(os.path.join(work, "r"), "index.html"), f"{name}: and so does the page, which holds the rest")


def options(run):
    with tempfile.TemporaryDirectory() as work:
        p = report(run, os.path.join(work, "r"), "--report=nothing")
        ok(p.returncode == 2 and "is not one of" in p.stderr and not os.path.exists(os.path.join(work, "r")), "an unknown kind of report is refused")
        p = report(run, os.path.join(work, "r"), "--report=proof,csv")
        same("only what is asked for is written", sorted(os.listdir(os.path.join(work, "r"))), ["csv", "proof.md"])


def main():
    args = sys.argv[1:]
    pictures = None
    if args[:1] == ["--pictures"]:
        pictures = args[1]
        args = args[2:]
    chromium = browser.Browser()
    try:
        with tempfile.TemporaryDirectory() as work:
            runs = [(os.path.basename(r.rstrip("/")), r) for r in args]
            for name in [] if args else RUNS:
                archive = name.split("/")[0]
                with tarfile.open(os.path.join(TOP, "tests/golden", archive + ".tar.xz")) as tar:
                    tar.extractall(os.path.join(work, archive))
                runs.append((name, os.path.join(work, name)))
            for name, run in runs:
                check_run(name, run, chromium, pictures)
            without_gnuplot(*runs[0])
            check_permissions(runs[0][1], work)
            options(runs[0][1])
    finally:
        chromium.close()
    return finish()


sys.exit(main())

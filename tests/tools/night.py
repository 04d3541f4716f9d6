#!/usr/bin/env python3
"""Holds a night against what its own logs and recordings say, read without the program under test.

usage: night.py NIGHT; prints pass|WHAT and fail|WHAT lines, for tap_claims
"""
import collections
import glob
import json
import os
import statistics
import sys


def claim(what, holds):
    print(("pass|" if holds else "fail|") + what)


def medians(path, shift):
    """Of each flow: from before the send to after the receive, in instructions; of a read, its reader's."""
    names, sent, took = {}, {}, collections.defaultdict(list)
    for line in map(json.loads, open(path)):
        key = line.get("flow"), line.get("seq")
        if line["kind"] == "flow":
            names[line["flow"]] = line["name"]
        elif line["kind"] == "send":
            sent[key] = line["time"]
        elif line["kind"] == "recv" and line["call"] == "post_send":
            took[names[line["flow"]]].append(line["done"] - line["time"])
        elif line["kind"] == "recv" and key in sent:
            took[names[line["flow"]]].append(line["time"] - sent.pop(key))
    return {name: statistics.median_low(sorted(ns)) >> shift for name, ns in took.items()}


def census(path):
    """Functions with calls, jumps and inlined copies, by primitive, without the compiler's splits."""
    found = collections.Counter()
    for s in json.load(open(path))["sites"]:
        if s["kind"] in ("call", "jump", "inlined"):
            found[s["primitive"], s.get("module") or "", s["function"].split(".")[0]] += 1
    return found


def check_job(job):
    name = os.path.basename(job)
    digest = json.load(open(f"{job}/digest.json"))
    log = [json.loads(line) for line in open(f"{job}/run/traffic.jsonl")]
    ends = {x["flow"]: x for x in log if x["kind"] == "end"}
    logged = {x["name"]: ends[x["flow"]] for x in log if x["kind"] == "flow"}
    flows = {f["name"]: f for f in digest["flows"]}
    claim(f"{name}: the flows are those of the log", flows.keys() == logged.keys())
    claim(f"{name}: delivered bytes are those that the receivers logged",
          all(flows[n]["payload_bytes"] == logged[n]["received_bytes"] for n in flows))
    claim(f"{name}: copied bytes are those of the sites",
          all(f["copy_bytes"] == sum(s["bytes"] for s in f["sites"] if s["kind"].startswith("copy"))
              for f in flows.values()))
    for which, path in ("bare", "bare.jsonl"), ("probed", "run/traffic.jsonl"):
        own = medians(f"{job}/{path}", digest["icount_shift"])
        claim(f"{name}: medians ({which}) are those of the log",
              all(flows[n]["cost"][which]["median"] == own[n] for n in flows))
    claim(f"{name}: probes cost something", all(f["cost"]["probed"]["median"] > f["cost"]["bare"]["median"]
                                                for f in flows.values() if f["messages"] >= 100))
    return digest


def check_census(night, report):
    base = census(glob.glob(f"{night}/jobs/{slug(report['baseline']['label'])}/run/sites.json")[0])
    for kernel in report["kernels"]:
        own = census(f"{night}/jobs/{slug(kernel['label'])}/run/sites.json")
        told = kernel["census"]
        differs = collections.Counter()
        for x in sum((told[key] for key in told if key != "blind"), []):
            differs[x["primitive"], x["module"], x["function"]] += x["sites"]
            if "from_sites" in x:
                differs[x["from_primitive"], x["from_module"], x["from_function"]] -= x["from_sites"]
        for x in told["gone"]:
            differs[x["primitive"], x["module"], x["function"]] -= 2 * x["sites"]
        claim(f"{kernel['label']}: what is told of sites is how the two censuses differ",
              {k: n for k, n in differs.items() if n} ==
              {k: own[k] - base[k] for k in own.keys() | base.keys() if own[k] != base[k]})


def slug(label):
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in label)


night = sys.argv[1]
report = json.load(open(f"{night}/report.json"))
for job in sorted(glob.glob(f"{night}/jobs/*")):
    check_job(job)
check_census(night, report)

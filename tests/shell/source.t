#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Rules that the source keeps, each first tried on a tree that breaks it.

- An event's name is in src/trace/events.def and nowhere else.
- No kernel function, tracepoint or module that a table names is named in C as well.
- Nothing in src/analyze/core includes src/analyze/path: datapaths register themselves.

The checker of proofs keeps a vocabulary of its own, on purpose: it must not share an error with
what it checks. What else is excepted is listed here with its reason.
"""
import glob
import os
import re
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/tools"))
from tapwrite import finish, ok  # noqa: E402

# (file, word) -> why it may be there
EXCEPTED = {
    ("src/collect/census.c", "guard"): "a way to cover a primitive, not the event that it leads to",
    ("src/traffic/testbed_rxe.c", "rdma_rxe"): "the module that makes the test bed's devices",
    ("src/traffic/set.c", "tun"): "a testbed",
    ("src/traffic/testbed_tap.c", "tun"): "the file by which a program makes a device",
}
OWN_VOCABULARY = "src/proofcheck/"

TOKEN = re.compile(r"""/\*.*?\*/|//[^\n]*|'(?:[^'\\\n]|\\.)+'|"((?:[^"\\\n]|\\.)*)\"""", re.S)
# Tables of kernel names: which of a row's arguments name something of the kernel.
NAMES = [
    ("src/collect/points.def", r'^POINT\(\w+,\s*\w+,\s*"([^"]+)"'),
    ("src/collect/primitives.def", r"^PRIMITIVE\((\w+)"),
    ("src/collect/notrace.def", r'^NOTRACE\("([^"]+)"'),
    ("src/collect/used_types.def", r'^USED_ENUM\("([^"]+)"'),
    ("src/trace/traits.def", r'^TRAIT\(\w+,\s*"([^"]+)"'),
]


def read(top, path):
    with open(os.path.join(top, path), encoding="utf-8") as f:
        return f.read()


def files(top, *patterns):
    return sorted(os.path.relpath(p, top) for pattern in patterns
                  for p in glob.glob(os.path.join(top, pattern), recursive=True))


def literals(text):
    """String literals, without those in comments; what an include names is none."""
    text = re.sub(r'^#include.*$', "", text, flags=re.M)
    return [m.group(1) for m in TOKEN.finditer(text) if m.group(1) is not None]


def code_words(literal):
    """The words of a literal that is no prose: names, paths, patterns and formats have no blanks."""
    return set(re.findall(r"\w+", re.sub(r"%[-+#0-9.*]*(?:ll|l|z|h)?[a-z]", " ", literal))) \
        if not re.search(r"\s", literal) else set()


def event_names(top):
    return re.findall(r'^EVENT\(\w+,\s*[^,]+,\s*"([^"]+)"', read(top, "src/trace/events.def"), re.M)


def kernel_names(top):
    """Of "module:function", "system/event" and "function@pattern", each part but systems."""
    found = set()
    for table, row in NAMES:
        if os.path.exists(os.path.join(top, table)):
            for name in re.findall(row, read(top, table), re.M):
                name = re.sub(r"^\w+/", "", name.split("@")[0])
                found.update(name.split(":"))
    return {n for n in found if re.fullmatch(r"\w+", n)}


def said(top, names, words_of):
    """Where C code says one of the names: (file, name)."""
    for path in files(top, "src/**/*.[ch]"):
        for literal in literals(read(top, path)):
            for word in words_of(literal) & names:
                if (path, word) not in EXCEPTED:
                    yield path, word


def events_twice(top):
    names = event_names(top)
    twice = ["src/trace/events.def: " + n for n in sorted(set(names)) if names.count(n) > 1]
    # A word like "mem" may be part of something else; one of two words is the event.
    return twice + ["%s: %s" % at for at in said(top, set(names), lambda literal: {literal} | {
        w for w in code_words(literal) if "_" in w}) if not at[0].startswith(OWN_VOCABULARY)]


def kernel_in_c(top):
    names = event_names(top) if os.path.exists(os.path.join(top, "src/trace/events.def")) else []
    return ["%s: %s" % at for at in said(top, kernel_names(top), code_words)
            if not (at[0].startswith(OWN_VOCABULARY) and at[1] in names)]


def core_knows_path(top):
    return [path for path in files(top, "src/analyze/core/**/*.[ch]", "src/analyze/core/**/*.def")
            if re.search(r'^\s*#\s*include\s*"analyze/path/', read(top, path), re.M)]


RULES = [
    ("each event's name is in one place", events_twice, {
        "src/trace/events.def": 'EVENT(A, OWN, "ev_a", COPY, (NOTHING), "")\nEVENT(B, OWN, "ev_a", COPY, (NOTHING), "")\n',
        "src/report/x.c": '/* "ev_a" */ char q = \'"\', *s = "ev_a", *t = "x:ev_a";\n',
        "src/proofcheck/x.c": 'char *s = "ev_a";\n'}, 3),
    ("no kernel function or module of a table is in C", kernel_in_c, {
        "src/collect/points.def": 'POINT(ENTRY, A, "some_mod:some_func", 0, 0, "")\nPOINT(CALL, A, "other@*x*", 0, 0, "")\n',
        "src/collect/primitives.def": "PRIMITIVE(some_copy, LEAF, MEM, NET)\n",
        "src/analyze/x.c": '// "some_func"\nconst char *a = "some_func+0x%llx", *b = "some_mod", *c = "other",\n'
                           '*d = "some_copy", *e = "of some_copy and the like", *f = "some_copying";\n'}, 4),
    ("core includes no datapath", core_knows_path, {
        "src/analyze/core/x.c": '#include "analyze/path/udp.h"\n',
        "src/analyze/core/y.c": '#include "analyze/core/x.h"\n'}, 1),
]


def plant(top, tree):
    for path, text in tree.items():
        os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
        with open(os.path.join(top, path), "w", encoding="utf-8") as f:
            f.write(text)


def main():
    for what, rule, tree, breaks in RULES:
        with tempfile.TemporaryDirectory(prefix="copychain-test-") as top:
            plant(top, tree)
            found = rule(top)
        ok(len(found) == breaks, what + ": what breaks it is found", *found)
        found = rule(TOP)
        ok(not found, what, *found)
    ok(len(event_names(TOP)) > 40 and len(kernel_names(TOP)) > 60, "the tables are read",
       len(event_names(TOP)), len(kernel_names(TOP)))
    return finish()


if __name__ == "__main__":
    sys.exit(main())

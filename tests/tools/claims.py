#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Judges claims about a run: lines "description | expression" on standard input, in the words
of evidence.py and of the assignments NAME=VALUE. Prints "pass|description" or "fail|description",
and after the latter what its parts were."""
import ast
import sys

import evidence
import kernelsays


def value_of(node, names):
    return eval(compile(ast.Expression(node), "claim", "eval"), names)


def short(value):
    text = repr(value)
    return text if len(text) < 400 else text[:400] + " …"


def explain(node, names):
    """Lines on why an expression is false."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        for part in node.values:
            if not value_of(part, names):
                return explain(part, names)
    lines = [ast.unparse(node)]
    if isinstance(node, ast.Compare):
        for part in [node.left, *node.comparators]:
            if not isinstance(part, ast.Constant):
                lines.append(f"  {ast.unparse(part)} is {short(value_of(part, names))}")
    return lines


def judge(text, names):
    node = ast.parse(text, mode="eval").body
    try:
        if value_of(node, names):
            return []
        return explain(node, names)
    except Exception as e:  # a claim that cannot be judged does not hold
        return [f"{text}: {type(e).__name__}: {e}"]


def main():
    run, report, *assignments = sys.argv[1:]
    names = {}
    try:
        e = evidence.Evidence(run, report)
        names = {"e": e, "a": e.analysis, "run": e.run, "flow": e.flow, "log": e.log,
                 "flows": e.flows, "logged": e.logged, "read_log": evidence.read_log,
                 "copied": kernelsays.copied, "rise": kernelsays.rise}
    except Exception as problem:
        names = {"problem": problem}
    for text in assignments:
        key, value = text.split("=", 1)
        names[key] = int(value) if value.isdigit() else value
    for line in sys.stdin:
        if not line.strip():
            continue
        what, claim = (part.strip() for part in line.split(" | ", 1))
        if "problem" in names:
            why = [f"{type(names['problem']).__name__}: {names['problem']}"]
        else:
            why = judge(claim, names)
        print(f"{'fail' if why else 'pass'}|{what}")
        for text in why:
            print(f"# {text}")


main()

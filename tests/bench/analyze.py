#!/usr/bin/env python3
"""Whole analysis of a run beside trace-cmd report on its trace.dat: time, memory, ratios."""
import os
import resource
import subprocess
import sys
import time


def newest_run():
    runs = [os.path.join("runs", d) for d in os.listdir("runs")] if os.path.isdir("runs") else []
    runs = [d for d in runs if not os.path.islink(d) and os.path.exists(d + "/run.json")]
    return max(runs, key=os.path.getmtime) if runs else None


def measure(command):
    """Best of three wall-clock seconds, and the peak resident set of the last in KiB."""
    best = None
    for _ in range(3):
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
        if status:
            sys.exit("bench: %s failed with status %d" % (command[0], status))
        best = seconds if best is None else min(best, seconds)
    return best, usage.ru_maxrss


def main():
    run = sys.argv[1] if len(sys.argv) > 1 else newest_run()
    if not run:
        print("analyze: no run in runs/ to measure; './collect.sh run' makes one")
        return
    rows = [("analyze (chains, verdicts)", measure(["./analyze", "--no-report", run])),
            ("trace-cmd report (text)", measure(["trace-cmd", "report", run + "/trace.dat"]))]
    size = os.path.getsize(run + "/trace.dat") / 1e6
    print("%s, trace.dat of %.1f MB" % (os.path.basename(run), size))
    print("%-28s %10s %10s %12s %10s" % ("", "seconds", "ratio", "peak KiB", "ratio"))
    for name, (seconds, rss) in rows:
        print("%-28s %10.3f %10.3f %12d %10.3f" % (
            name, seconds, seconds / rows[1][1][0], rss, rss / rows[1][1][1]))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()

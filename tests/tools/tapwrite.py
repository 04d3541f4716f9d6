# SPDX-License-Identifier: GPL-2.0-only
"""TAP for tests in Python."""

count = bad = 0


def ok(good, what, *more):
    """A check; what it has to say is printed where it fails."""
    global count, bad
    count += 1
    bad += not good
    print(f"{'ok' if good else 'not ok'} {count} - {what}")
    for line in [] if good else more:
        print("# " + str(line).replace("\n", "\n# ")[:2000])


def finish():
    """The plan; gives the exit status."""
    print(f"1..{count}")
    return bad != 0

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Holds the logs of two ends of an RDMA flow, NAME.send and NAME.recv, beside each other, and
what the devices counted: rdma_ends.py FOLDER. Prints a TAP-like line per check."""
import json
import os
import sys

SAME = """name proto path size count fill src dst dport op qp inline depth mtu dev_send dev_recv
qpn_send qpn_recv psn_send psn_recv gid_send gid_recv gid_index_send gid_index_recv""".split()


def read(path):
    return [json.loads(line) for line in open(path)]


def of(lines, kind):
    return [line for line in lines if line["kind"] == kind]


def check(good, what):
    print(f"{'pass' if good else 'fail'}|logs: {what}")


def rises(lines, dev, counter):
    """What a device's counter rose by."""
    before, after = ([c for c in of(lines, "counters") if (c["dev"], c["when"]) == (dev, when)]
                     for when in ("before", "after"))
    assert len(before) == len(after) == 1, (before, after)
    return after[0]["hw_counters"][counter] - before[0]["hw_counters"][counter]


def messages(name, send, recv):
    flow = of(send, "flow")[0]
    sends, recvs, count = of(send, "send"), of(recv, "recv"), flow["count"]
    in_order = list(range(count))
    check([s["seq"] for s in sends] == in_order and sorted(r["seq"] for r in recvs) == in_order,
          f"{name}: each message is sent and received")
    check(all(s["result"] == r["result"] == flow["size"] for s, r in zip(sends, recvs)),
          f"{name}: of that size")
    check(all(r["verified"] is True for r in recvs), f"{name}: with the sender's contents")
    check(all("head" in s for s in sends) if flow["inline"] else not any("head" in s for s in sends),
          f"{name}: its first bytes are told where it is inline, only there")
    check(not of(send, "recv") and not of(recv, "send"), f"{name}: no end logs for the other")


def ends(name, send, recv):
    ours, theirs = of(send, "flow")[0], of(recv, "flow")[0]
    differ = [key for key in SAME if ours[key] != theirs[key]]
    check(not differ, f"{name}: both call it the same {differ or ''}")
    check(ours["recv_pid"] is None and theirs["send_pid"] is None and ours["send_pid"] and theirs["recv_pid"],
          f"{name}: each has the process of its own")
    for lines, side, dev, counter in ((send, "send", ours["dev_send"], "sent_pkts"),
                                      (recv, "recv", ours["dev_recv"], "rcvd_pkts")):
        check([r["side"] for r in of(lines, "region")] == [side], f"{name}, {side}: its own region")
        check({c["dev"] for c in of(lines, "counters")} == {dev} and rises(lines, dev, counter) > 0,
              f"{name}, {side}: its own device, which counted")
    sent, got = of(send, "end")[0], of(recv, "end")[0]
    check((sent["sent"], got["received"]) == (ours["count"],) * 2 and sent["received"] is got["sent"] is None,
          f"{name}: counts of its own")


def main():
    folder = sys.argv[1]
    names = sorted(f[:-5] for f in os.listdir(folder) if f.endswith(".recv"))
    check(len(names) == 7, f"of {len(names)} flows")
    for name in names:
        send, recv = (read(os.path.join(folder, f"{name}.{side}")) for side in ("send", "recv"))
        ends(name, send, recv)
        messages(name, send, recv)
    testbed = read(os.path.join(folder, "testbed.log"))
    devices = {line["dev"] for line in testbed}
    check(len(devices) == 2 and all((line["kind"], line["flow"]) == ("counters", 0) for line in testbed),
          "testbed: nothing but the counters of both devices")
    check(all(rises(testbed, dev, "rcvd_pkts") > 0 for dev in devices), "testbed: which moved")


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Saves a guest's memory through QEMU's monitor: qmp.py SOCKET FILE BYTES"""
import json
import socket
import sys


def main():
    path, target, size = sys.argv[1:]
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(path)
    f = s.makefile("rw")

    def ask(command, **arguments):
        f.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        f.flush()
        while True:
            answer = json.loads(f.readline())
            if "error" in answer:
                sys.exit(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    json.loads(f.readline())  # the greeting
    ask("qmp_capabilities")
    ask("stop")
    ask("pmemsave", val=0, size=int(size), filename=target)
    ask("cont")


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A packet socket on one device: listen.py DEVICE FILE. Writes "up" to FILE, and when it is
terminated, its process and how many frames of more than 1000 bytes it read."""
import os
import signal
import socket
import sys

device, path = sys.argv[1:]
got = 0


def end(*_):
    with open(path, "w") as f:
        f.write(f"pid {os.getpid()} frames {got}\n")
    os._exit(0)


signal.signal(signal.SIGTERM, end)
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((device, 0))
with open(path, "w") as f:
    f.write("up\n")
buffer = bytearray(2048)
while True:
    got += s.recv_into(buffer) > 1000

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A UDP program that knows nothing of copychain: foreign.py SIZE COUNT. Each message is sent when
the one before was read, COUNT times to port 9101 by sendto and recv_into, to port 9102 by sendmsg
of two pieces and recvmsg_into, to port 9103 by write and read on connected sockets. Where the
environment names a testbed it uses that. Prints what it did, and the kernel's count."""
import ctypes
import os
import socket
import sys

CLONE_NEWNET = 0x40000000
size, count = map(int, sys.argv[1:])
there = os.environ.get("COPYCHAIN_DST", "127.0.0.1")
space = os.environ.get("COPYCHAIN_NS_DST")


def by_sendto(s, data, to):
    return s.sendto(data, to)


def by_sendmsg(s, data, to):
    return s.sendmsg([data[:size // 3], data[size // 3:]], [], 0, to)


def by_write(s, data, to):
    return os.write(s.fileno(), data)


WAYS = [
    (9101, by_sendto, lambda s, buffer: s.recv_into(buffer)),
    (9102, by_sendmsg, lambda s, buffer: s.recvmsg_into([buffer])[0]),
    (9103, by_write, lambda s, buffer: os.readv(s.fileno(), [buffer])),
]


def counted(name):
    with open("/proc/self/net/snmp") as f:
        names, values = [line.split() for line in f if line.startswith("Udp:")]
    return int(dict(zip(names, values))[name])


def receive(ready, done):
    if space:
        fd = os.open(f"/run/netns/{space}", os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
            sys.exit(os.strerror(ctypes.get_errno()))
    before = counted("InDatagrams")
    sockets = []
    for port, _, _ in WAYS:
        sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sockets[-1].bind((there, port))
    os.write(ready, b".")
    got = 0
    buffer = bytearray(65536)
    for s, (_, _, read) in zip(sockets, WAYS):
        for _ in range(count):
            got += read(s, buffer)
            os.write(done, b".")
    print(f"foreign: {got} bytes read, {counted('InDatagrams') - before} datagrams in", flush=True)


def send(ready, done):
    os.read(ready, 1)
    before = counted("OutDatagrams")
    sent = 0
    for port, write, _ in WAYS:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect((there, port))
        for _ in range(count):
            sent += write(s, os.urandom(size), (there, port))
            os.read(done, 1)
    print(f"foreign: {sent} bytes sent, {counted('OutDatagrams') - before} datagrams out", flush=True)


ready, done = os.pipe(), os.pipe()
child = os.fork()
if not child:
    receive(ready[1], done[1])
    os._exit(0)
send(ready[0], done[0])
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

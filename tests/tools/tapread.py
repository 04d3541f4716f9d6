#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Reads frames of an interface from a packet socket while a command runs, as tcpdump without a
ring would: usage: tapread.py INTERFACE COMMAND..."""
import socket
import subprocess
import sys

ETH_P_ALL = 3
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
tap.bind((sys.argv[1], 0))
tap.settimeout(0.2)
command = subprocess.Popen(sys.argv[2:])
idle = 0
while idle < 3:
    try:
        tap.recv(65536)
    except socket.timeout:
        idle += command.poll() is not None
sys.exit(command.wait())

# SPDX-License-Identifier: GPL-2.0-only
"""What is known about kernels and nowhere written in the product: how often a path copies."""
IP, UDP, ETHERNET, FCS, MTU = 20, 8, 14, 4, 1500
LO_MTU = 65536
COPYBREAK = 256  # e1000, of the frame with its check sequence
# When two fragments meet, the second is copied behind the first where it fits into what the
# allocator left there: an extra copy or none for a second fragment of at most so many bytes.
SPARE = 256


def fragments(path, size):
    """Payload bytes of each packet of a datagram."""
    mtu = LO_MTU if path == "lo" else MTU
    if IP + UDP + size <= mtu:
        return [size]
    step = (mtu - IP) // 8 * 8
    rest = size + UDP
    out = []
    while rest:
        out.append(min(step, rest))
        rest -= out[-1]
    out[0] -= UDP
    return out


def copied(path, size):
    """Least and most bytes copied for one datagram, from send to read."""
    least = 2 * size
    parts = fragments(path, size)
    if path == "nics":
        for i, n in enumerate(parts):
            frame = ETHERNET + IP + n + (UDP if i == 0 else 0)
            if max(frame, 60) + FCS <= COPYBREAK:
                least += n
    most = least
    if len(parts) == 2 and parts[1] <= SPARE:
        most += parts[1]
    return least, most


def snmp(path):
    """{name: value} of the Udp lines in a copy of /proc/net/snmp."""
    with open(path) as f:
        names, values = [line.split()[1:] for line in f if line.startswith("Udp:")]
    return dict(zip(names, map(int, values)))


def rise(before, after):
    """What was counted in between."""
    a, b = snmp(before), snmp(after)
    return {k: b[k] - a[k] for k in a}

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The far end of tests/live/names.c: name servers and services, in a network namespace of their own.

names_server.py LOG: says "here"; waits for a line on standard input, which comes when the addresses are there; says
"ready"; then serves until the end of standard input. LOG gets a line for each question that arrived: SERVER PROTOCOL NAME TYPE.
"""
import random
import selectors
import socket
import struct
import sys

DNS = ["192.0.2.53", "192.0.2.54"]
HOSTS = ["198.51.100.%d" % i for i in range(1, 5)]
PORTS = [443, 444]
CNAME, A, AAAA = 5, 1, 28
turns = {}


def pack_name(name):
    return b"".join(bytes([len(l)]) + l.encode() for l in name.split(".") if l) + b"\0"


def record(owner, kind, ttl, data):
    return pack_name(owner) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def a(owner, address, ttl=60):
    return record(owner, A, ttl, socket.inet_aton(address))


def cname(owner, target):
    return record(owner, CNAME, 60, pack_name(target))


def rotate(name, _):
    turns[name] = turns.get(name, 0) + 1
    return [a(name, HOSTS[turns[name] % 2], 1)]


def big(name, tcp):
    return [a(name, HOSTS[0])] + [a(name, "203.0.113.%d" % i) for i in range(1, 28)] if tcp else None


ZONE = {
    "plain.example.test": lambda n, t: [a(n, HOSTS[0])],
    "brief.example.test": lambda n, t: [a(n, HOSTS[3], 1)],
    "rotate.example.test": rotate,
    "alias.example.test": lambda n, t: [cname(n, "hop.other.test"), cname("hop.other.test", "end.other.test"),
                                        a("end.other.test", HOSTS[2])],
    "circle.example.test": lambda n, t: [cname(n, "back.other.test"), cname("back.other.test", n)],
    "strange.example.test": lambda n, t: [a("else.other.test", HOSTS[3])],
    "zero.example.test": lambda n, t: [a(n, "0.0.0.0")],
    "loopback.example.test": lambda n, t: [a(n, "127.0.0.1")],
    "private.example.test": lambda n, t: [a(n, "10.1.2.3")],
    "own.example.test": lambda n, t: [a(n, "192.0.2.1")],
    "mixed.example.test": lambda n, t: [a(n, "127.0.0.1"), a(n, HOSTS[1])],
    "declared.example.test": lambda n, t: [a(n, "10.9.9.9")],
    "denied.example.test": lambda n, t: [a(n, HOSTS[2])],
    "big.example.test": big,
    "second.example.test": lambda n, t: [a(n, HOSTS[0])],
}


def answer(server, query, tcp, log):
    ident, _, count = struct.unpack("!HHH", query[:6])
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += query[at] + 1
    name, (kind,) = ".".join(labels), struct.unpack("!H", query[at + 1:at + 3])
    question = query[12:at + 5]
    print(server, "tcp" if tcp else "udp", name, kind, file=log, flush=True)
    if name == "second.example.test" and server == DNS[0]:
        return None
    if name == "garbage.example.test":
        return query[:2] + b"\x81\x80" + random.randbytes(60)
    if name == "liar.example.test":
        question = pack_name("plain.example.test") + question[-4:]
    if name == "huge.example.test":
        return struct.pack("!HHHHHH", ident, 0x8180 if tcp else 0x8380, 1, 0, 0, 0) + question + bytes(20000 if tcp else 0)
    known = ZONE.get(name) or (name.endswith(".wide.test") and (lambda n, t: [a(n, HOSTS[0])]))
    if name == "liar.example.test":
        known = lambda n, t: [a(n, HOSTS[0])]
    if not known:
        return struct.pack("!HHHHHH", ident, 0x8183, 1, 0, 0, 0) + question
    records = known(name, tcp) if kind == A else []
    if records is None:
        return struct.pack("!HHHHHH", ident, 0x8380, 1, 0, 0, 0) + question
    return struct.pack("!HHHHHH", ident, 0x8180, 1, len(records), 0, 0) + question + b"".join(records)


def listen(kind, address, port):
    s = socket.socket(socket.AF_INET, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    if kind == socket.SOCK_STREAM:
        s.listen(64)
    return s


def on_dns_udp(s, log):
    query, peer = s.recvfrom(2048)
    reply = answer(s.getsockname()[0], query, False, log)
    if reply:
        s.sendto(reply, peer)


def on_dns_tcp(s, log):
    c, _ = s.accept()
    with c:
        c.settimeout(10)
        query = c.recv(2048)
        reply = answer(s.getsockname()[0], query[2:], True, log)
        if reply:
            c.sendall(struct.pack("!H", len(reply)) + reply)


def on_service(sel, s):
    c, _ = s.accept()
    sel.register(c, selectors.EVENT_READ, lambda c=c: on_connection(sel, c))


def on_connection(sel, c):
    """Echoes, behind who it is; a request of HTTP gets an answer of HTTP."""
    try:
        data = c.recv(4096)
        me = "%s:%d " % c.getsockname()
        if data.startswith(b"GET "):
            c.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(me) + me.encode())
            data = b""
        elif data:
            c.sendall(me.encode() + data)
    except OSError:
        data = b""
    if not data:
        sel.unregister(c)
        c.close()


def on_datagram(s):
    data, peer = s.recvfrom(4096)
    s.sendto(("%s:%d " % s.getsockname()).encode() + data, peer)


def main():
    sel = selectors.DefaultSelector()
    print("here", flush=True)
    sys.stdin.readline()
    log = open(sys.argv[1], "w")
    for address in DNS:
        u, t = listen(socket.SOCK_DGRAM, address, 53), listen(socket.SOCK_STREAM, address, 53)
        sel.register(u, selectors.EVENT_READ, lambda u=u: on_dns_udp(u, log))
        sel.register(t, selectors.EVENT_READ, lambda t=t: on_dns_tcp(t, log))
    for address in HOSTS + ["10.1.2.3", "10.9.9.9"]:
        for port in PORTS:
            t, u = listen(socket.SOCK_STREAM, address, port), listen(socket.SOCK_DGRAM, address, port)
            sel.register(t, selectors.EVENT_READ, lambda t=t: on_service(sel, t))
            sel.register(u, selectors.EVENT_READ, lambda u=u: on_datagram(u))
    sel.register(sys.stdin, selectors.EVENT_READ, None)
    print("ready", flush=True)
    while True:
        for key, _ in sel.select():
            if key.fileobj is sys.stdin:
                return
            key.data()


main()

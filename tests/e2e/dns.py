"""A name server for the tests, on loopback and a free port (UDP and TCP): a
zone of answers, hostile ones among them, and every question counted."""
import ipaddress
import os
import socket
import struct
import threading

A, CNAME, AAAA = 1, 5, 28
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


def name_bytes(name):
    out = b""
    for label in name.rstrip(".").split("."):
        if label:
            raw = label.encode("latin-1")
            out += bytes([len(raw)]) + raw
    return out + b"\0"


def question(data):
    """(name, type) and where the question ends."""
    at, labels = 12, []
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1"))
        at += 1 + data[at]
    return ".".join(labels).lower(), \
        struct.unpack(">H", data[at + 1:at + 3])[0], at + 5


def record(name, kind, data, ttl=60):
    return name_bytes(name) + struct.pack(">HHIH", kind, 1, ttl,
                                          len(data)) + data


def address(name, text, ttl=60):
    packed = ipaddress.ip_address(text)
    return record(name, A if packed.version == 4 else AAAA, packed.packed, ttl)


def alias(name, to, ttl=60):
    return record(name, CNAME, name_bytes(to), ttl)


def reply(query, records=(), rcode=0, flags=0x8180, count=None, id_=None):
    _, _, end = question(query)
    head = struct.pack(">HHHHHH", id_ if id_ is not None else
                       struct.unpack(">H", query[:2])[0], flags | rcode, 1,
                       len(records) if count is None else count, 0, 0)
    return head + query[12:end] + b"".join(records)


class NameServer:
    """`zone`: name -> a list of addresses and "-> NAME" (an alias), or a
    function (query, name, type, times asked) -> bytes | None | list of bytes.
    What is not in the zone does not exist.  `asked` has each (name, type)."""

    def __init__(self, zone, port=None):
        self.zone, self.asked, self.lock = zone, [], threading.Lock()
        for _ in range(50):
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.tcp = socket.socket()
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                self.udp.bind(("127.0.0.1", port or 0))
                self.port = self.udp.getsockname()[1]
                self.tcp.bind(("127.0.0.1", self.port))
                break
            except OSError:
                self.udp.close()
                self.tcp.close()
        else:
            raise RuntimeError("no port for a name server")
        self.tcp.listen(64)
        self.over_tcp = 0
        threading.Thread(target=self.serve_udp, daemon=True).start()
        threading.Thread(target=self.serve_tcp, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        # a datagram wakes the thread that waits for one
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            self.closed = True
            s.sendto(b"", ("127.0.0.1", self.port))
        self.udp.close()
        try:
            self.tcp.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.tcp.close()

    closed = False

    @property
    def at(self):
        return f"127.0.0.1:{self.port}"

    def names(self):
        """The names asked for, each once, in order."""
        return list(dict.fromkeys(name for name, _ in self.asked))

    def answers(self, query):
        name, kind, _ = question(query)
        with self.lock:
            self.asked.append((name, kind))
            times = sum(1 for one in self.asked if one == (name, kind))
        known = self.zone.get(name)
        if callable(known):
            return known(query, name, kind, times)
        if known is None:
            return reply(query, rcode=NXDOMAIN)
        return reply(query, self.records(name, kind, known))

    def records(self, name, kind, known):
        found = []
        for one in known:
            if one.startswith("-> "):
                to = one[3:]
                found.append(alias(name, to))
                if isinstance(self.zone.get(to), list):
                    found += self.records(to, kind, self.zone[to])
            elif (":" in one) == (kind == AAAA):
                found.append(address(name, one))
        return found

    def serve_udp(self):
        while not self.closed:
            try:
                query, peer = self.udp.recvfrom(4096)
                if len(query) < 17:
                    continue
                got = self.answers(query)
                for one in got if isinstance(got, list) else [got]:
                    if one is not None:
                        self.udp.sendto(one, peer)
            except (OSError, IndexError, struct.error):
                if self.closed:
                    return

    def serve_tcp(self):
        while not self.closed:
            try:
                conn, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.one_tcp, args=(conn,),
                             daemon=True).start()

    def one_tcp(self, conn):
        """One question after the other (RFC 7766)."""
        self.over_tcp += 1
        with conn, conn.makefile("rb") as read:
            conn.settimeout(10)
            try:
                while len(head := read.read(2)) == 2:
                    got = self.answers(read.read(struct.unpack(">H", head)[0]))
                    for one in got if isinstance(got, list) else [got]:
                        if one is not None:
                            one = one[:65535]
                            conn.sendall(struct.pack(">H", len(one)) + one)
            except (OSError, struct.error, IndexError):
                pass


# -- hostile answers, for a zone

def silent(query, name, kind, times):
    return None


def failing(rcode):
    return lambda query, name, kind, times: reply(query, rcode=rcode)


def in_turn(*answers):
    """The nth question gets the nth list of addresses, then the last."""
    def make(query, name, kind, times):
        some = answers[min(times, len(answers)) - 1]
        return reply(query, [address(name, a, 0) for a in some
                             if (":" in a) == (kind == AAAA)])
    return make


def aliased(to, *addresses):
    """The name is another's, whose addresses stand in the same answer."""
    def make(query, name, kind, times):
        return reply(query, [alias(name, to)] + [
            address(to, a) for a in addresses if (":" in a) == (kind == AAAA)])
    return make


def garbage(query, name, kind, times):
    return query[:2] + os.urandom(60)


def short(query, name, kind, times):
    return reply(query, [address(name, "192.0.2.1")])[:-3]


def loop(query, name, kind, times):
    """A name that points at itself."""
    _, _, end = question(query)
    return struct.pack(">HHHHHH", struct.unpack(">H", query[:2])[0], 0x8180,
                       1, 1, 0, 0) + query[12:end] + \
        struct.pack(">H", 0xC000 | end) + \
        struct.pack(">HHIH", kind, 1, 60, 4) + b"\x7f\0\0\1"


def wrong_id(query, name, kind, times):
    return reply(query, [address(name, "127.0.0.1")],
                 id_=struct.unpack(">H", query[:2])[0] ^ 1)


def wrong_name(query, name, kind, times):
    return reply(query, [address("other.test", "127.0.0.1")])


def many(n):
    """n addresses; too long for a datagram, so TCP is asked for."""
    def make(query, name, kind, times):
        if kind != A:
            return reply(query)
        records = [address(name, f"198.18.{i >> 8 & 255}.{i & 255}")
                   for i in range(n)]
        whole = reply(query, records)
        return whole if len(whole) <= 1200 else \
            reply(query, flags=0x8380) if times == 1 else whole
    return make


def many_aliases(n):
    def make(query, name, kind, times):
        records = [alias(name if i == 0 else f"c{i}.test", f"c{i + 1}.test")
                   for i in range(n)]
        return reply(query, records + [address(f"c{n}.test", "127.0.0.1")]
                     if kind == A else records)
    return make

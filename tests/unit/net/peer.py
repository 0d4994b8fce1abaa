"""Broker and worker of a writ-net process, for its tests: speaks wire/net.h and
wire/exchange.h, dials what net asks for, and counts."""
import array
import os
import resource
import socket
import struct
import subprocess
import threading
import time

WAIT = 8
(CONFIG, CA, SECRET, SEAL, RESOLVE, SEND, DIALED, FAIL, GO,
 CLOSE_POOL) = range(1, 11)
HELLO, READY, RESOLVED, DIAL, OPERATION, DONE = range(32, 38)
X_DATA, X_END, X_GIVE_UP, X_HEAD, X_FAULT = range(1, 6)
PIECE = 64 * 1024
CODES = """DNS-timeout DNS-error destination-not-found destination-unavailable
destination-IP-prohibited destination-IP-unroutable connection-refused
connection-terminated connection-timeout connection-read-timeout
connection-write-timeout connection-limit-reached TLS-protocol-error
TLS-certificate-error TLS-alert-received HTTP-request-denied
HTTP-request-length-required HTTP-request-body-size HTTP-request-method-invalid
HTTP-request-URI-invalid HTTP-request-URI-too-long
HTTP-request-header-section-size HTTP-request-header-size
HTTP-request-trailer-section-size HTTP-request-trailer-size
HTTP-response-incomplete HTTP-response-header-section-size
HTTP-response-header-size HTTP-response-body-size
HTTP-response-trailer-section-size HTTP-response-trailer-size
HTTP-response-transfer-coding HTTP-response-content-coding
HTTP-response-timeout HTTP-upgrade-failed HTTP-protocol-error loop-detected
configuration-error internal-error""".split()


def u32(n):
    return struct.pack("<I", n)


def text(s):
    raw = s if isinstance(s, bytes) else s.encode("latin-1")
    return u32(len(raw)) + raw


def put_fields(fields):
    return u32(len(fields)) + b"".join(text(n) + text(v) for n, v in fields)


def get_fields(raw):
    count, at, out = struct.unpack_from("<I", raw)[0], 4, []
    for _ in range(count):
        pair = []
        for _ in range(2):
            n = struct.unpack_from("<I", raw, at)[0]
            pair.append(raw[at + 4:at + 4 + n].decode("latin-1"))
            at += 4 + n
        out.append(tuple(pair))
    return out


class Fault(Exception):
    """A fault that net told the worker."""

    def __init__(self, raw):
        self.code = CODES[raw[0]]
        self.n = struct.unpack("<Q", raw[2:10])[0] if raw[1] else None
        super().__init__(self.code, self.n)


class Gone(Exception):
    """The other end has closed."""


class Line:
    """Messages over a socket."""

    def __init__(self, sock):
        self.sock, self.kept, self.lock = sock, b"", threading.Lock()

    def say(self, kind, id_, body=b"", fd=None):
        head = struct.pack("<IHHI", len(body), kind, fd is not None, id_)
        with self.lock:
            if fd is None:
                self.sock.sendall(head + body)
                return
            sent = socket.send_fds(self.sock, [head + body], [fd])
            self.sock.sendall((head + body)[sent:])

    def read(self, n):
        while len(self.kept) < n:
            got = self.sock.recv(max(n - len(self.kept), 4096))
            if not got:
                raise Gone()
            self.kept += got
        got, self.kept = self.kept[:n], self.kept[n:]
        return got

    def next(self):
        n, kind, _, id_ = struct.unpack("<IHHI", self.read(12))
        return kind, id_, self.read(n)


class Done:
    """The last word on a request."""

    def __init__(self, raw):
        self.failed = raw[0] == 1
        self.code = CODES[raw[1]] if self.failed else None
        self.status, = struct.unpack_from("<I", raw, 11)
        self.sent = raw[15] == 1
        self.up, self.down = struct.unpack_from("<QQ", raw, 16)


class Exchange:
    """The worker's side of one request."""

    def __init__(self, net, id_, sock):
        self.net, self.id, self.line = net, id_, Line(sock)
        sock.settimeout(WAIT)
        self.dials, self.done_word = 0, None
        self.done_event = threading.Event()
        self.operation = None
        self.asked = threading.Event()
        self.trailers = None

    def data(self, raw):
        try:
            for at in range(0, len(raw), PIECE):
                self.line.say(X_DATA, 0, raw[at:at + PIECE])
        except BrokenPipeError:
            pass
        return self

    def end(self, trailers=()):
        try:
            self.line.say(X_END, 0, put_fields(list(trailers)))
        except BrokenPipeError:
            pass        # it is answered already
        return self

    def give_up(self):
        self.line.say(X_GIVE_UP, 0)

    def close(self):
        self.line.sock.close()

    def head(self):
        kind, _, body = self.line.next()
        if kind == X_FAULT:
            raise Fault(body)
        assert kind == X_HEAD, kind
        self.status = struct.unpack_from("<I", body)[0]
        self.fields = get_fields(body[4:])
        return self.status

    def field(self, name):
        return [v for n, v in self.fields if n == name]

    def piece(self):
        """Some of the body; None at its end."""
        kind, _, body = self.line.next()
        if kind == X_FAULT:
            raise Fault(body)
        if kind == X_END:
            self.trailers = get_fields(body)
            return None
        assert kind == X_DATA and body, kind
        return body

    def body(self):
        whole = []
        while (one := self.piece()) is not None:
            whole.append(one)
        return b"".join(whole)

    def done(self):
        assert self.done_event.wait(WAIT), "no DONE"
        return self.done_word


class Net:
    """A writ-net process and its broker."""

    def __init__(self, program, cas=(), secrets=(), without=0):
        ours, theirs = socket.socketpair()
        uid = 65534 if os.geteuid() == 0 else os.geteuid()
        gid = 65534 if os.geteuid() == 0 else os.getegid()
        self.dial_to, self.accepting = {}, True
        self.lock = threading.Lock()
        self.exchanges, self.resolved, self.waiting = {}, {}, {}
        self.doubles = self.dials = self.next_id = 0
        self.secrets_told = 0

        def fd3():
            os.dup2(theirs.fileno(), 3, inheritable=True)
        self.process = subprocess.Popen(
            [program, str(without), str(uid), str(gid)], preexec_fn=fd3,
            close_fds=False, stdin=subprocess.DEVNULL,
            env={"http_proxy": "http://127.0.0.1:9", "HOME": "/root",
                 "SSLKEYLOGFILE": "/tmp/writ-net-keys"})
        theirs.close()
        self.line = Line(ours)
        ours.settimeout(WAIT)
        kind, _, body = self.line.next()
        assert kind == HELLO
        self.line.say(CONFIG, 0, u32(without))
        for index, pem in enumerate(cas):
            for at in range(0, len(pem), 90000):
                self.line.say(CA, 0, u32(index) + text(pem[at:at + 90000]))
        for index, value in enumerate(secrets):
            self.secret(index, value)
        self.line.say(SEAL, 0)
        kind, _, body = self.line.next()
        assert kind == READY, kind
        self.walls = struct.unpack("<I", body)[0]
        ours.settimeout(None)
        threading.Thread(target=self.listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.line.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.status = self.process.wait(WAIT)
        self.line.sock.close()

    def alive(self):
        return self.process.poll() is None

    def secret(self, index, value):
        r, w = os.pipe()
        os.write(w, value)
        os.close(w)
        self.line.say(SECRET, 0, u32(index), r)
        os.close(r)

    def listen(self):
        try:
            while True:
                kind, id_, body = self.line.next()
                if kind == DIAL:
                    self.on_dial(id_)
                elif kind == DONE:
                    x = self.exchanges.get(id_)
                    if x.done_word:
                        self.doubles += 1
                    x.done_word = Done(body)
                    x.done_event.set()
                elif kind == OPERATION:
                    x = self.exchanges[id_]
                    x.operation = body[4:]
                    x.asked.set()
                elif kind == RESOLVED:
                    self.resolved[id_] = body
                    self.waiting[id_].set()
        except (Gone, OSError, ValueError):
            pass

    def on_dial(self, id_):
        self.dials += 1
        x = self.exchanges[id_]
        x.dials += 1
        if x.dial_to is None:
            return
        if isinstance(x.dial_to, int):
            self.fail(id_, x.dial_to)
            return
        s = socket.socket()
        s.connect(x.dial_to)
        s.setblocking(False)
        self.line.say(DIALED, id_, b"", s.fileno())
        s.close()

    def fail(self, id_, code):
        self.line.say(FAIL, id_, bytes([code, 0]) + bytes(8))

    def send(self, port, path="/", method="GET", host="127.0.0.1", pool=1,
             https=False, fields=(), body=None, length=None, dial=True,
             request_max=1 << 30, response_max=1 << 30, connect_ms=5000,
             first_ms=5000, between_ms=5000, ca=0, pins="", credential=None,
             query=False, scrub=False, allowed=None, types="", operation="",
             has_body=None, named_port=None):
        """Begin a request.  `body` bytes: sent whole with its length unless
        `length` is False; None: no body."""
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        if has_body is None:
            has_body = body is not None
        if body is not None and length is None:
            length = len(body)
        has_length = length is not None and length is not False
        name, value = credential or ("", b"")
        raw = u32(pool) + bytes([https]) + text(host) + \
            u32(named_port or port) + \
            text(method) + text(path) + bytes([has_body, has_length]) + \
            struct.pack("<QQQQQQ", length or 0, request_max, response_max,
                        connect_ms, first_ms, between_ms) + u32(ca) + \
            text(pins) + bytes([query]) + text(name) + text(value) + \
            bytes([scrub, allowed is None]) + \
            text(",".join(allowed or ())) + text(types) + text(operation) + \
            put_fields(list(fields))
        with self.lock:
            self.next_id += 1
            id_ = self.next_id
        x = Exchange(self, id_, ours)
        x.dial_to = ("127.0.0.1", port) if dial is True else dial
        self.exchanges[id_] = x
        self.line.say(SEND, id_, raw, theirs.fileno())
        theirs.close()
        if body is not None:
            x.data(body).end()
        return x

    def get(self, *args, **more):
        """(status, body) of a whole request."""
        x = self.send(*args, **more)
        status = x.head()
        return status, x.body()

    def fault(self, *args, **more):
        """The code of the fault that a request ends with."""
        x = self.send(*args, **more)
        return fault_of(x)

    def resolve(self, port, host, tcp=False):
        """(how, rcode, addresses) of a name."""
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else
                          socket.SOCK_DGRAM)
        s.connect(("127.0.0.1", port))
        s.setblocking(False)
        with self.lock:
            self.next_id += 1
            id_ = self.next_id
        event = self.waiting[id_] = threading.Event()
        self.line.say(RESOLVE, id_, bytes([tcp]) + text(host), s.fileno())
        s.close()
        assert event.wait(WAIT), "no RESOLVED"
        raw = self.resolved[id_]
        how, rcode, count = raw[0], *struct.unpack_from("<II", raw, 1)
        found = [raw[9 + 16 * i:25 + 16 * i] for i in range(count)]
        return ("ok none timeout truncated error".split()[how], rcode,
                [show(a) for a in found])

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self):
        """Resident bytes."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * resource.getpagesize()


def show(raw):
    if raw[:12] == bytes(10) + b"\xff\xff":
        return socket.inet_ntop(socket.AF_INET, raw[12:])
    return socket.inet_ntop(socket.AF_INET6, raw)


def fault_of(x):
    """The code that an exchange ends with; DONE must say the same."""
    try:
        x.head()
        x.body()
    except Fault as fault:
        done = x.done()
        assert done.failed and done.code == fault.code, (done.code, fault.code)
        return fault.code
    raise AssertionError(f"no fault: status {x.status}")


def parts(*some):
    """A credential's value: text, or the number of a secret."""
    raw = b""
    for one in some:
        raw += u32(one + 1) + text(b"") if isinstance(one, int) else \
            u32(0) + text(one)
    return raw


def until(condition, what="it", seconds=WAIT):
    """Wait until condition() holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.01)

"""Origins for the HTTP cases, on loopback and free ports: a plain one that
answers as its path says, hostile or not, and nginx.  Each tells what it saw, so
that a denial can be proved by what never came.
"""
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

HEAD_MAX = 1 << 20
WAIT = 30
CHUNK = 64 * 1024


class Request:
    """What one request was, byte for byte."""

    def __init__(self, head, body):
        lines = head.split(b"\r\n")
        self.head, self.body = head, body
        self.line = lines[0].decode("latin-1")
        parts = self.line.split(" ")
        self.method, self.target = parts[0], parts[1] if len(parts) > 1 else ""
        self.fields = [tuple(p.strip() for p in line.decode("latin-1")
                             .split(":", 1)) for line in lines[1:] if b":"
                       in line]

    def get(self, name):
        return [v for n, v in self.fields if n.lower() == name]

    def __repr__(self):
        return f"{self.line} {self.fields} {len(self.body)} bytes"


class Reader:
    """Bytes of a connection, asked for by line and by count."""

    def __init__(self, conn):
        self.conn, self.kept = conn, b""

    def more(self):
        got = self.conn.recv(CHUNK)
        self.kept += got
        return bool(got)

    def until(self, mark):
        while mark not in self.kept:
            if len(self.kept) > HEAD_MAX or not self.more():
                return None
        got, self.kept = self.kept.split(mark, 1)
        return got

    def take(self, n):
        while len(self.kept) < n and self.more():
            pass
        got, self.kept = self.kept[:n], self.kept[n:]
        return got

    def body(self, head):
        """The body that the head announces, decoded; None when cut."""
        fields = Request(head, b"")
        if "chunked" in " ".join(fields.get("transfer-encoding")).lower():
            whole = []
            while True:
                line = self.until(b"\r\n")
                if line is None:
                    return None
                size = int(line.split(b";")[0], 16)
                if size == 0:
                    while True:
                        trailer = self.until(b"\r\n")
                        if not trailer:
                            return b"".join(whole)
                        whole_trailers = getattr(self, "trailers", [])
                        self.trailers = whole_trailers + [trailer.decode()]
                data = self.take(size)
                if len(data) < size or self.take(2) != b"\r\n":
                    return None
                whole.append(data)
        n = int((fields.get("content-length") or ["0"])[0])
        data = self.take(n)
        return data if len(data) == n else None


def answer(status=200, body=b"", *fields, length=True):
    """The bytes of a response."""
    lines = [f"HTTP/1.1 {status} {'OK' if status < 400 else 'No'}"]
    if length:
        lines.append(f"content-length: {len(body)}")
    lines += list(fields)
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def pattern(n):
    """n bytes, each telling where it stood."""
    unit = bytes(range(251))
    return (unit * (n // len(unit) + 1))[:n]


class Origin:
    """An HTTP/1.1 server.  Paths: see `routes` below; anything else is 404.

    `requests` are those that came whole, `cut` the heads whose body did not,
    `connections` how many were accepted; `up`, `down` the bytes of bodies.
    `more` maps a path to a function (origin, conn, request), True to go on.
    """

    def __init__(self, tls=None, address="127.0.0.1", more=None):
        self.requests, self.cut, self.connections = [], [], 0
        self.trailers = []
        self.up = self.down = self.now = self.most = 0
        self.handshakes, self.failed_handshakes = 0, 0
        self.more, self.tls = more or {}, tls
        self.lock, self.closed = threading.Lock(), threading.Event()
        self.open = set()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.bind((address, 0))
        self.listener.listen(512)
        self.address, self.port = self.listener.getsockname()[:2]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def silent(self):
        """Nothing came, not even a connection."""
        return self.connections == 0

    def url(self, path="/", host=None):
        host = host or (f"[{self.address}]" if ":" in self.address
                        else self.address)
        return f"http{'s' if self.tls else ''}://{host}:{self.port}{path}"

    def close(self):
        self.closed.set()
        try:    # closing alone leaves it listening until accept() returns
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            for conn in list(self.open):
                try:
                    conn.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.open.add(conn)
            threading.Thread(target=self.serve, args=(conn,),
                             daemon=True).start()

    def serve(self, raw):
        conn = raw
        try:
            raw.settimeout(WAIT)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                try:
                    conn = self.tls.wrap_socket(raw, server_side=True)
                    self.handshakes += 1
                except (OSError, ssl.SSLError):
                    self.failed_handshakes += 1
                    return
            reader = Reader(conn)
            while self.one(conn, reader):
                pass
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(raw)
            try:
                conn.close()
            except OSError:
                pass

    def one(self, conn, reader):
        head = reader.until(b"\r\n\r\n")
        if head is None:
            return False
        path = Request(head, b"").target.split("?")[0]
        first = path.split("/")[1] if "/" in path else ""
        if first == "early":        # answers before it reads the body
            conn.sendall(answer(200, b"early"))
        if first == "never-read":
            self.cut.append(Request(head, b""))
            self.closed.wait(WAIT)
            return False
        if b"100-continue" in head:
            conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        reader.trailers = []
        body = reader.body(head)
        if body is None:
            self.cut.append(Request(head, reader.kept))
            return False
        request = Request(head, body)
        with self.lock:
            self.requests.append(request)
            self.trailers.append(reader.trailers)
            self.up += len(body)
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            make = self.more.get(path) or routes.get(first)
            if first == "early":
                return True
            if make is None:
                return self.send(conn, answer(404, b"no such thing"))
            return make(self, conn, request)
        finally:
            with self.lock:
                self.now -= 1

    def send(self, conn, data):
        conn.sendall(data)
        return True


def number(request, at=2, default=0):
    parts = request.target.split("?")[0].split("/")
    return int(parts[at]) if len(parts) > at and parts[at] else default


def bytes_of(o, conn, r):
    n = number(r)
    if number(r, 3):        # chunked
        conn.sendall(answer(200, b"", "transfer-encoding: chunked",
                            length=False))
        data = pattern(n)
        for i in range(0, n, CHUNK):
            piece = data[i:i + CHUNK]
            conn.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        conn.sendall(b"0\r\n\r\n")
    else:
        conn.sendall(answer(200, pattern(n)))
    o.down += n
    return True


def echo(o, conn, r):
    told = {"method": r.method, "target": r.target, "fields": r.fields,
            "body": r.body.decode("latin-1")}
    return o.send(conn, answer(200, json.dumps(told).encode(),
                               "content-type: application/json"))


def drip(o, conn, r):
    """N bytes, one every MS."""
    n, ms = number(r), number(r, 3, 100)
    conn.sendall(answer(200, b"", f"content-length: {n}", length=False))
    for _ in range(n):
        if o.closed.wait(ms / 1000):
            return False
        conn.sendall(b"x")
        o.down += 1
    return True


def die(o, conn, r):
    """N bytes of twice as many announced; then the end, or a reset."""
    n = number(r)
    conn.sendall(answer(200, pattern(n), f"content-length: {2 * n + 1}",
                        length=False))
    if number(r, 3):
        time.sleep(0.1)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
    return False


def redirect(o, conn, r):
    status = number(r, 2, 302)
    to = r.target.split("to=", 1)[1] if "to=" in r.target else "/hello"
    return o.send(conn, answer(status, b"moved", "location: " + to))


def chain(o, conn, r):
    n = number(r)
    return o.send(conn, answer(302, b"", f"location: /chain/{n + 1}"))


def slow(o, conn, r):
    """The head after MS."""
    return not o.closed.wait(number(r) / 1000) and \
        o.send(conn, answer(200, b"slow"))


def hang(o, conn, r):
    o.closed.wait(WAIT)
    return False


def raw(*parts, close=True):
    """A route that sends just these bytes."""
    def make(o, conn, r):
        for part in parts:
            conn.sendall(part)
        if close:
            conn.shutdown(socket.SHUT_WR)
        return not close
    return make


def chunked(data, close=True):
    return raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + data,
               close=close)


def endless_head(o, conn, r):
    """Header fields for ever; `sent` tells how many bytes were taken."""
    conn.sendall(b"HTTP/1.1 200 OK\r\n")
    line = b"x-endless: " + b"e" * 1000 + b"\r\n"
    for _ in range(100_000):
        conn.sendall(line)
        o.down += len(line)
    return False


def endless_line(o, conn, r):
    conn.sendall(b"HTTP/1.1 200 OK\r\nx-endless: ")
    for _ in range(10_000):
        conn.sendall(b"e" * 10_000)
        o.down += 10_000
    return False


def endless_body(o, conn, r):
    conn.sendall(answer(200, b"", length=False))
    data = b"b" * CHUNK
    for _ in range(100_000):
        conn.sendall(data)
        o.down += len(data)
    return False


def many_informational(o, conn, r):
    for _ in range(100_000):
        conn.sendall(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
    return o.send(conn, answer(200, b"at last"))


def bomb(o, conn, r):
    """Gzip of N MiB of zeros."""
    import gzip
    data = gzip.compress(bytes(number(r, 2, 16) << 20))
    return o.send(conn, answer(200, data, "content-encoding: gzip"))


def reflect(o, conn, r):
    """The credential in every place and spelling it can come back in."""
    import base64
    import urllib.parse
    seen = (r.get("authorization") + r.get("x-api-key") + [r.target])[0]
    token = seen.split(" ")[-1]
    forms = [seen, token, token[::-1], token.encode().hex(),
             base64.b64encode(token.encode()).decode(),
             base64.urlsafe_b64encode(token.encode()).decode(),
             urllib.parse.quote(token, safe="")]
    body = "\n".join(forms).encode()
    conn.sendall(f"HTTP/1.1 200 OK\r\nx-seen: {seen}\r\n"
                 f"www-authenticate: Bearer realm=\"{token}\"\r\n"
                 "transfer-encoding: chunked\r\n\r\n".encode())
    for byte in body:       # each byte in a chunk of its own
        conn.sendall(b"1\r\n%c\r\n" % byte)
    conn.sendall(f"0\r\nx-trailer: {token}\r\n\r\n".encode())
    return True


def trailers(o, conn, r):
    conn.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"
                 b"trailer: x-sum\r\n\r\n5\r\nhello\r\n0\r\n"
                 b"x-sum: abc\r\nx-two: 2\r\n\r\n")
    return True


def status(o, conn, r):
    code = number(r, 2, 200)
    bodiless = code in (204, 304) or code < 200
    return o.send(conn, answer(code, b"" if bodiless else b"status",
                               length=not bodiless))


def many_fields(o, conn, r):
    n = number(r, 2, 100)
    return o.send(conn, answer(200, b"fields", *[f"x-f{i}: {i}"
                                                 for i in range(n)]))


def typed(o, conn, r):
    kind = r.target.split("?", 1)[1] if "?" in r.target else "text/plain"
    return o.send(conn, answer(200, b"typed", "content-type: " + kind,
                               "set-cookie: a=b", "x-more: yes"))


routes = {
    "hello": lambda o, c, r: o.send(c, answer(
        200, b"" if r.method == "HEAD" else b"hello\n",
        "content-type: text/plain")),
    "echo": echo, "bytes": bytes_of, "drip": drip, "die": die,
    "redirect": redirect, "chain": chain, "slow": slow, "hang": hang,
    "status": status, "trailers": trailers, "reflect": reflect,
    "bomb": bomb, "fields": many_fields, "typed": typed,
    "sink": lambda o, c, r: o.send(c, answer(200, str(len(r.body)).encode())),
    "endless-head": endless_head, "endless-line": endless_line,
    "endless-body": endless_body, "informational": many_informational,
    "close": lambda o, c, r: False,
    "until-close": raw(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"),
    # one answer too many, and bytes after a body
    "pipelined": raw(answer(200, b"first") + answer(200, b"second"),
                     close=False),
    "trailing": raw(answer(200, b"first") + b"garbage", close=False),
    "not-http": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "no-head": raw(b"hello"),
    "bad-status": raw(b"HTTP/1.1 2x0 OK\r\ncontent-length: 0\r\n\r\n"),
    "big-status": raw(b"HTTP/1.1 99999 OK\r\ncontent-length: 0\r\n\r\n"),
    "two-lengths": raw(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n"
                       b"content-length: 6\r\n\r\nhello!"),
    "bad-length": raw(b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello"),
    "huge-length": raw(b"HTTP/1.1 200 OK\r\ncontent-length: 184467440737095"
                       b"51617\r\n\r\nhello"),
    "nul-field": raw(b"HTTP/1.1 200 OK\r\nx-a: a\0b\r\ncontent-length: 2"
                     b"\r\n\r\nok"),
    "odd-name": raw(b"HTTP/1.1 200 OK\r\nx a: b\r\ncontent-length: 2"
                    b"\r\n\r\nok"),
    "fold": raw(b"HTTP/1.1 200 OK\r\nx-a: a\r\n b\r\ncontent-length: 2"
                b"\r\n\r\nok"),
    "bare-lf": raw(b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok"),
    "101": raw(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
               b"connection: upgrade\r\n\r\n\x81\x05hello"),
    "chunk-name": chunked(b"0_5\r\nhello\r\n0\r\n\r\n"),
    "chunk-minus": chunked(b"-5\r\nhello\r\n0\r\n\r\n"),
    "chunk-hex": chunked(b"0x5\r\nhello\r\n0\r\n\r\n"),
    "chunk-huge": chunked(b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    "chunk-short": chunked(b"5\r\nhel"),
    "chunk-no-crlf": chunked(b"5\r\nhelloX0\r\n\r\n"),
    "chunk-lf": chunked(b"5\nhello\n0\n\n"),
    "chunk-endless-ext": chunked(b"5;" + b"e" * (4 << 20) +
                                 b"\r\nhello\r\n0\r\n\r\n"),
    "chunk-endless-trailer": chunked(b"5\r\nhello\r\n0\r\n" +
                                     b"x-t: t\r\n" * 500_000 + b"\r\n"),
    "both-lengths": raw(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n"
                        b"transfer-encoding: chunked\r\n\r\n"
                        b"5\r\nhello\r\n0\r\n\r\n"),
}


# -- certificates

class Authority:
    """A certificate authority of its own, and what it signs."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.ca, self.key = self.at("ca.pem"), self.at("ca.key")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                     "-subj", "/CN=test authority", "-keyout", self.key,
                     "-out", self.ca, "-addext",
                     "basicConstraints=critical,CA:TRUE", "-addext",
                     "keyUsage=critical,keyCertSign")
        os.chmod(self.ca, 0o644)

    def at(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, timeout=60,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)

    def issue(self, name, names, days=2, by_itself=False):
        """(certificate, key) files for `names` ("DNS:x", "IP:127.0.0.1")."""
        cert, key, csr = (self.at(name + e) for e in (".pem", ".key", ".csr"))
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-subj",
                     "/CN=" + name, "-keyout", key, "-out", csr)
        extensions = self.at(name + ".ext")
        with open(extensions, "w", encoding="ascii") as file:
            file.write("subjectAltName=" + ",".join(names) + "\n")
        signer = ["-signkey", key] if by_itself else \
            ["-CA", self.ca, "-CAkey", self.key, "-CAcreateserial"]
        when = ["-days", str(days)]
        self.openssl("x509", "-req", "-in", csr, "-out", cert, *signer,
                     *when, "-extfile", extensions)
        return cert, key

    def context(self, name="origin", names=("IP:127.0.0.1",), lowest=None,
                highest=None, ciphers=None, alpn=None, **how):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if ciphers:
            context.set_ciphers(ciphers)
        if lowest:
            context.minimum_version = lowest
        if highest:
            context.maximum_version = highest
        if alpn:
            context.set_alpn_protocols(alpn)
        context.load_cert_chain(*self.issue(name, list(names), **how))
        return context

    @staticmethod
    def pin(cert):
        """The pin of a certificate's public key, as curl and writs have it."""
        import base64
        import hashlib
        public = subprocess.run(
            ["openssl", "x509", "-in", cert, "-pubkey", "-noout"],
            check=True, timeout=60, stdout=subprocess.PIPE).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"],
                             input=public, check=True, timeout=60,
                             stdout=subprocess.PIPE).stdout
        return "sha256//" + base64.b64encode(
            hashlib.sha256(der).digest()).decode()


# -- nginx

NGINX = """
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 1024; }}
http {{
	log_format all '$request_method $request_uri $status $server_protocol '
		'"$http_authorization" $request_length $body_bytes_sent '
		'$connection $connection_requests';
	access_log {log};
	client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2;
	fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4;
	scgi_temp_path {dir}/t5;
	types {{ text/plain txt; application/json json; }}
	default_type application/octet-stream;
	client_max_body_size 1g;
	client_body_buffer_size 1m;
	keepalive_requests 100000;
	keepalive_timeout 60s;
	server {{
		listen 127.0.0.1:{plain};
		listen 127.0.0.1:{https} ssl http2;
		listen 127.0.0.1:{https1} ssl;
		ssl_certificate {cert};
		ssl_certificate_key {key};
		ssl_protocols TLSv1.2 TLSv1.3;
		root {dir}/www;
		location /api/ {{
			if ($http_authorization != "Bearer {token}") {{ return 401 "no\\n"; }}
			default_type application/json;
			return 200 '{{"user":"writ","protocol":"$server_protocol"}}\\n';
		}}
		location /sink {{ return 200 "sunk\n"; }}
		location /protocol {{ return 200 "$server_protocol\\n"; }}
		location /upload/ {{
			dav_methods PUT;
			create_full_put_path on;
		}}
	}}
}}
"""


def free_port(address="127.0.0.1"):
    with socket.socket() as s:
        s.bind((address, 0))
        return s.getsockname()[1]


class Nginx:
    """nginx in `folder`: `plain`, `https` (HTTP/1.1 and 2), `https1`."""

    def __init__(self, folder, authority, names=("IP:127.0.0.1",),
                 token="a token", log=True):
        self.folder, self.token = folder, token
        os.makedirs(os.path.join(folder, "www", "upload"), exist_ok=True)
        self.cert, key = authority.issue("nginx", list(names))
        for attempt in range(5):
            self.plain, self.https, self.https1 = (free_port()
                                                   for _ in range(3))
            config = os.path.join(folder, "nginx.conf")
            with open(config, "w", encoding="ascii") as file:
                if os.geteuid() == 0:
                    file.write("user root;\n")
                file.write(NGINX.format(
                    dir=folder, plain=self.plain, https=self.https,
                    https1=self.https1, cert=self.cert, key=key,
                    token=token, log=os.path.join(folder, "access.log") +
                    " all" if log else "off"))
            self.process = subprocess.Popen(
                ["/usr/sbin/nginx", "-p", folder, "-c", config, "-e",
                 os.path.join(folder, "error.log")],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            if self.ready():
                return
            self.close()
        raise RuntimeError("nginx does not start: " + self.read("error.log"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ready(self):
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.https1),
                                         1).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def file(self, name, data):
        with open(os.path.join(self.folder, "www", name), "wb") as file:
            file.write(data)

    def read(self, name):
        try:
            with open(os.path.join(self.folder, name),
                      encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def uploaded(self, name):
        with open(os.path.join(self.folder, "www", "upload", name),
                  "rb") as file:
            return file.read()

    def seen(self):
        """The requests it logged: (method, target, status, protocol, ...)."""
        return [line.split(" ") for line in
                self.read("access.log").splitlines()]

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(WAIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

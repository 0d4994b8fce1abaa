"""Origins for the tests of net, on loopback and free ports: one of raw bytes, a
name server, nginx, and certificates made here."""
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

WAIT = 20


class Origin:
    """Calls `serve(conn, head, rest, number)` for each head that comes; it
    answers with raw bytes and says whether the connection lives on."""

    def __init__(self, serve, tls=None):
        self.serve, self.tls = serve, tls
        self.connections, self.heads, self.rests = 0, [], []
        self.failed = 0
        self.open, self.lock = set(), threading.Lock()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        with self.lock:
            for conn in self.open:
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
            self.connections += 1
            threading.Thread(target=self.one, args=(conn,),
                             daemon=True).start()

    def one(self, conn):
        with self.lock:
            self.open.add(conn)
        raw = conn
        try:
            conn.settimeout(WAIT)
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                try:
                    conn = self.tls.wrap_socket(conn, server_side=True)
                except OSError:
                    self.failed += 1
                    raise
            kept, number = b"", 0
            while True:
                while b"\r\n\r\n" not in kept:
                    got = conn.recv(65536)
                    if not got:
                        return
                    kept += got
                head, kept = kept.split(b"\r\n\r\n", 1)
                self.heads.append(head)
                reader = Reader(conn, kept)
                if not self.serve(conn, head, reader, number):
                    return
                kept, number = reader.kept, number + 1
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(raw)
            conn.close()


class Reader:
    """What comes behind a head."""

    def __init__(self, conn, kept):
        self.conn, self.kept, self.trailers = conn, kept, []

    def take(self, n):
        got, self.kept = bytearray(self.kept[:n]), self.kept[n:]
        while len(got) < n:
            more = self.conn.recv(min(n - len(got), 1 << 20))
            if not more:
                raise OSError("cut")
            got += more
        return bytes(got)

    def line(self):
        while b"\r\n" not in self.kept:
            got = self.conn.recv(65536)
            if not got:
                raise OSError("cut")
            self.kept += got
        got, self.kept = self.kept.split(b"\r\n", 1)
        return got

    def chunked(self):
        whole = []
        while True:
            size = int(self.line(), 16)
            if size == 0:
                while (one := self.line()):
                    self.trailers.append(one)
                return b"".join(whole)
            whole.append(self.take(size))
            assert self.take(2) == b"\r\n"

    def body(self, head):
        low = head.lower()
        if b"transfer-encoding: chunked" in low:
            return self.chunked()
        for line in low.split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return self.take(int(line.split(b":")[1]))
        return b""


def fixed(raw, close=False):
    """An origin that always answers with these bytes."""
    def serve(conn, head, rest, number):
        rest.body(head)
        conn.sendall(raw)
        return not close
    return Origin(serve)


def ok(body=b"", *fields):
    lines = [b"HTTP/1.1 200 OK", b"content-length: %d" % len(body)]
    return b"\r\n".join(lines + list(fields)) + b"\r\n\r\n" + body


class NameServer:
    """`answer(query, name, type)` gives the bytes of each answer, or None."""

    def __init__(self, answer):
        self.answer, self.asked, self.over_tcp = answer, [], 0
        while True:
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind(("127.0.0.1", 0))
            self.port = self.udp.getsockname()[1]
            self.tcp = socket.socket()
            try:
                self.tcp.bind(("127.0.0.1", self.port))
                break
            except OSError:
                self.udp.close()
                self.tcp.close()
        self.tcp.listen(16)
        for run in (self.datagrams, self.streams):
            threading.Thread(target=run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in (self.udp, self.tcp):
            s.close()

    def reply(self, query, tcp):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        kind, = struct.unpack_from(">H", query, at + 1)
        self.asked.append((".".join(labels), kind, tcp, query[:2]))
        return self.answer(query[:at + 5], labels[0], kind, tcp)

    def datagrams(self):
        while True:
            try:
                query, peer = self.udp.recvfrom(4096)
                for one in self.reply(query, False) or ():
                    self.udp.sendto(one, peer)
            except OSError:
                return

    def streams(self):
        while True:
            try:
                conn, _ = self.tcp.accept()
            except OSError:
                return
            self.over_tcp += 1
            threading.Thread(target=self.stream, args=(conn,),
                             daemon=True).start()

    def stream(self, conn):
        with conn:
            conn.settimeout(WAIT)
            try:
                while True:
                    n, = struct.unpack(">H", conn.recv(2))
                    for one in self.reply(conn.recv(n), True) or ():
                        conn.sendall(struct.pack(">H", len(one)) + one)
            except (OSError, struct.error):
                pass


def dns(query, records=(), rcode=0, flags=0x8180):
    """An answer to `query`; each record (type, bytes) is of its name."""
    out = query[:2] + struct.pack(">HHHHH", flags | rcode, 1, len(records), 0,
                                  0) + query[12:]
    for kind, raw in records:
        out += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(raw)) + raw
    return out


class Certificates:
    """A small authority, and what it and others have signed."""

    def __init__(self, folder):
        self.folder = folder
        self.make_ca("ca")
        self.make_ca("other")
        self.issue("good", "ca", "DNS:origin.test,DNS:h2.test,IP:127.0.0.1")
        self.issue("wrong", "ca", "DNS:elsewhere.test")
        self.issue("expired", "ca", "DNS:origin.test", days=-1)
        self.issue("unknown", "other", "DNS:origin.test")
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                 self.at("self.key"), "-out", self.at("self.pem"), "-subj",
                 "/CN=self", "-addext", "subjectAltName=DNS:origin.test")
        with open(self.at("ca.pem"), encoding="ascii") as f:
            self.ca = f.read()
        with open(self.at("other.pem"), encoding="ascii") as f:
            self.other = f.read()

    def at(self, name):
        return os.path.join(self.folder, name)

    def run(self, *args, data=None):
        return subprocess.run(["openssl", *args], check=True, input=data,
                              capture_output=True).stdout

    def make_ca(self, name):
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                 self.at(name + ".key"), "-out", self.at(name + ".pem"),
                 "-subj", "/CN=" + name, "-days", "2")

    def issue(self, name, ca, names, days=2):
        self.run("req", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                 self.at(name + ".key"), "-out", self.at(name + ".csr"),
                 "-subj", "/CN=" + name)
        with open(self.at(name + ".ext"), "w", encoding="ascii") as f:
            f.write("subjectAltName=" + names)
        self.run("x509", "-req", "-in", self.at(name + ".csr"), "-CA",
                 self.at(ca + ".pem"), "-CAkey", self.at(ca + ".key"),
                 "-CAcreateserial", "-extfile", self.at(name + ".ext"),
                 "-days", str(days), "-out", self.at(name + ".pem"))

    def pin(self, name):
        """CURLOPT_PINNEDPUBLICKEY's form of a certificate's key."""
        key = self.run("x509", "-in", self.at(name + ".pem"), "-pubkey",
                       "-noout")
        der = self.run("pkey", "-pubin", "-outform", "der", data=key)
        digest = self.run("dgst", "-sha256", "-binary", data=der)
        return "sha256//" + self.run("base64", "-A", data=digest).decode()

    def server(self, name, most=None, least=None):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.at(name + ".pem"), self.at(name + ".key"))
        if most:
            tls.set_ciphers("ALL:@SECLEVEL=0")
            tls.minimum_version = least or ssl.TLSVersion.TLSv1
            tls.maximum_version = most
        return tls


CONF = """
worker_processes 1; daemon off; master_process off; pid {0}/pid;
error_log {0}/error.log; events {{ worker_connections 512; }}
http {{
 access_log {0}/access.log; client_body_temp_path {0}/b;
 proxy_temp_path {0}/p; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u;
 scgi_temp_path {0}/s; client_max_body_size 0; keepalive_requests 100000;
 ssl_certificate {1}; ssl_certificate_key {2};
 log_format where '$connection $request_uri $server_protocol';
 access_log {0}/where.log where;
 {3}
}}
"""
SERVER = """server {{ listen 127.0.0.1:{port} {how}; root {root};
 location /say {{ return 200 "$server_protocol $request_uri\\n"; }}
 location /auth {{ if ($http_authorization != "Bearer {token}") {{ return 401; }}
   return 200 "in"; }}
 location /up {{ proxy_pass http://127.0.0.1:{behind};
   proxy_request_buffering off; proxy_buffering off; proxy_http_version 1.1; }} }}
"""


class Nginx:
    """A real server: plain, TLS with HTTP/1.1 alone, TLS with HTTP/2."""

    def __init__(self, certs, token, behind):
        self.folder = tempfile.mkdtemp(prefix="writ-net-nginx-")
        os.chmod(self.folder, 0o755)
        self.root = os.path.join(self.folder, "root")
        os.mkdir(self.root)
        ports = []
        held = []
        for _ in range(3):
            s = socket.socket()
            s.bind(("127.0.0.1", 0))
            held.append(s)
            ports.append(s.getsockname()[1])
        for s in held:
            s.close()
        self.plain, self.h1, self.h2 = ports
        servers = "".join(
            SERVER.format(port=p, how=how, root=self.root, token=token,
                          behind=behind)
            for p, how in zip(ports, ("", "ssl", "ssl http2")))
        conf = os.path.join(self.folder, "conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(CONF.format(self.folder, certs.at("good.pem"),
                                certs.at("good.key"), servers))
        self.process = subprocess.Popen(
            ["/usr/sbin/nginx", "-p", self.folder, "-c", conf],
            stderr=subprocess.DEVNULL)
        for port in ports:
            self.wait(port)

    @staticmethod
    def wait(port):
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("nginx did not start")

    def file(self, name, data):
        with open(os.path.join(self.root, name), "wb") as f:
            f.write(data)

    def connections(self):
        """The connections that brought requests, each once."""
        with open(os.path.join(self.folder, "where.log"),
                  encoding="ascii") as f:
            return len({line.split()[0] for line in f})

    def close(self):
        self.process.terminate()
        self.process.wait(WAIT)
        shutil.rmtree(self.folder, ignore_errors=True)

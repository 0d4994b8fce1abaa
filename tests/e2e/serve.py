"""`writ serve`: requests and their guests, what clients do to a server, and what becomes of it.
The reader of requests has unit tests of its own; here it stands in the jail."""
import json
import os
import re
import signal
import socket
import stat
import threading
import time

from harness import (BOTH, WAIT_SECONDS, case, cases_of, check, equal,
                     refused, verify_audit, wait_until)
from origin import Origin
from toolboxes import children, comm, gone

REAL = ["--grant", "clock real"]


class Server:
    """`writ serve` on a free port."""

    def __init__(self, box, *more, guest="serve-c"):
        self.box = box
        self.log = box.path("work/server.log")
        self.admin = box.path("work/admin")
        with open(self.log, "wb") as log:
            self.process = box.popen(box.command(
                "serve", box.guest(guest), "--addr", "127.0.0.1:0", "--admin",
                self.admin, *more), stdout=log, stderr=log)
        found = wait_until("serving", lambda: re.search(
            r"^Serving HTTP on http://127\.0\.0\.1:(\d+)/$", self.said(),
            re.M) or self.process.poll() is not None)
        check(found is not True, self.said())
        self.port = int(found.group(1))

    def said(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        family = [self.process.pid, *children(self.process.pid)]
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        gone(family)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port),
                                        timeout=WAIT_SECONDS)

    def raw(self, data):
        """All that comes back until the server closes."""
        with self.connect() as s:
            s.sendall(data)
            return hear(s)

    def get(self, path, more=b""):
        return self.raw(request(path, more))

    def health(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(WAIT_SECONDS)
            s.connect(self.admin)
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            head, body = hear(s).split(b"\r\n\r\n", 1)
        return head.split(b"\r\n")[0].decode(), json.loads(body)

    def workers(self):
        return [p for p in children(self.process.pid)
                if comm(p) == "writ-worker"]

    def served_when(self, n):
        """The same, once there are n."""
        return wait_until(f"{n} records", lambda: len(self.served()) >= n
                          and self.served())

    def served(self):
        """Every request that stands in the logs of this box."""
        return [r for path in self.box.audits()
                for record in verify_audit(path) if record["type"] == "served"
                for r in record["requests"]]


def nobody_listens(s):
    try:
        s.connect().close()
        return False
    except ConnectionRefusedError:
        return True


def request(path, more=b"", close=True):
    return (b"GET " + path.encode() + b" HTTP/1.1\r\nHost: a\r\n" +
            (b"Connection: close\r\n" if close else b"") + more + b"\r\n")


def hear(s, until=None):
    data = b""
    while until is None or until not in data:
        try:
            piece = s.recv(65536)
        except ConnectionResetError:
            break
        if not piece:
            break
        data += piece
    return data


def status(answer):
    check(answer.startswith(b"HTTP/1.1 "), answer)
    return int(answer[9:12])


def body(answer):
    return answer.split(b"\r\n\r\n", 1)[1]


def whole(answer):
    """The body of an answer in chunks."""
    rest, data = body(answer), b""
    while True:
        size, rest = rest.split(b"\r\n", 1)
        if not int(size, 16):
            return data
        data += rest[:int(size, 16)]
        rest = rest[int(size, 16) + 2:]


def at_once(n, work):
    """What n threads made of it."""
    results = [None] * n

    def run(i):
        results[i] = work(i)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(WAIT_SECONDS)
    return results


# -- requests

@case(users=BOTH)
def says_where_and_answers(box):
    with Server(box) as s:
        answer = s.get("/")
        equal(status(answer), 200)
        equal(body(answer), b"hello\n")
        check(b"\r\ndate: " in answer, answer)
        equal(s.said().count("Serving HTTP on http://127.0.0.1:"), 1)


@case
def each_request_has_a_fresh_instance(box):
    with Server(box, "--workers", "1") as s, s.connect() as c:
        for _ in range(5):
            c.sendall(request("/count", close=False))
            check(hear(c, b"1\n").endswith(b"\r\n\r\n1\n"))


@case
def guests_see_their_request(box):
    with Server(box) as s:
        seen = whole(s.raw(
            b"PURGE /headers?a=%20b HTTP/1.1\r\nHost: Example.org:81\r\n"
            b"X-Two: 1\r\nX-Two: 2\r\nConnection: close\r\nTE: trailers\r\n"
            b"Upgrade: h2c\r\nProxy-Authorization: x\r\n\r\n"))
    check(b"PURGE\npath /headers?a=%20b\nauthority Example.org:81\n" in seen,
          seen)
    check(b"x-two: 1\nx-two: 2\n" in seen, seen)
    for name in (b"host:", b"te:", b"upgrade:", b"connection:", b"proxy-"):
        check(b"\n" + name not in seen, name, seen)


@case
def bodies_stream_both_ways(box):
    with Server(box) as s, s.connect() as c:
        c.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        check(b"abc" in hear(c, b"abc"))    # the request is not over yet
        c.sendall(b"4\r\ndefg\r\n0\r\n\r\n")
        check(b"defg" in hear(c, b"\r\n0\r\n\r\n"))
        c.sendall(request("/big/20000000"))
        answer = hear(c)
        equal(len(body(answer)), 20000000)


@case
def a_reader_that_stops_stops_its_guest(box):
    with Server(box, "--workers", "1") as s, s.connect() as c:
        c.sendall(request("/big/300000000"))
        hear(c, b"\r\n\r\n")
        time.sleep(1)
        (worker,) = s.workers()
        with open(f"/proc/{worker}/status", encoding="ascii") as file:
            rss = int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))
        check(rss < 150000, f"{rss} KiB")
        equal(status(s.get("/")), 200)      # others are served meanwhile
        equal(s.health()[1]["running"], 1)


@case
def trailers_are_sent(box):
    with Server(box) as s:
        check(s.get("/trailers").endswith(
            b"5\r\nhello\r\n0\r\nx-sum: abc\r\nx-two: 2\r\n\r\n"))


@case
def broken_answers_are_never_whole(box):
    with Server(box) as s:
        for path in ("/cut/100", "/short", "/trap-late"):
            answer = s.get(path)
            equal(status(answer), 200)
            announced = re.search(rb"content-length: (\d+)", answer)
            if announced:
                check(len(body(answer)) < int(announced.group(1)), answer)
            else:
                check(not answer.endswith(b"0\r\n\r\n"), answer)
        for path in ("/none", "/error", "/trap"):
            answer = s.get(path)
            equal(status(answer), 500)
            check(b"wasm" not in answer, answer)
        wait_until("told", lambda: "GET /trap: trapped: " in s.said())


# -- many

@case
def fifty_slow_requests_take_the_time_of_one(box):
    with Server(box, "--workers", "1", *REAL) as s:
        began = time.monotonic()
        answers = at_once(50, lambda i: s.get("/slow/1000"))
        took = time.monotonic() - began
        equal([status(a) for a in answers], [200] * 50)
        check(took < 10, f"{took} s")
        check(all(body(a) == b"slow\n" for a in answers))


@case
def a_guest_that_computes_holds_no_other_up(box):
    box.writ_file("name: w\nlimits: { cpu: 3s, memory: 32MiB }\n")
    with Server(box, "--workers", "1", "-w", "the.writ.yaml") as s:
        spinning = threading.Thread(
            target=at_once, args=(3, lambda i: check(
                status(s.get("/spin")) == 504)))
        spinning.start()
        wait_until("they run", lambda: s.health()[1]["running"] == 3)
        for _ in range(5):
            equal(body(s.get("/")), b"hello\n")
        check(spinning.is_alive())
        check(status(s.get("/hog")) in (500, 507))
        spinning.join(WAIT_SECONDS)
        check(not spinning.is_alive())
        equal(sorted({r["detail"] for r in s.served_when(9)
                      if r["outcome"] == "limit"}), ["cpu"])


@case
def too_many_are_told_to_come_back(box):
    with Server(box, "--workers", "1", "--concurrency", "2", *REAL) as s:
        waiting = [s.connect() for _ in range(2 + 64)]
        for c in waiting:
            c.sendall(request("/slow/60000"))
        wait_until("full", lambda: s.health()[1]["waiting"] == 64)
        answer = s.get("/")
        equal(status(answer), 503)
        check(b"\r\nretry-after: 1\r\n" in answer, answer)
        for c in waiting:
            c.close()
        wait_until("empty", lambda: s.health()[1]["running"] == 0)
        equal(status(s.get("/")), 200)


@case
def a_client_that_goes_stops_its_guest(box):
    with Server(box, "--workers", "1", *REAL) as s:
        for path in ("/slow/60000", "/spin", "/big/300000000"):
            c = s.connect()
            c.sendall(request(path))
            wait_until("runs", lambda: s.health()[1]["running"] == 1)
            c.close()
            wait_until("stopped", lambda: s.health()[1]["running"] == 0)
        equal([r["outcome"] for r in s.served_when(3)], ["cancelled"] * 3)


# -- what clients send

SMUGGLED = b"GET /count HTTP/1.1\r\nHost: a\r\n\r\n"
HOSTILE = {
    "two lengths": (400, b"POST /echo HTTP/1.1\r\nHost: a\r\n"
                    b"Content-Length: 6\r\nContent-Length: 5\r\n\r\nabcdef"),
    "a length and chunks": (400, b"POST /echo HTTP/1.1\r\nHost: a\r\n"
                            b"Content-Length: 4\r\nTransfer-Encoding: chunked"
                            b"\r\n\r\n0\r\n\r\n"),
    "a coding unknown": (501, b"POST /echo HTTP/1.1\r\nHost: a\r\n"
                         b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "a blank before the colon": (400, b"POST /echo HTTP/1.1\r\nHost: a\r\n"
                                 b"Transfer-Encoding : chunked\r\n\r\n"),
    "a fold": (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
    "a bare LF": (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    "two hosts": (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    "no host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "another authority": (400, b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a NUL": (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"),
    "HTTP2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "CONNECT": (501, b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"),
    "a long head": (431, b"GET / HTTP/1.1\r\nHost: a\r\nX: " +
                    b"a" * 20000 + b"\r\n\r\n"),
    "many fields": (431, b"GET / HTTP/1.1\r\nHost: a\r\n" +
                    b"X: a\r\n" * 70 + b"\r\n"),
    "a long target": (414, b"GET /" + b"a" * 9000 +
                      b" HTTP/1.1\r\nHost: a\r\n\r\n"),
}


def is_refused(box, what):
    code, data = what
    with Server(box, "--workers", "1") as s:
        answer = s.raw(data + SMUGGLED)
        equal(status(answer), code, answer)
        equal(answer.count(b"HTTP/1.1 "), 1, answer)
        equal(s.health()[1]["requests"], 0)
        equal(status(s.get("/")), 200)


cases_of({"SMG " + k: v for k, v in HOSTILE.items()}, is_refused)


@case
def broken_chunks_end_the_connection(box):
    with Server(box) as s:
        for chunks in (b"2x\r\nab\r\n0\r\n\r\n", b"2\r\nabc\r\n0\r\n\r\n",
                       b"-2\r\nab\r\n", b"2\nab\n0\n\n",
                       b"2\r\nab\r\n0\r\nContent-Length: 4\r\n\r\n"):
            answer = s.raw(b"POST /echo HTTP/1.1\r\nHost: a\r\n"
                           b"Transfer-Encoding: chunked\r\n\r\n" + chunks +
                           SMUGGLED)
            check(answer.count(b"HTTP/1.1 ") <= 1, chunks, answer)
            check(not answer.endswith(b"\r\n1\n"), chunks, answer)


@case
def requests_in_a_row_are_answered_in_order(box):
    with Server(box) as s, s.connect() as c:
        c.sendall(request("/status/201", close=False) +
                  b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                  b"\r\nabc" + request("/status/203"))
        answer = hear(c)
        equal(re.findall(rb"HTTP/1\.1 (\d+)", answer),
              [b"201", b"200", b"203"], answer)


@case(first=True)
def who_drips_a_head_is_left(box):
    with Server(box, "--workers", "1") as s, s.connect() as c:
        began = time.monotonic()
        try:
            for byte in b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 100:
                c.sendall(bytes([byte]))
                time.sleep(0.4)
        except OSError:
            pass
        check(8 < time.monotonic() - began < 20)
        wait_until("gone", lambda: s.health()[1]["connections"] == 0)


# -- the server

@case(users=BOTH)
def healthz_is_on_the_admin_socket_alone(box):
    with Server(box) as s:
        mode = os.stat(s.admin)
        check(stat.S_ISSOCK(mode.st_mode))
        equal(mode.st_mode & 0o777, 0o600)
        line, health = s.health()
        equal(line, "HTTP/1.1 200 OK")
        equal((health["status"], health["workers"]),
              ("ok", health["workers_up"]))
        check(b"workers" not in s.get("/healthz"))
    check(not os.path.exists(s.admin))


@case
def a_worker_that_dies_takes_its_own_connections(box):
    with Server(box, "--workers", "2", *REAL) as s:
        slow = [s.connect() for _ in range(16)]
        for c in slow:
            c.sendall(request("/slow/1500"))
        wait_until("both have some", lambda: s.health()[1]["running"] == 16)
        os.kill(s.workers()[0], signal.SIGKILL)
        answers = [hear(c) for c in slow]
        for c in slow:
            c.close()
        alive = [a for a in answers if a]
        check(all(body(a) == b"slow\n" for a in alive), answers)
        wait_until("replaced", lambda: s.health()[1]["replaced"] == 1 and
                   s.health()[1]["workers_up"] == 2)
        equal(status(s.get("/")), 200)
        check("was killed by signal 9" in s.said(), s.said())
    ends = [verify_audit(p)[-1] for p in box.audits()]
    equal(sorted(e["outcome"] for e in ends),
          ["stopped", "stopped", "worker-lost"])


@case
def stopping_lets_requests_finish(box):
    with Server(box, *REAL) as s:
        idle, slow = s.connect(), s.connect()
        slow.sendall(request("/slow/1000"))
        wait_until("runs", lambda: s.health()[1]["running"] == 1)
        s.process.send_signal(signal.SIGTERM)
        equal(hear(idle), b"")
        wait_until("no more accepted", lambda: nobody_listens(s))
        equal(body(hear(slow)), b"slow\n")
        equal(s.process.wait(30), 0)
    equal([r["status"] for r in s.served()], [200])


@case
def stopping_twice_or_too_long_ends_them(box):
    for more, signals in ((["--grace", "1"], 1), ([], 2)):
        with Server(box, *more, *REAL) as s:
            c = s.connect()
            c.sendall(request("/slow/60000"))
            wait_until("runs", lambda: s.health()[1]["running"] == 1)
            began = time.monotonic()
            s.process.send_signal(signal.SIGTERM)
            if signals == 2:
                wait_until("stopping", lambda:
                           s.health()[1]["status"] == "stopping")
                s.process.send_signal(signal.SIGTERM)
            equal(s.process.wait(30), 0)
            check(time.monotonic() - began < 10)
            equal(hear(c), b"")


@case
def every_request_is_on_record(box):
    with Server(box, "--workers", "2") as s:
        for i in range(40):
            s.get(f"/status/{200 + i}" if i % 4 else "/trap")
        s.raw(b"nonsense\r\n\r\n")
    rows = s.served()
    equal(len(rows), 40)
    equal(sorted(r["path"] for r in rows if r["outcome"] == "trapped"),
          ["/trap"] * 10)
    check(all(r["status"] == int(r["path"][8:]) for r in rows
              if r["path"].startswith("/status/")), rows)
    malformed = sum(r["malformed"] for p in box.audits()
                    for r in verify_audit(p) if r["type"] == "served")
    equal(malformed, 1)


@case
def a_full_log_ends_a_session_and_no_request(box):
    box.writ_file("name: w\nlimits: { audit: 64KiB }\n")
    with Server(box, "--workers", "1", "-w", "the.writ.yaml") as s:
        for _ in range(1000):
            equal(status(s.get("/")), 200)
        equal(s.health()[1]["replaced"], 0)
    check(len(box.audits()) > 1)
    equal(len(s.served()), 1000)


@case
def guests_do_not_share_files(box):
    """Memory that one request filled is not there for the next."""
    box.writ_file("name: w\nlimits: { memory: 32MiB }\nfiles:\n"
                  "  - { name: m, at: /m, from: memory, mode: write }\n")
    with Server(box, "--workers", "1", "-w", "the.writ.yaml") as s:
        for _ in range(50):
            equal(status(s.get("/")), 200)


@case
def what_cannot_serve_is_refused(box):
    refused(box.writ("serve", box.guest("hello-c")),
            "does not export wasi:http/incoming-handler")
    refused(box.writ("serve", "--addr", "here", box.guest("serve-c")),
            "not an address")
    with Server(box) as s:
        refused(box.writ("serve", "--addr", f"127.0.0.1:{s.port}",
                         box.guest("serve-c")), "Address already in use")
        refused(box.writ("serve", "--addr", "127.0.0.1:0", "--admin", s.admin,
                         box.guest("serve-c")), s.admin)


@case
def javascript_serves(box):
    with Server(box, guest="serve-js") as s:
        answer = s.get("/")
        equal(status(answer), 200, answer)


@case
def a_served_guest_asks_others(box):
    """Many at once, each its own request; and what its writ does not have."""
    with Origin() as origin, Origin() as other:
        box.writ_file("name: w\nrandom: secure\nhttp:\n"
                      "  - { name: o, methods: [GET], url: "
                      f"\"{origin.url('/**')}\", "
                      "addresses: [\"127.0.0.1/32\"] }\n")
        with Server(box, "--workers", "1", "-w", "the.writ.yaml") as s:
            answers = at_once(20, lambda i: s.get(
                "/out?" + origin.url(f"/bytes/{100 + i}")))
            equal([status(a) for a in answers], [200] * 20, answers)
            equal([len(whole(a)) for a in answers],
                  [100 + i for i in range(20)])
            refused_one = s.get("/out?" + other.url("/"))
            equal(status(refused_one), 502)
            check(b"denied" in refused_one, refused_one)
            wait_until("told", lambda: "refused   http" in s.said())
        check(other.silent)

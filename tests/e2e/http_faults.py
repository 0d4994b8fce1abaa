"""HTTP when something breaks: origins that do not keep to the protocol, a dead
name server, no file descriptors, too much at a time, processes killed.  What the
guest sees has a name, the log is whole, nothing is left behind."""
import os
import re
import resource
import signal
import time

from harness import (case, cases_of, check, equal, finish, verify_audit,
                     wait_until)
from origin import Origin, pattern
from web import ask, entry, granted, hashed, start, whole

MALFORMED = ["HTTP-protocol-error", "HTTP-response-incomplete",
             "connection-terminated", "internal-error"]


# -- SMG-09, SMG-10: answers that are wrong

def hostile(box, how):
    """An error with a name, or the part that was right; and the next request is
    served by a connection that has not seen the bad one."""
    path, bodies, codes = how
    with Origin() as o:
        got = ask(box, whole(o), lines=[
            f"GET {o.url(path)}", f"GET {o.url('/hello')}",
            f"GET {o.url('/bytes/70000')}"])
        first, second, third = got.answers
        if first.kind == "status":
            check(bodies and first.body in bodies, got.result)
        else:
            equal(first.kind, "error", got.result)
            check(codes and first.what.split(" ")[0] in codes, got.result)
        equal((second.status, second.body), (200, "hello\n"), got.result)
        equal((third.bytes, third.hash), (70000, hashed(pattern(70000))))
        check(o.connections >= 2 or first.kind == "status",
              "a bad connection was used again")
        outcomes = [r["outcome"] for r in got.outcomes()]
        equal(outcomes[1:], ["allowed", "allowed"])
        equal(outcomes[0] == "allowed", first.kind == "status", got.records)


TOO_LONG = MALFORMED + ["HTTP-response-header-section-size",
                        "HTTP-response-header-size"]
CHUNKS = MALFORMED + ["HTTP-response-transfer-coding"]
LENGTHS = MALFORMED + ["HTTP-response-body-size"]
cases_of({
    "SMG-09-pipelined": ("/pipelined", ["first"], MALFORMED),
    "SMG-09-trailing": ("/trailing", ["first"], MALFORMED),
    "SMG-09-not-http": ("/not-http", [], MALFORMED),
    "SMG-09-no-head": ("/no-head", [], MALFORMED),
    "SMG-09-bad-status": ("/bad-status", [], MALFORMED),
    "SMG-09-big-status": ("/big-status", [], MALFORMED),
    "SMG-09-two-lengths": ("/two-lengths", [], LENGTHS),
    "SMG-09-bad-length": ("/bad-length", [], LENGTHS),
    "SMG-09-huge-length": ("/huge-length", [], LENGTHS),
    "SMG-09-both-lengths": ("/both-lengths", [], CHUNKS),
    "SMG-09-nul": ("/nul-field", [], TOO_LONG),
    "SMG-09-odd-name": ("/odd-name", [], TOO_LONG),
    "SMG-09-fold": ("/fold", [], TOO_LONG),
    "SMG-09-bare-lf": ("/bare-lf", [], MALFORMED),
    "SMG-09-chunk-name": ("/chunk-name", [], CHUNKS),
    "SMG-09-chunk-minus": ("/chunk-minus", [], CHUNKS),
    "SMG-09-chunk-hex": ("/chunk-hex", [], CHUNKS),
    "SMG-09-chunk-huge": ("/chunk-huge", [], CHUNKS),
    "SMG-09-chunk-short": ("/chunk-short", [], CHUNKS),
    "SMG-09-chunk-no-crlf": ("/chunk-no-crlf", [], CHUNKS),
    "SMG-09-chunk-lf": ("/chunk-lf", [], CHUNKS),
    "SMG-09-chunk-extension": ("/chunk-endless-ext", [], CHUNKS),
    "SMG-09-chunk-trailer": ("/chunk-endless-trailer", [], CHUNKS + [
        "HTTP-response-trailer-section-size", "HTTP-response-trailer-size"]),
    "SMG-10-101": ("/101", [], MALFORMED + ["HTTP-upgrade-failed"]),
    "SMG-10-endless-head": ("/endless-head", [], TOO_LONG),
    "SMG-10-endless-line": ("/endless-line", [], TOO_LONG),
    "SMG-10-informational": ("/informational", [], TOO_LONG),
    "SMG-10-many-fields": ("/fields/5000", [], TOO_LONG),
}, hostile)


@case
def SMG_10_what_an_endless_head_costs(box):
    with Origin() as o:
        ask(box, whole(o), lines=[f"GET {o.url('/endless-head')}",
                                  f"GET {o.url('/endless-line')}"])
        check(o.down < 8_000_000, o.down)


# -- a slow origin, a slow guest

@case
def a_slow_guest_makes_the_origin_wait(box):
    """Nothing gathers on the way: what is not read is not fetched."""
    with Origin() as o:
        writ = whole(o, response="{ max: 1GiB }")
        process, _ = start(box, writ, "GET", o.url("/endless-body"), "-l",
                           "100", "-c", "1000", "-x", "stream:30000")
        result = finish(process)
        equal(result.code, 0, result)
        check(o.down < 24_000_000, o.down)


@case
def a_slow_origin_makes_the_guest_wait(box):
    with Origin() as o:
        got = ask(box, whole(o, request="{ max: 1GiB }"), lines=[
            f"POST {o.url('/never-read')} -d @500000000 -t ,2000,2000",
            f"GET {o.url('/hello')}"])
        equal(got.answers[0].kind, "error", got.result)
        check(got.answers[0].sent < 24_000_000, got.answers[0])
        equal(got.answers[1].status, 200)


@case
def a_drip_is_a_body_all_the_same(box):
    with Origin() as o:
        got = ask(box, whole(o), "GET", o.url("/drip/30/20"))
        equal((got.one.status, got.one.body), (200, "x" * 30), got.result)


# -- too much at a time

@case
def many_more_than_may_be_in_flight(box):
    """10,000 asked for at once under a limit of 50."""
    with Origin() as o:
        writ = whole(o, concurrency="50") + \
            "limits: { time: 120s, requests: 100000, memory: 512MiB, " \
            "handles: 200000, audit: 64MiB }\n"
        process, audit = start(box, writ, "GET", o.url("/slow/200"), "-n",
                               "10000", "-j", "10000", "-q", "-c", "4096")
        result = finish(process)
        equal(result.code, 0, result)
        counts = {what: int(n) for n, what in
                  (line.split(" times ") for line in
                   result.text.splitlines())}
        equal(sum(counts.values()), 10000, counts)
        check(set(counts) <= {"status 200", "error connection-limit-reached",
                              "error HTTP-request-denied"}, counts)
        check(counts["status 200"] >= 50, counts)
        equal(counts["status 200"], len(o.requests))
        check(o.most <= 50, o.most)
        records = verify_audit(audit)
        allowed = [r["seq"] for r in records if r["type"] == "decision" and
                   r["verdict"] == "allow" and r["kind"] == "http"]
        ended = [r["decision"] for r in records if r["type"] == "outcome"]
        equal(len(allowed), counts["status 200"])
        check(set(allowed) <= set(ended), "an outcome is missing")
        refusals = sum(1 if r["type"] == "decision" else r["count"]
                       for r in records if r["type"] == "refused-count" or
                       r["type"] == "decision" and r["verdict"] == "deny")
        equal(refusals, 10000 - len(allowed))


# -- the broker runs out of file descriptors

def few_descriptors(box, most):
    """True: the run began, and had errors with a name."""
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    with Origin() as o:
        process, audit = start(box, whole(o), "GET", o.url("/slow/300"),
                               "-n", "100", "-j", "100", "-q",
                               preexec_fn=few)
        result = finish(process)
        if result.code == 125:      # too few even to begin: said so
            check("file" in result.error or "descriptor" in result.error,
                  result)
            return False
        # or ended: the kernel lets no more descriptors be on their way than
        # may be open (ETOOMANYREFS), and a worker that gets no answer is lost
        check(result.code in (0, 126), result)
        for line in result.text.splitlines():
            check(re.search("times (status 200|error (connection-limit-reached|"
                            "connection-terminated|internal-error|"
                            "configuration-error))", line),
                  result)
        records = verify_audit(audit)
        allowed = {r["seq"] for r in records if r["type"] == "decision" and
                   r["verdict"] == "allow"}
        ended = [r["decision"] for r in records if r["type"] == "outcome"]
        check(allowed <= set(ended), "an outcome is missing")
        equal(len(ended), len(set(ended)))
        return "100 times status 200" not in result.text


@case
def no_more_file_descriptors(box):
    """However few there are: errors with a name, and a whole log."""
    check(any([few_descriptors(box, n) for n in (16, 64, 80, 120)]),
          "it never ran out of them")


# -- processes killed

def children(pid):
    """(pid, name) of the processes that it started."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="ascii") as file:
                comm, rest = file.read().rsplit(")", 1)
            if int(rest.split()[1]) == pid:
                found.append((int(name), comm.split("(", 1)[1]))
        except (OSError, ValueError):
            pass
    return found


def child(pid, name):
    return next((p for p, comm in children(pid) if comm == name), None)


def killed(box, name):
    """A process killed while a body streams: the run ends, the log is whole."""
    with Origin() as o:
        writ = whole(o, response="{ max: 1GiB }")
        process, audit = start(box, writ, lines=[
            f"GET {o.url('/endless-body')} -l 5",
            f"GET {o.url('/hello')}"])
        wait_until("bytes flow", lambda: o.down > 200_000)
        victim = wait_until(name, lambda: child(process.pid, name))
        os.kill(victim, signal.SIGKILL)
        result = finish(process)
        records = verify_audit(audit)
        d = [r for r in records if r["type"] == "decision" and
             r["verdict"] == "allow"]
        ended = {r["decision"]: r for r in records if r["type"] == "outcome"}
        check(all(r["seq"] in ended for r in d), records)
        first = ended[d[0]["seq"]]
        check(first["outcome"] in ("unknown", "failed"), first)
        equal(records[-1]["type"], "session-end")
        if name == "writ-net":  # the guest lives, and meets errors
            check("error" in result.text, result)
        else:
            check(result.code not in (0,), result)
        check(not os.path.exists(f"/proc/{victim}"), "it is still there")


cases_of({"worker-killed": "writ-worker", "net-killed": "writ-net"}, killed)


@case
def a_run_that_is_cancelled_leaves_nothing(box):
    with Origin() as o:
        process, audit = start(box, whole(o, response="{ max: 1GiB }"),
                               "GET", o.url("/endless-body"), "-l", "5")
        wait_until("bytes flow", lambda: o.down > 200_000)
        pids = [p for p, _ in children(process.pid)]
        check(len(pids) >= 2, pids)
        process.send_signal(signal.SIGINT)
        finish(process)
        wait_until("all are gone", lambda: not any(
            os.path.exists(f"/proc/{p}") for p in pids))
        records = verify_audit(audit)
        ended = {r["decision"] for r in records if r["type"] == "outcome"}
        check(all(r["seq"] in ended for r in records
                  if r["type"] == "decision"), records)


@case
def a_guest_that_traps_with_a_request_in_flight(box):
    """The limit of time ends it; the request has its outcome."""
    with Origin() as o:
        writ = whole(o) + "limits: { time: 1s }\n"
        process, audit = start(box, writ, "GET", o.url("/hang"))
        result = finish(process)
        equal(result.code, 124, result)
        records = verify_audit(audit)
        ended = [r for r in records if r["type"] == "outcome"]
        equal(len(ended), 1, records)
        check(ended[0]["outcome"] in ("unknown", "failed", "cancelled"),
              ended)


# -- nothing is left behind

@case
def counts_stay_flat(box):
    """Two hundred requests, good and bad: as many descriptors as after ten."""
    def fds(pid):
        try:
            return len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            return 0

    def all_fds(pid):
        return {name: fds(p) for p, name in children(pid)} | {"writ":
                                                              fds(pid)}

    with Origin() as o:
        mix = [f"GET {o.url('/hello')}", f"GET {o.url('/die/10')}",
               f"GET {o.url('/bytes/100000')} -x stream:10",
               f"GET {o.url('/slow/30')} -x future",
               f"POST {o.url('/sink')} -d @20000 -x body",
               f"GET {o.url('/close')}", f"TRACE {o.url('/hello')}",
               "GET http://127.0.0.1:1/"]
        pause = [f"GET {o.url('/wait')} -t ,60000,"]
        more = {"/wait": lambda o_, conn, r: o_.closed.wait(0.7) or
                o_.send(conn, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")}
        o.more = more
        writ = granted(entry(o.url("/**")),
                       entry("http://127.0.0.1:1/", "one"))
        process, _ = start(box, writ, lines=mix * 2 + pause + mix * 25 +
                           pause)
        seen = []
        for i in (1, 2):
            wait_until("a pause", lambda: sum(
                1 for r in o.requests if r.target == "/wait") >= i or
                process.poll() is not None)
            time.sleep(0.2)
            seen.append(all_fds(process.pid))
        result = finish(process)
        equal(result.code, 0, result)
        for name, n in seen[0].items():
            check(seen[1].get(name, 0) <= n + 3, seen)
        equal(set(seen[0]), set(seen[1]), seen)


@case
def bytes_of_the_log_are_those_of_the_origin(box):
    with Origin() as o:
        sizes = [0, 1, 1000, 65536, 300001]
        got = ask(box, whole(o), lines=[
            f"POST {o.url('/sink')} -d @{n}" for n in sizes] + [
            f"GET {o.url(f'/bytes/{n}/{i % 2}')}" for i, n in
            enumerate(sizes)])
        equal([a.kind for a in got.answers], ["status"] * 10, got.result)
        outcomes = got.outcomes()
        for n, out, a in zip(sizes, outcomes, got.answers):
            equal(out["bytes"], n + a.bytes, out)
        for n, out in zip(sizes, outcomes[5:]):
            equal(out["bytes"], n, out)
        for d, out in zip(got.decisions("allow"), outcomes):
            check(out["seq"] > d["seq"])
            equal(d["rule"], "http.o")


@case
def the_log_is_written_before_the_request_leaves(box):
    with Origin() as o:
        audit = box.path("work/first")
        seen = []
        o.more["/look"] = lambda o_, conn, r: (
            seen.append(open(audit, encoding="utf-8").read()),
            o_.send(conn, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"))[1]
        box.run("--audit", audit, "-w", box.writ_file(whole(o)),
                box.guest("test/http"), "GET", o.url("/look"))
        equal(len(seen), 1)
        check('"decision"' in seen[0] and o.url("/look") in seen[0], seen)

"""HTTP that guests send: what works with a grant, what fails and how, and that
nothing leaves without one."""
import functools
import json
import os
import time

import canary
from dns import NameServer
from harness import case, cases_of, check, equal
from origin import Authority, Nginx, Origin, pattern
from web import ask, entry, granted, hashed, secure, whole


# -- no grant, no request

def nothing_leaves(box, words):
    with Origin() as o, NameServer({"granted.test": ["127.0.0.1"]}) as ns:
        words = [w.format(o=o) for w in words]
        got = ask(box, None, *words, resolver=ns)
        equal((got.one.kind, got.one.what), ("error", "HTTP-request-denied"),
              got.result)
        check(o.silent and not ns.asked, o.requests, ns.asked)
        got.refused("unmatched")


cases_of({"AMB-05-get": ["GET", "http://127.0.0.1:{o.port}/hello"],
          "AMB-05-name": ["GET", "http://granted.test:{o.port}/hello"],
          "AMB-05-https": ["GET", "https://granted.test/hello"],
          "AMB-05-post": ["POST", "http://127.0.0.1:{o.port}/sink", "-d",
                          "@100000"]}, nothing_leaves)


@case
def every_language_meets_the_same_refusal(box):
    with Origin() as o:
        for guest in ("fetch-c", "fetch-js", "fetch-py"):
            got = ask(box, None, "GET", o.url("/hello"), guest=guest, code=1)
            check("error" in got.result.error, got.result)
            got.refused("unmatched")
        check(o.silent)


@case
def every_language_gets_the_page_it_may(box):
    with Origin() as o:
        writ = whole(o)
        for guest in ("fetch-c", "fetch-js", "fetch-py"):
            got = ask(box, writ, "GET", o.url("/hello"), guest=guest)
            check(got.result.text.startswith("status 200\n"), got.result)
            check(got.result.text.endswith("\nhello\n"), got.result)
            got = ask(box, writ, "POST", o.url("/sink"), "-d", "@300000",
                      guest=guest)
            check(got.result.text.endswith("\n300000"), got.result)
            got = ask(box, writ, "GET", o.url("/status/404"), guest=guest,
                      code=1)
            check(got.result.text.startswith("status 404\n"), got.result)
        equal(o.up, 900000)


# -- what a request and its answer carry

def methods(box, method):
    with Origin() as o:
        got = ask(box, whole(o), method, o.url("/echo/a%20b"), "-H",
                  "accept:text/x", *(["-d", "hi"] if method not in
                                     ("GET", "HEAD") else []))
        equal((got.one.kind, got.one.status), ("status", 200), got.result)
        seen = o.requests[0]
        equal((seen.method, seen.target, seen.get("accept")),
              (method, "/echo/a%20b", ["text/x"]))
        equal(seen.get("host"), [f"127.0.0.1:{o.port}"])
        equal(len(o.requests), 1)
        equal(got.decisions("allow")[0]["op"], method)


cases_of({m.lower(): m for m in ("GET", "HEAD", "POST", "PUT", "DELETE",
                                 "PATCH", "OPTIONS")}, methods)


@case
def nothing_is_added_that_tells_who_asks(box):
    with Origin() as o:
        ask(box, whole(o), "GET", o.url("/hello"))
        names = sorted(n.lower() for n, _ in o.requests[0].fields)
        check(set(names) <= {"host", "user-agent"}, names)
        for agent in o.requests[0].get("user-agent"):
            check(agent.startswith("writ"), agent)


@case
def a_body_with_its_length_is_sent_so(box):
    with Origin() as o:
        got = ask(box, whole(o), "PUT", o.url("/echo"), "-d", "hello",
                  "-H", "content-length:5", "-H", "content-type:text/plain")
        seen = o.requests[0]
        equal((seen.body, seen.get("content-length"),
               seen.get("transfer-encoding"), got.one.status),
              (b"hello", ["5"], [], 200))


@case
def a_body_without_its_length_is_sent_in_chunks(box):
    with Origin() as o:
        ask(box, whole(o), "POST", o.url("/echo"), "-d", "hello")
        seen = o.requests[0]
        equal((seen.body, seen.get("content-length"),
               seen.get("transfer-encoding")), (b"hello", [], ["chunked"]))


@case
def no_body_means_none(box):
    with Origin() as o:
        # The first two take a body and write nothing into it.
        ask(box, whole(o), "POST", o.url("/echo"), "-d", "\\e")
        ask(box, whole(o), "GET", o.url("/echo"), "-d", "\\e")
        ask(box, whole(o), "POST", o.url("/echo"))
        ask(box, whole(o), "GET", o.url("/echo"))
        equal([r.body for r in o.requests], [b""] * 4)
        equal([r.get("transfer-encoding") for r in o.requests], [[]] * 4)


@functools.cache
def pattern_hash(size):
    return hashed(pattern(size))


BIG = 4_000_000


def big_bodies(box, how):
    path, words = how
    with Origin() as o:
        got = ask(box, whole(o), "POST" if words else "GET", o.url(path),
                  *words)
        equal(got.one.kind, "status", got.result)
        if words:
            check(o.requests[0].body == pattern(BIG), "another body")
            equal((got.one.sent, got.one.body), (BIG, str(BIG)))
        else:
            equal((got.one.bytes, got.one.hash), (BIG, pattern_hash(BIG)),
                  got.result)
        outcome = got.outcome(got.decisions("allow")[0])
        equal((outcome["outcome"], outcome["bytes"]),
              ("allowed", o.up + got.one.bytes), outcome)


cases_of({"down": (f"/bytes/{BIG}", []),
          "down-chunked": (f"/bytes/{BIG}/1", []),
          "up": ("/sink", ["-d", f"@{BIG}"]),
          "up-in-small-pieces": ("/sink", ["-d", f"@{BIG}", "-c", "1000"]),
          "up-length": ("/sink", ["-d", f"@{BIG}", "-H",
                                  f"content-length:{BIG}"])}, big_bodies)


def statuses(box, code):
    with Origin() as o:
        got = ask(box, whole(o), "GET", o.url(f"/status/{code}"))
        equal((got.one.kind, got.one.status), ("status", code), got.result)
        equal(got.outcome(got.decisions()[0])["detail"], f"status {code}")


cases_of({f"status-{c}": c for c in (200, 201, 204, 299, 301, 304, 400, 404,
                                     418, 500, 503, 599)}, statuses)


@case
def trailers_come_back(box):
    with Origin() as o:
        got = ask(box, whole(o), "GET", o.url("/trailers"))
        equal((got.one.body, got.one.trailers),
              ("hello", [("x-sum", "abc"), ("x-two", "2")]), got.result)


@case
def a_body_that_ends_with_the_connection(box):
    with Origin() as o:
        equal(ask(box, whole(o), "GET", o.url("/until-close")).one.body,
              "until the end")


@case
def many_fields_come_back_in_order(box):
    with Origin() as o:
        got = ask(box, whole(o), "GET", o.url("/fields/150")).one
        names = [n for n, _ in got.fields if n.startswith("x-f")]
        equal(names, [f"x-f{i}" for i in range(150)])


@case
def an_encoded_body_is_not_decoded(box):
    with Origin() as o:
        got = ask(box, whole(o), "GET", o.url("/bomb/64")).one
        check(got.kind == "status" and got.bytes < 200_000, got)
        equal(got.get("content-encoding"), ["gzip"])


@case
def redirects_are_returned(box):
    with Origin() as o:
        got = ask(box, whole(o), "GET", o.url("/chain/1"))
        equal((got.one.status, got.one.get("location")), (302, ["/chain/2"]))
        equal(len(o.requests), 1)


# -- connections

@case
def connections_are_used_again(box):
    with Origin() as o:
        got = ask(box, whole(o), "GET", o.url("/hello"), "-n", "30", "-q")
        equal(got.result.text, "30 times status 200\n")
        equal((len(o.requests), o.connections), (30, 1))
        equal(len(got.outcomes()), 30)


@case
def many_at_a_time(box):
    with Origin() as o:
        got = ask(box, whole(o), "GET", o.url("/slow/50"), "-n", "200", "-j",
                  "40", "-q")
        equal(got.result.text, "200 times status 200\n")
        # The origin counts one until its thread has ended.
        check(len(o.requests) == 200 and 10 <= o.most <= 48, o.most)


@case
def a_connection_that_the_origin_closed_is_replaced(box):
    with Origin() as o:
        lines = [f"GET {o.url('/until-close')}"] * 5
        got = ask(box, whole(o), lines=lines)
        equal([a.body for a in got.answers], ["until the end"] * 5)


@case
def two_entries_share_no_connection(box):
    with Origin() as o:
        writ = granted(entry(o.url("/hello"), "a"), entry(o.url("/echo"), "b"))
        lines = [f"GET {o.url('/hello')}", f"GET {o.url('/echo')}"] * 3
        got = ask(box, writ, lines=lines)
        equal([a.status for a in got.answers], [200] * 6, got.result)
        equal(o.connections, 2)


# -- giving up

def drops(box, words):
    """After any of it the next request is served as if nothing had been."""
    with Origin() as o:
        writ = whole(o, request="{ max: 64MiB }", response="{ max: 64MiB }")
        lines = [" ".join(w.format(o=o) for w in words),
                 f"GET {o.url('/hello')}"]
        got = ask(box, writ, lines=lines)
        equal((got.answers[1].status, got.answers[1].body), (200, "hello\n"),
              got.result)
        equal(len(got.outcomes()), 2)
        check(not any(r.method == "POST" for r in o.requests),
              "a body given up arrived as if it were whole", o.requests)


U = "http://127.0.0.1:{o.port}"
cases_of({
    "drop-body": ["POST", U + "/sink", "-d", "@1000000", "-x", "body"],
    "drop-body-length": ["POST", U + "/sink", "-d", "@1000000", "-H",
                         "content-length:1000000", "-x", "body"],
    "drop-body-begun": ["POST", U + "/sink", "-d", "@30000000", "-x",
                        "started"],
    "drop-future": ["GET", U + "/slow/3000", "-x", "future"],
    "drop-response": ["GET", U + "/bytes/30000000", "-x", "response"],
    "drop-stream": ["GET", U + "/bytes/30000000", "-x", "stream:100000"],
    "drop-drip": ["GET", U + "/drip/1000/50", "-x", "stream:3"],
}, drops)


@case
def the_origin_sees_that_a_request_was_given_up(box):
    with Origin() as o:
        begin = time.monotonic()
        ask(box, whole(o), lines=[f"GET {o.url('/hang')} -x future",
                                  f"GET {o.url('/slow/500')}"])
        check(time.monotonic() - begin < 20, "hung")


# -- lengths that are wrong

def wrong_lengths(box, how):
    said, sent = how
    with Origin() as o:
        got = ask(box, whole(o), lines=[
            f"POST {o.url('/sink')} -d @{sent} -H content-length:{said}",
            f"GET {o.url('/hello')}"])
        first = got.answers[0]
        check(first.kind == "error" or first.body_error, got.result)
        equal(got.answers[1].body, "hello\n", got.result)
        check(all(len(r.body) <= said for r in o.requests), o.requests)
        check([r.line for r in o.requests if r.method == "GET"] ==
              ["GET /hello HTTP/1.1"], "smuggled", o.requests)


cases_of({"SMG-12-short": (11, 10), "SMG-12-long": (9, 10),
          "SMG-12-none": (10, 0), "SMG-12-much": (10, 100000)}, wrong_lengths)


# -- words that are wrong

def bad_words(box, words):
    """Refused where the request is made or when it is sent; nothing leaves."""
    with Origin() as o, NameServer({}) as ns:
        words = [w.replace("PORT", str(o.port)) for w in words]
        got = ask(box, granted(entry(o.url("/**"))), *words, resolver=ns)
        check(got.one.kind == "refused" or
              (got.one.kind, got.one.what) in (
                  ("error", "HTTP-request-denied"),
                  ("error", "HTTP-request-URI-invalid"),
                  ("error", "HTTP-request-method-invalid"),
                  ("error", "HTTP-protocol-error")), got.result)
        check(o.silent and not ns.asked, o.requests)
        if got.one.kind == "error":
            equal(len(got.denied()), 1, got.result)


V = "http://127.0.0.1:PORT"
cases_of({
    "unknown-method": ["foo", V + "/hello"],
    "method-with-space": ["-m", "GET\\s/\\sHTTP/1.1\\r\\nX:", V + "/hello"],
    "method-empty": ["-m", "\\e", "-s", "http", "-a", "127.0.0.1:PORT"],
    "method-long": ["A" * 10000, V + "/hello"],
    "connect": ["CONNECT", V + "/hello"],
    "trace": ["TRACE", V + "/hello"],
    "track": ["TRACK", V + "/hello"],
    "scheme-ftp": ["GET", "ftp://127.0.0.1:PORT/hello"],
    "scheme-file": ["GET", "file://127.0.0.1:PORT/etc/passwd"],
    "scheme-upper": ["GET", "HTTP://127.0.0.1:PORT/hello"],
    "scheme-ws": ["GET", "ws://127.0.0.1:PORT/hello"],
    "no-authority": ["-m", "GET", "-s", "http", "-a", "-", "-p", "/hello"],
    "empty-authority": ["-m", "GET", "-s", "http", "-a", "\\e", "-p",
                        "/hello"],
    "port-99999": ["GET", "http://127.0.0.1:99999/hello"],
    "port-0": ["GET", "http://127.0.0.1:0/hello"],
    "port-empty": ["GET", "http://127.0.0.1:/hello"],
    "port-word": ["GET", "http://127.0.0.1:http/hello"],
    "port-zero-first": ["GET", "http://127.0.0.1:0PORT/hello"],
    "port-sign": ["GET", "http://127.0.0.1:+PORT/hello"],
    "port-twice": ["GET", "http://127.0.0.1:PORT:PORT/hello"],
    "userinfo": ["GET", "http://me@127.0.0.1:PORT/hello"],
    "userinfo-password": ["GET", "http://me:pw@127.0.0.1:PORT/hello"],
    "dnsname": ["GET", "http://some.invalid.dnsname.:3000/"],
    "name-not-granted": ["GET", "http://example.test:PORT/hello"],
    "host-space": ["-m", "GET", "-s", "http", "-a", "127.0.0.1:PORT\\sx",
                   "-p", "/hello"],
    "host-nul": ["-m", "GET", "-s", "http", "-a",
                 "127.0.0.1\\x00.test:PORT", "-p", "/hello"],
    "path-space": ["-m", "GET", "-s", "http", "-a", "127.0.0.1:PORT", "-p",
                   "/hello\\sHTTP/1.1\\r\\nx:"],
    "path-lf": ["-m", "GET", "-s", "http", "-a", "127.0.0.1:PORT", "-p",
                "/hello\\nx"],
    "path-fragment": ["-m", "GET", "-s", "http", "-a", "127.0.0.1:PORT",
                      "-p", "/hello#x"],
    "path-absolute-form": ["-m", "GET", "-s", "http", "-a",
                           "127.0.0.1:PORT", "-p", "http://127.0.0.1/hello"],
    "path-star": ["-m", "OPTIONS", "-s", "http", "-a", "127.0.0.1:PORT",
                  "-p", "*"],
    "path-no-slash": ["-m", "GET", "-s", "http", "-a", "127.0.0.1:PORT",
                      "-p", "hello"],
    "path-high-bytes": ["-m", "GET", "-s", "http", "-a", "127.0.0.1:PORT",
                        "-p", "/h\\xc3\\xa9"],
    "path-long": ["GET", V + "/" + "a" * 20000],
}, bad_words)


def bad_fields(box, field):
    with Origin() as o:
        got = ask(box, whole(o), "GET", o.url("/hello"), "-H", field, "-d",
                  "x")
        check(got.one.kind == "refused" and (
            "forbidden" in got.one.what or "invalid-syntax" in got.one.what) or
              got.one.what == "HTTP-request-denied", got.result)
        check(o.silent, o.requests)


cases_of({
    "field-host": "host:other.test", "field-Host": "Host:other.test",
    "field-connection": "connection:close",
    "field-keep-alive": "keep-alive:timeout=5",
    "field-transfer-encoding": "transfer-encoding:chunked",
    "field-te": "te:trailers", "field-trailer": "trailer:x",
    "field-upgrade": "upgrade:websocket",
    "field-proxy-authorization": "proxy-authorization:Basic\\sx",
    "field-proxy-connection": "proxy-connection:keep-alive",
    "field-http2-settings": "http2-settings:AAMA",
    "field-expect": "expect:100-continue",
    "field-user-agent": "user-agent:other",
    "field-pseudo": ":path:/other", "field-space": "a\\sb:c",
    "field-space-end": "a\\s:c", "field-empty": "\\x00:c",
    "field-colon-name": ":method:GET", "field-high": "\\xc3\\xa9:c",
    "value-cr": "accept:a\\rb", "value-lf": "accept:a\\nb",
    "value-crlf": "accept:a\\r\\nx-smuggled:b", "value-nul": "accept:a\\x00b",
    "value-fold": "accept:a\\r\\n\\sb", "value-del": "accept:a\\x7f",
    "length-plus": "content-length:+1", "length-hex": "content-length:0x1",
    "length-two": "content-length:1,\\s1", "length-under": "content-length:1_0",
    "length-zero-first": "content-length:01", "length-space":
    "content-length:\\s1", "length-minus": "content-length:-1",
    "length-huge": "content-length:18446744073709551617",
    "length-empty": "content-length:",
}, bad_fields)


@case
def two_lengths_are_refused(box):
    with Origin() as o:
        got = ask(box, whole(o), "POST", o.url("/sink"), "-d", "x", "-H",
                  "content-length:1", "-H", "content-length:1")
        check(got.one.kind != "status" and o.silent, got.result)


def bad_trailers(box, field):
    with Origin() as o:
        writ = whole(o)
        got = ask(box, writ, lines=[
            f"POST {o.url('/sink')} -d x -T {field}",
            f"GET {o.url('/hello')}"])
        check(got.answers[0].kind == "error" or got.answers[0].body_error,
              got.result)
        equal(got.answers[1].status, 200)
        check(not any(o.trailers), o.trailers)


cases_of({"trailer-authorization": "authorization:x",
          "trailer-content-length": "content-length:5",
          "trailer-host": "host:x",
          "trailer-transfer-encoding": "transfer-encoding:chunked"},
         bad_trailers)


# -- errors have names

def fails(box, how):
    make, words, names = how
    with make() as o:
        words = [w.format(o=o) for w in words]
        got = ask(box, whole(o), *words)
        equal(got.one.kind, "error", got.result)
        check(got.one.what.split(" ")[0] in names, got.result)
        d = got.decisions("allow")
        equal(len(d), 1)
        check(got.outcome(d[0])["outcome"] in ("failed", "unknown"),
              got.records)


cases_of({
    "origin-dies": (Origin, ["GET", U + "/die/1000"],
                    ["HTTP-response-incomplete", "connection-terminated"]),
    "origin-resets": (Origin, ["GET", U + "/die/1000/1"],
                      ["HTTP-response-incomplete", "connection-terminated"]),
    "origin-says-nothing": (Origin, ["GET", U + "/close"],
                            ["HTTP-response-incomplete",
                             "connection-terminated",
                             "HTTP-protocol-error"]),
    "first-byte": (Origin, ["GET", U + "/slow/20000", "-t", ",200,"],
                   ["connection-read-timeout", "HTTP-response-timeout"]),
    "between-bytes": (Origin, ["GET", U + "/drip/20/2000", "-t", ",,200"],
                      ["connection-read-timeout", "HTTP-response-timeout"]),
}, fails)


@case
def nobody_listens(box):
    with Origin() as o:
        url = o.url("/hello")
    got = ask(box, granted(entry(url)), "GET", url)
    equal(got.one.what, "connection-refused", got.result)
    equal(got.outcome(got.decisions()[0])["outcome"], "failed")


@case
def nobody_accepts(box):
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(0)
        url = f"http://127.0.0.1:{s.getsockname()[1]}/"
        held = []
        for _ in range(8):      # until its queue is full
            c = socket.socket()
            c.setblocking(False)
            c.connect_ex(("127.0.0.1", s.getsockname()[1]))
            held.append(c)
        got = ask(box, granted(entry(url)), "GET", url, "-t", "300,,")
        for c in held:
            c.close()
    equal(got.one.what, "connection-timeout", got.result)


def timeouts(box, text):
    """Numbers at the ends of their range are clamped, and do no harm."""
    with Origin() as o:
        got = ask(box, whole(o), "GET", o.url("/hello"), "-t", text)
        check(got.one.status == 200 or "timeout" in got.one.what or
              got.one.kind == "refused", got.result)


cases_of({"timeouts-0": "0,0,0", "timeouts-1ns": "1,1,1ns",
          "timeouts-max": "18446744073709551615,18446744073709551615,"
                          "18446744073709551615ns",
          "timeouts-half": "9223372036854775808,9223372036854775807,1ns"},
         timeouts)


# -- names

@case
def a_granted_name_is_looked_up_and_nothing_else(box):
    with Origin() as o, NameServer({"api.test": ["127.0.0.1"]}) as ns:
        writ = granted(entry(f"http://api.test:{o.port}/**"))
        got = ask(box, writ, "GET", f"http://api.test:{o.port}/echo",
                  resolver=ns)
        equal(got.one.status, 200, got.result)
        equal(ns.names(), ["api.test"])
        check(len(ns.asked) <= 2, ns.asked)
        equal(o.requests[0].get("host"), [f"api.test:{o.port}"])


@case
def upper_case_is_the_same_name(box):
    with Origin() as o, NameServer({"api.test": ["127.0.0.1"]}) as ns:
        writ = granted(entry(f"http://api.test:{o.port}/**"))
        got = ask(box, writ, "GET", f"http://API.Test:{o.port}/echo",
                  resolver=ns)
        equal((got.one.status, o.requests[0].get("host")),
              (200, [f"api.test:{o.port}"]), got.result)


@case
def the_proxies_of_the_environment_are_nobodys(box):
    with Origin() as o, Origin() as proxy:
        env = [f"{n}={proxy.url('/')}" for n in
               ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                "all_proxy", "ALL_PROXY")]
        argv = ["/usr/bin/env", *env, *box.command(
            "run", "-w", box.writ_file(whole(o)), box.guest("test/http"),
            "GET", o.url("/hello"))]
        out, err = box.popen(argv).communicate(timeout=120)
        check(b"status 200" in out, out, err)
        check(proxy.silent, proxy.requests)


# -- TLS

@case
def https_with_an_authority_of_its_own(box):
    with secure(box) as (o, ca):
        writ = granted(entry(o.url("/**"), tls=f"{{ ca: {ca} }}"))
        got = ask(box, writ, "GET", o.url("/hello"), "-n", "5")
        equal([a.body for a in got.answers], ["hello\n"] * 5, got.result)
        equal((o.connections, o.failed_handshakes), (1, 0))


def bad_certificates(box, how):
    """No request arrives, whatever the guest does; there is no way round."""
    with secure(box, **how) as (o, ca):
        own = how.pop("without", None)
        writ = granted(entry(o.url("/**"),
                             **({} if own else {"tls": f"{{ ca: {ca} }}"})))
        got = ask(box, writ, "GET", o.url("/hello"))
        equal(got.one.kind, "error", got.result)
        check(got.one.what.startswith("TLS-"), got.result)
        check(not o.requests, o.requests)


def tls_cases():
    import ssl
    return {
        "TLS-01-expired": {"days": -1}, "TLS-01-other-host":
        {"names": ("DNS:other.test",)}, "TLS-01-no-address":
        {"names": ("IP:127.0.0.2",)}, "TLS-01-self-signed":
        {"by_itself": True},
        "TLS-04-tls-1.1": {"lowest": ssl.TLSVersion.TLSv1,
                           "highest": ssl.TLSVersion.TLSv1_1,
                           "ciphers": "ALL:@SECLEVEL=0"},
    }


cases_of(tls_cases(), bad_certificates)


@case
def TLS_01_an_authority_nobody_knows(box):
    with secure(box) as (o, _):
        got = ask(box, whole(o), "GET", o.url("/hello"))
        check(got.one.what.startswith("TLS-certificate-error"), got.result)
        check(not o.requests)


@case
def TLS_03_a_pinned_key(box):
    with secure(box) as (o, ca):
        pin = Authority.pin(o.authority.at("origin.pem"))
        other = Authority.pin(o.authority.ca)
        for pins, good in ((pin, True), (other, False)):
            writ = granted(entry(o.url("/**"), tls=f'{{ ca: {ca}, pins: '
                                 f'["{pins}"] }}'))
            got = ask(box, writ, "GET", o.url("/hello"))
            equal(got.one.kind == "status", good, got.result)
        equal(len(o.requests), 1)


@case
def TLS_08_an_authority_replaced_after_the_writ_was_read(box):
    with secure(box) as (o, ca):
        writ = granted(entry(o.url("/**"), tls=f"{{ ca: {ca} }}"))
        box.file("work/other.pem", "no certificate")
        got = ask(box, writ.replace(ca, box.path("work/other.pem")), "GET",
                  o.url("/hello"), code=None)
        check(got.result.code == 125 or got.one.kind == "error", got.result)
        check(not o.requests)


@case
def TLS_10_a_handshake_that_never_ends(box):
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(8)
        url = f"https://127.0.0.1:{s.getsockname()[1]}/"
        begin = time.monotonic()
        got = ask(box, granted(entry(url)), "GET", url, "-t", "500,,")
        check("timeout" in got.one.what, got.result)
        check(time.monotonic() - begin < 30)


@case
def TLS_11_the_environment_of_the_host_changes_nothing(box):
    with secure(box) as (o, ca):
        keys = box.path("work/keys")
        config = box.file("work/openssl.cnf", "garbage = [\n")
        argv = ["/usr/bin/env", f"SSLKEYLOGFILE={keys}",
                f"OPENSSL_CONF={config}", f"SSL_CERT_FILE={ca}",
                f"CURL_CA_BUNDLE={ca}", *box.command(
                    "run", "-w", box.writ_file(whole(o)),
                    box.guest("test/http"), "GET", o.url("/hello"))]
        out, err = box.popen(argv).communicate(timeout=120)
        check(b"TLS-certificate-error" in out, out, err)
        check(not os.path.exists(keys) and not o.requests)


@case
def a_bearer_token_that_the_guest_never_holds(box):
    """A real server, over HTTP/1.1 and 2."""
    token = "tok-7f3a9c51d8e24b60"
    authority = Authority(box.dir("tls"))
    box.writ("secret", "set", "api", data=token.encode())
    with Nginx(box.dir("nginx"), authority, token=token) as nginx:
        for port, protocol in ((nginx.https, "HTTP/2.0"),
                               (nginx.https1, "HTTP/1.1")):
            url = f"https://127.0.0.1:{port}"
            tls = f"{{ ca: {authority.ca} }}"
            without = granted(entry(url + "/**", tls=tls))
            got = ask(box, without, "GET", url + "/api/me")
            equal(got.one.status, 401, got.result)
            writ = granted(entry(
                url + "/**", tls=tls, credential='{ header: authorization, '
                'value: "Bearer ${secret:api}" }'))
            got = ask(box, writ, "GET", url + "/api/me", "-A")
            equal(got.one.status, 200, got.result)
            equal(json.loads(got.one.body), {"user": "writ",
                                             "protocol": protocol})
            check(not canary.in_bytes(got.result.out + got.result.err, token),
                  "the guest holds it")
            check(not canary.in_folder(box.state, token), "it was written")
            with open(got.audit, "rb") as file:
                check(not canary.in_bytes(file.read(), token))
    check("Bearer " + token in nginx.read("access.log"))


def real_server(box, port_name):
    authority = Authority(box.dir("tls"))
    with Nginx(box.dir("nginx"), authority) as nginx:
        port = getattr(nginx, port_name)
        url = f"http{'s' if port != nginx.plain else ''}://127.0.0.1:{port}"
        nginx.file("big.bin", pattern(BIG))
        more = {"tls": f"{{ ca: {authority.ca} }}"} \
            if port != nginx.plain else {}
        writ = granted(entry(url + "/**", **more))
        got = ask(box, writ, lines=[
            f"GET {url}/big.bin", f"PUT {url}/upload/up.bin -d @{BIG}",
            f"PUT {url}/upload/two.bin -d @{BIG} -H content-length:{BIG}",
            f"GET {url}/protocol", f"GET {url}/none", f"HEAD {url}/big.bin",
            f"GET {url}/big.bin -n 8 -j 8"])
        told = [(a.kind, a.status) for a in got.answers]
        equal(told[:6], [("status", s) for s in (200, 201, 201, 200, 404,
                                                 200)], got.result)
        equal(told[6:], [("status", 200)] * 8)
        for a in [got.answers[0]] + got.answers[6:]:
            equal((a.bytes, a.hash), (BIG, pattern_hash(BIG)))
        check(nginx.uploaded("up.bin") == pattern(BIG))
        check(nginx.uploaded("two.bin") == pattern(BIG))
        equal(got.answers[5].get("content-length"), [str(BIG)])
        want = "HTTP/2.0" if port_name == "https" else "HTTP/1.1"
        equal(got.answers[3].body, want + "\n")
        for d, a in zip(got.decisions("allow"), got.answers):
            equal(got.outcome(d)["outcome"], "allowed")


cases_of({"nginx-http": "plain", "nginx-https-1.1": "https1",
          "nginx-https-2": "https"}, real_server)

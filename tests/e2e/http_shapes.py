"""Shapes of HTTP: each bound of an entry, inside it, at it and beyond it; where
names may lead; budgets that outlive a run.  A refusal is proved at the origin,
which saw nothing, and in the log, which has exactly one."""
import json
import time

import dns
from dns import NameServer
from harness import case, cases_of, check, equal, refused
from origin import Origin
from web import ask, entry, granted, secure, whole, word


def shape(box, entry_of, good, bad, rule, more=""):
    """`good` requests arrive; `bad` ones are refused by `rule` alone."""
    with Origin() as o:
        writ = granted(entry_of(o), more=more)
        for words in good:
            before = len(o.requests)
            got = ask(box, writ, *[w.format(o=o) for w in words])
            equal(got.one.kind, "status", words, got.result)
            equal(len(o.requests), before + 1, words)
        before = len(o.requests), o.connections
        got = ask(box, writ, lines=[" ".join(w.format(o=o) for w in words)
                                    for words in bad])
        for words, a in zip(bad, got.answers):
            check(a.kind == "refused" or a.what in (
                "HTTP-request-denied", "HTTP-request-URI-invalid"), words, a)
        equal((len(o.requests), o.connections), before, o.requests)
        rules = [d["rule"] for d in got.denied()]
        if rule:
            equal(rules, [rule] * sum(1 for a in got.answers
                                      if a.kind == "error"), got.result)


U = "http://127.0.0.1:{o.port}"


def get(path, *more):
    return ["GET", U + path, *more]


@case
def SHP_01_methods(box):
    shape(box, lambda o: entry(o.url("/**"), methods="[GET]"),
          [get("/hello")],
          [["POST", U + "/hello"], ["HEAD", U + "/hello"],
           ["DELETE", U + "/hello"], ["OPTIONS", U + "/hello"]],
          "http.o.methods")


@case
def SHP_01_methods_by_header(box):
    shape(box, lambda o: entry(o.url("/**"), methods="[GET]"),
          [get("/hello")],
          [get("/hello", "-H", "x-http-method-override:DELETE"),
           get("/hello", "-H", "x-method-override:DELETE")],
          "http.o.headers")


@case
def SHP_02_paths(box):
    shape(box, lambda o: entry(o.url("/bytes/*")),
          [get("/bytes/1"), get("/bytes/%31"), get("/bytes/10")],
          [get(p) for p in (
              "/bytes", "/bytes/", "/bytes/1/2", "/bytes/../hello",
              "/bytes/%2e%2e/hello", "/bytes/.%2e/hello", "/bytes/./1",
              "//bytes/1", "/bytes//1", "/bytes/1%2f..%2fhello",
              "/bytes/1%2F1", "/bytes/1%5c1", "/bytes/1\\\\1",
              "/bytes/1;x=1", "/bytes/1%00", "/Bytes/1", "/hello",
              "/bytes/..", "/bytes/1%", "/bytes/1%zz", "/x/bytes/1",
              "/bytes/1%2", "/bytes/%252e%252e/hello")][:22], None)


@case
def what_is_judged_is_what_is_sent(box):
    with Origin() as o:
        writ = granted(entry(o.url("/echo/**"), query="[q, r]"))
        sent = {"/echo/%7euser/%41": "/echo/~user/A",
                "/echo/a%20b%c3%a9": "/echo/a%20b%C3%A9",
                "/echo/x?q=%2Fa+b&r=": "/echo/x?q=%2Fa+b&r=",
                "/echo/x?q": "/echo/x?q",
                "/echo/a!$&'()*+,=:@": "/echo/a!$&'()*+,=:@"}
        for asked, want in sent.items():
            before = len(o.requests)
            got = ask(box, writ, "GET", o.url(asked))
            equal(got.one.status, 200, asked, got.result)
            equal(o.requests[before].target, want)
            equal(got.decisions("allow")[0]["target"], o.url(want))


@case
def SHP_03_query_names(box):
    shape(box, lambda o: entry(o.url("/echo"), query="[q]"),
          [get("/echo"), get("/echo?q=1"), get("/echo?q="), get("/echo?%71=1")],
          [get("/echo?admin=1"), get("/echo?q=1&admin=1"),
           get("/echo?q=1&q=2"), get("/echo?q[]=1"), get("/echo?Q=1"),
           get("/echo?q=1&%71=2"), get("/echo?=1"), get("/echo?q=1&"),
           get("/echo?")],
          None)


@case
def SHP_03_query_values(box):
    shape(box, lambda o: entry(o.url("/echo"),
                               query="{ state: [open, closed] }"),
          [get("/echo?state=open"), get("/echo?state=%6Fpen")],
          [get("/echo?state=all"), get("/echo?state="), get("/echo?state"),
           get("/echo?state=OPEN")], "http.o.query")


@case
def no_query_unless_said(box):
    shape(box, lambda o: entry(o.url("/echo")), [get("/echo")],
          [get("/echo?a"), get("/echo?a=1")], "http.o.query")


@case
def SHP_10_request_headers(box):
    shape(box, lambda o: entry(o.url("/echo"),
                               request="{ headers: [accept, x-mine] }"),
          [get("/echo", "-H", "accept:a"), get("/echo", "-H", "X-Mine:b")],
          [get("/echo", "-H", n + ":x") for n in (
              "cookie", "authorization", "x-forwarded-for", "range",
              "content-type", "accept-language", "x-other", "referer",
              "if-match", "forwarded")], "http.o.headers")


@case
def the_usual_headers_unless_said(box):
    shape(box, lambda o: entry(o.url("/echo")),
          [["POST", U + "/echo", "-H", "accept:a", "-H", "accept-language:b",
            "-H", "content-type:c/d", "-H", "content-length:1", "-d", "x"]],
          [get("/echo", "-H", "cookie:a=b"),
           get("/echo", "-H", "authorization:x")], "http.o.headers")


@case
def SHP_04_request_types(box):
    shape(box, lambda o: entry(o.url("/echo"),
                               request="{ types: [application/json] }"),
          [["POST", U + "/echo", "-d", "{{}}", "-H",
            "content-type:application/json"],
           ["POST", U + "/echo", "-d", "{{}}", "-H",
            "content-type:application/json;\\scharset=utf-8"]],
          [["POST", U + "/echo", "-d", "x", "-H", "content-type:text/plain"],
           ["POST", U + "/echo", "-d", "x"]], "http.o.types")


@case
def SHP_05_request_size(box):
    with Origin() as o:
        writ = whole(o, request="{ max: 1000B }")
        for length in (["-H", "content-length:1000"], []):
            got = ask(box, writ, "POST", o.url("/sink"), "-d", "@1000",
                      *length)
            equal((got.one.status, got.one.body), (200, "1000"), got.result)
        equal(len(o.requests), 2)
        got = ask(box, writ, "POST", o.url("/sink"), "-d", "@1001", "-H",
                  "content-length:1001")
        got.refused("http.o.max")
        got = ask(box, writ, lines=[f"POST {o.url('/sink')} -d @1001",
                                    f"POST {o.url('/sink')} -d @9000000",
                                    f"GET {o.url('/hello')}"])
        for a in got.answers[:2]:
            check(a.kind == "error" or a.body_error, got.result)
        equal(got.answers[2].body, "hello\n")
        equal([len(r.body) for r in o.requests], [1000, 1000, 0])
        kinds = [r["outcome"] for r in got.outcomes()]
        check(kinds[2] == "allowed" and "allowed" not in kinds[:2], kinds)


@case
def SHP_06_response_size(box):
    with Origin() as o:
        writ = whole(o, response="{ max: 1000B }")
        for path in ("/bytes/1000", "/bytes/1000/1"):
            got = ask(box, writ, "GET", o.url(path))
            equal((got.one.status, got.one.bytes), (200, 1000), got.result)
        for path in ("/bytes/1001", "/bytes/1001/1", "/bytes/9000000",
                     "/endless-body"):
            got = ask(box, writ, "GET", o.url(path))
            equal(got.one.kind, "error", got.result)
            check(got.one.what.startswith("HTTP-response-body-size"),
                  got.result)
            check(got.one.bytes <= 1000, got.one)
            check(got.outcome(got.decisions()[0])["outcome"] != "allowed")
        check(o.down < 40_000_000, "went on reading", o.down)


@case
def SHP_11_response_headers_and_types(box):
    with Origin() as o:
        writ = whole(o, response="{ headers: [content-type], types: "
                     "[text/plain] }", query="[text/plain, text/html]")
        got = ask(box, writ, "GET", o.url("/typed?text/plain")).one
        equal((got.status, got.fields), (200, [("content-type",
                                                "text/plain")]))
        got = ask(box, writ, "GET", o.url("/typed?text/html"))
        equal(got.one.kind, "error", got.result)
        equal((got.one.bytes, got.one.get("set-cookie")), (0, []))


@case
def SHP_12_operations(box):
    def post(body, kind="application/json"):
        return " ".join([f"POST {{u}} -H content-type:{kind} -d",
                         word(body)])
    good = ['{"operationName":"Read","query":"x"}',
            '{ "query": "y", "operationName": "Read" }']
    bad = ['{"operationName":"Write"}', '{"operationName":"read"}', "{}",
           "[]", '"Read"', "Read", "", '{"operationName":["Read"]}',
           '{"operationName":"Read","operationName":"Write"}',
           '{"operationName":"Write","operationName":"Read"}',
           '{"operationName":"Read"}{"operationName":"Write"}',
           '[{"operationName":"Read"},{"operationName":"Write"}]',
           '{"operationName":"Read"', '\ufeff{"operationName":"Read"}',
           '{"x":{"operationName":"Read"}}', '{"operationName":null}',
           '{"operationName":"Read\\u0000"}', "{'operationName':'Read'}",
           '{"operationName":"Read",}', "operationName=Read"]
    with Origin() as o:
        writ = granted(entry(o.url("/echo"), request="{ operations: { field: "
                             "operationName, values: [Read] } }"))
        got = ask(box, writ, lines=[post(b).replace("{u}", o.url("/echo"))
                                    for b in good])
        equal([a.status for a in got.answers], [200, 200], got.result)
        equal([r.body.decode() for r in o.requests], good)
        got = ask(box, writ, lines=[post(b).replace("{u}", o.url("/echo"))
                                    for b in bad])
        for body, a in zip(bad, got.answers):
            equal(a.kind, "error", body, got.result)
        equal(len(o.requests), 2, o.requests)
        equal(got.refusals(), len(bad), got.result)


@case
def operations_of_json_rpc(box):
    with Origin() as o:
        writ = granted(entry(o.url("/echo"), request="{ operations: { field: "
                             "method, values: [eth_call] } }"))
        got = ask(box, writ, lines=[
            f"POST {o.url('/echo')} -H content-type:application/json -d "
            f'{{"jsonrpc":"2.0","method":"{m}","id":1}}'
            for m in ("eth_call", "eth_sendTransaction")])
        equal([a.kind for a in got.answers], ["status", "error"], got.result)
        equal(len(o.requests), 1)


# -- budgets

@case
def SHP_07_rate(box):
    with Origin() as o:
        writ = whole(o, rate="10/min")
        got = ask(box, writ, "GET", o.url("/hello"), "-n", "11")
        equal([a.kind for a in got.answers], ["status"] * 10 + ["error"],
              got.result)
        equal(got.answers[10].what, "HTTP-request-denied")
        got.refused("http.o.rate")
        equal(len(o.requests), 10)


@case
def SHP_07_a_rate_is_of_the_entry_not_of_the_run(box):
    with Origin() as o:
        writ = whole(o, rate="10/h")
        path = box.writ_file(writ)
        for i in range(3):
            got = ask(box, None, "GET", o.url("/hello"), "-n", "4", "-q",
                      more=["-w", path])
        equal(len(o.requests), 10, got.result)


@case
def SHP_08_totals_last(box):
    with Origin() as o:
        path = box.writ_file("name: lasting\n" +
                             whole(o, total="{ requests: 5 }"))
        for n in (3, 3, 1):
            got = ask(box, None, "GET", o.url("/hello"), "-n", str(n), "-q",
                      more=["-w", path])
        equal(len(o.requests), 5)
        got.refused("http.o.requests")


@case
def SHP_08_bytes_in_all(box):
    with Origin() as o:
        path = box.writ_file("name: bytes\n" +
                             whole(o, total="{ bytes: 100KiB }"))
        kinds = []
        for _ in range(4):
            got = ask(box, None, "GET", o.url("/bytes/40000"),
                      more=["-w", path])
            kinds.append(got.one.kind)
        equal(kinds[:2], ["status"] * 2, got.result)
        equal(kinds[3], "error", got.result)
        check(o.down <= 160_000, o.down)


@case
def SHP_09_concurrency(box):
    with Origin() as o:
        writ = whole(o, concurrency="3")
        got = ask(box, writ, "GET", o.url("/slow/500"), "-n", "20", "-j",
                  "20", "-q")
        counts = dict(line.split(" times ")[::-1]
                      for line in got.result.text.splitlines())
        equal(int(counts["status 200"]), len(o.requests))
        check(3 <= len(o.requests) < 20 and o.most == 3, o.most, got.result)
        check("error connection-limit-reached" in counts, counts)
        equal({d["rule"] for d in got.denied()}, {"http.o.concurrency"})


@case
def hours(box):
    with Origin() as o:
        day = time.gmtime().tm_wday
        names = "mon tue wed thu fri sat sun".split()
        now, other = names[day], names[(day + 3) % 7]
        got = ask(box, whole(o, hours=f'["{other} 00:00-24:00"]'), "GET",
                  o.url("/hello"))
        got.refused("http.o.hours")
        check(o.silent)
        got = ask(box, whole(o, hours='["daily 00:00-24:00"]'), "GET",
                  o.url("/hello"))
        equal(got.one.status, 200, now, got.result)


# -- deny, ask, overlap

@case
def SHP_13_deny_beats_allow(box):
    deny = ("deny: [{{ name: no-admin, http: {{ url: "
            '"http://127.0.0.1:{p}/**/admin/**" }} }}]\n')
    with Origin() as o:
        writ = granted(entry(o.url("/**")), more=deny.format(p=o.port))
        paths = ["/admin", "/x/admin/y", "/%61dmin", "/%41dmin/..",
                 "/x/%61%64%6d%69%6e/y", "/admin/"]
        got = ask(box, writ, lines=[f"GET {o.url(p)}" for p in paths])
        for p, a in zip(paths, got.answers):
            equal(a.kind, "error", p, got.result)
        check(o.silent, o.requests)
        equal(ask(box, writ, "GET", o.url("/hello")).one.status, 200)


@case
def asking_without_anybody_to_ask_refuses(box):
    with Origin() as o:
        got = ask(box, whole(o, ask="each"), "GET", o.url("/hello"))
        equal(got.one.what, "HTTP-request-denied", got.result)
        check(o.silent)


@case
def NET_12_an_empty_list_allows_nothing(box):
    with Origin() as o:
        got = ask(box, "random: secure\nhttp: []\n", "GET", o.url("/hello"))
        equal(got.one.what, "HTTP-request-denied")
        check(o.silent)


@case
def a_refusal_shows_the_smallest_grant(box):
    with Origin() as o:
        got = ask(box, None, "GET", o.url("/echo/x"), more=["--json"])
        found = json.loads(got.result.text)["refusals"]
        equal(len(found), 1, got.result)
        check(o.url("/echo/x") in found[0]["smallest"], found)
        check("GET" in found[0]["smallest"], found)


@case
def the_smallest_grant_works(box):
    with Origin() as o:
        got = ask(box, None, "GET", o.url("/echo/x"), more=["--json"])
        line = json.loads(got.result.text)["refusals"][0]["smallest"]
        writ = "random: secure\n" + line + "\n"
        got = ask(box, writ, "GET", o.url("/echo/x"))
        check(got.one.status == 200 or got.one.what ==
              "destination-IP-prohibited", got.result)


# -- ports, schemes, wildcards

@case
def NET_06_another_port(box):
    with Origin() as o, Origin() as other:
        got = ask(box, whole(o), "GET", other.url("/hello"))
        got.refused("unmatched")
        check(other.silent)


@case
def NET_07_another_scheme(box):
    with secure(box) as (o, ca):
        writ = granted(entry(o.url("/**"), tls=f"{{ ca: {ca} }}"))
        got = ask(box, writ, "GET", o.url("/hello").replace("https", "http"))
        got.refused("unmatched")
        check(o.silent)


@case
def NET_08_one_label(box):
    with Origin() as o, NameServer({
            n: ["127.0.0.1"] for n in ("a.example.test", "a.b.example.test",
                                       "example.test", "xexample.test")}) as ns:
        writ = granted(entry(f"http://*.example.test:{o.port}/**"))
        hosts = ["a.example.test", "example.test", "a.b.example.test",
                 "xexample.test", "a.example.test.", "example.test.evil.test"]
        got = ask(box, writ, lines=[f"GET http://{h}:{o.port}/hello"
                                    for h in hosts], resolver=ns)
        equal([a.kind for a in got.answers], ["status"] + ["error"] * 5,
              got.result)
        equal(ns.names(), ["a.example.test"])
        equal(len(o.requests), 1)


# -- where names lead

def leads(box, addresses, zone, ok, what=(), name="api.test", port=None):
    """A granted name under `addresses`; the origin answers on 127.0.0.1."""
    with Origin() as o, NameServer({"api.test": zone}) as ns:
        url = f"http://{name}:{port or o.port}/hello"
        writ = granted(entry(url, addresses=addresses))
        got = ask(box, writ, "GET", url, resolver=ns)
        if ok:
            equal(got.one.status, 200, got.result)
            return
        equal(got.one.kind, "error", got.result)
        check(got.one.what.split(" ")[0] in what, got.result)
        check(o.silent, o.requests)
        d = got.decisions("allow")
        equal(len(d), 1)
        check(got.outcome(d[0])["outcome"] in ("denied", "failed"),
              got.records)


PROHIBITED = ["destination-IP-prohibited"]
NO_NAME = ["DNS-error", "DNS-timeout", "destination-not-found"]
L = ["127.0.0.1/32"]

cases_of({
    "DNS-01-loopback": ([], ["127.0.0.1"], False, PROHIBITED),
    "DNS-01-granted": (L, ["127.0.0.1"], True),
    "DNS-03-mixed": (L, ["10.1.2.3", "127.0.0.1"], True),
    "DNS-04-alias": (L, dns.aliased("other.test", "127.0.0.1"), True),
    "DNS-04-alias-to-loopback": ([], dns.aliased("other.test", "127.0.0.1"),
                                 False, PROHIBITED),
    "DNS-06-mapped": ([], ["::ffff:127.0.0.1"], False, PROHIBITED),
    "DNS-07-many-addresses": ([], dns.many(4000), False,
                              PROHIBITED + NO_NAME + [
                                  "connection-timeout",
                                  "connection-refused"]),
    "DNS-07-many-aliases": ([], dns.many_aliases(200), False,
                            PROHIBITED + NO_NAME),
    "DNS-11-servfail": (L, dns.failing(dns.SERVFAIL), False, NO_NAME),
    "DNS-11-refused": (L, dns.failing(dns.REFUSED), False, NO_NAME),
    "DNS-11-nxdomain": (L, dns.failing(dns.NXDOMAIN), False, NO_NAME),
    "DNS-no-address": (L, [], False, NO_NAME),
    "DNS-garbage": (L, dns.garbage, False, NO_NAME),
    "DNS-short": (L, dns.short, False, NO_NAME),
    "DNS-loop": ([], dns.loop, False, PROHIBITED + NO_NAME),
    "DNS-wrong-id": (L, dns.wrong_id, False, NO_NAME),
    "DNS-wrong-name": (L, dns.wrong_name, False, NO_NAME),
    "IPX-other-loopback": (L, ["127.0.0.2"], False, PROHIBITED),
    "IPX-any": ([], ["0.0.0.0"], False, PROHIBITED),
    "IPX-link-local": ([], ["169.254.169.254"], False, PROHIBITED),
    "IPX-private": ([], ["10.0.0.1", "192.168.1.1", "172.16.0.1"], False,
                    PROHIBITED),
    "IPX-carrier": ([], ["100.64.0.1", "100.100.100.200"], False, PROHIBITED),
    "IPX-multicast": ([], ["224.0.0.1", "255.255.255.255", "240.0.0.1"],
                      False, PROHIBITED),
    "IPX-six": ([], ["::1", "::", "fe80::1", "fc00::1", "ff02::1",
                     "fd00:ec2::254"], False, PROHIBITED),
    "IPX-nat64": ([], ["64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1",
                       "2001:0:7f00:1::"], False, PROHIBITED),
}, lambda box, how: leads(box, *how))


@case
def DNS_11_a_silent_name_server(box):
    with Origin() as o, NameServer({"api.test": dns.silent}) as ns:
        url = f"http://api.test:{o.port}/hello"
        begin = time.monotonic()
        got = ask(box, granted(entry(url)), "GET", url, "-t", "1500,,",
                  resolver=ns)
        check(got.one.what.split(" ")[0] in ("DNS-timeout", "DNS-error",
                                             "connection-timeout"),
              got.result)
        check(time.monotonic() - begin < 30 and o.silent)


@case
def DNS_11_no_name_server(box):
    with Origin() as o, NameServer({}) as ns:
        at = ns.at
    url = f"http://api.test:{o.port}/hello"
    got = ask(box, granted(entry(url)), "GET", url, "-t", "3000,,",
              resolver=at)
    check(got.one.what.split(" ")[0] in ("DNS-timeout", "DNS-error",
                                         "connection-timeout"), got.result)
    check(o.silent)


@case
def DNS_02_a_second_answer_is_not_dialled(box):
    """Public-looking first, loopback second: what was judged is dialled."""
    turn = dns.in_turn(["127.0.0.1"], ["127.0.0.2"])
    with Origin() as good, NameServer({"api.test": turn}) as ns:
        url = f"http://api.test:{good.port}/hello"
        writ = granted(entry(url))
        got = ask(box, writ, "GET", url, resolver=ns)
        equal(got.one.status, 200, got.result)
        equal(sum(1 for n, k in ns.asked if k == dns.A), 1)
        got = ask(box, writ, "GET", url, resolver=ns)
        equal(got.one.what, "destination-IP-prohibited", got.result)
        equal(len(good.requests), 1)


@case
def DNS_05_a_kept_connection_needs_no_name(box):
    with Origin() as o, NameServer({"api.test": ["127.0.0.1"]}) as ns:
        url = f"http://api.test:{o.port}/hello"
        ask(box, granted(entry(url)), "GET", url, "-n", "10", resolver=ns)
        equal((len(o.requests), o.connections), (10, 1))
        equal(sum(1 for n, k in ns.asked if k == dns.A), 1)


@case
def DNS_10_no_search_list(box):
    with Origin() as o, NameServer({}) as ns:
        url = f"http://api:{o.port}/hello"
        ask(box, granted(entry(url)), "GET", url, "-t", "2000,,", resolver=ns,
            code=None)
        check(all(n == "api" for n in ns.names()), ns.names())


@case
def names_on_top_of_addresses(box):
    """Many answers in one TCP reply, the right one within the first."""
    with Origin() as o:
        def zone(query, name, kind, times):
            if kind != dns.A:
                return dns.reply(query)
            return dns.reply(query, flags=0x8380) if times == 1 else \
                dns.reply(query, [dns.address(name, "127.0.0.1")])
        with NameServer({"api.test": zone}) as ns:
            url = f"http://api.test:{o.port}/hello"
            got = ask(box, granted(entry(url)), "GET", url, resolver=ns)
            equal(got.one.status, 200, got.result)
            check(ns.over_tcp >= 1, ns.asked)


# -- addresses as hosts

def literal(box, host):
    """No spelling of this machine leads there."""
    with Origin() as o, NameServer({}) as ns:
        got = ask(box, granted(entry(f"http://127.0.0.1:{o.port}/**"),
                               entry("http://*.example.test/**", "w")),
                  "-m", "GET", "-s", "http", "-a",
                  host.replace("PORT", str(o.port)), "-p", "/hello",
                  resolver=ns)
        check(got.one.kind in ("error", "refused"), got.result)
        check(o.silent and not ns.asked, ns.asked)


cases_of({"IPX-" + h.replace("\\", "").replace(":", "_"): h + ":PORT"
          for h in (
    "127.1", "127.0.1", "127.0.0.01", "0177.0.0.1", "0x7f.0.0.1",
    "0x7f000001", "2130706433", "127.0.0.1.", "127.127.127.127", "0",
    "0.0.0.0", "256+127.0.0.1", "[::1]", "[::]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::127.0.0.1]", "[0:0:0:0:0:ffff:127.0.0.1]",
    "[fe80::1%25lo]", "[v1.x]", "::1", "localhost", "ip6-localhost",
    "x.localhost", "127.0.0.1%00", "127%2e0.0.1",
    "\\xe2\\x91\\xa0\\xe2\\x91\\xa1\\xe2\\x91\\xa6.0.0.1",
    "127\\xe3\\x80\\x820\\xe3\\x80\\x820\\xe3\\x80\\x821")}, literal)


# -- writs that are wrong

def wrong_writ(box, text):
    refused(box.run("-w", box.writ_file("random: secure\nhttp:\n  - " + text +
                                        "\n"), box.guest("test/http")))


cases_of({
    "plain-credential": '{ name: a, methods: [GET], url: "http://a.test/", '
                        'credential: { header: authorization, value: '
                        '"${secret:x}" } }',
    "no-secret": '{ name: a, methods: [GET], url: "https://a.test/", '
                 'credential: { header: authorization, value: "x" } }',
    "missing-secret": '{ name: a, methods: [GET], url: "https://a.test/", '
                      'credential: { header: authorization, value: '
                      '"${secret:nobody}" } }',
    "missing-ca": '{ name: a, methods: [GET], url: "https://a.test/", tls: '
                  '{ ca: ./none.pem } }',
    "trace": '{ name: a, methods: [TRACE], url: "https://a.test/" }',
    "star": '{ name: a, methods: [GET], url: "https://*/" }',
    "range": '{ name: a, methods: [GET], url: "https://a.test/", addresses: '
             '["127.0.0.0/33"] }',
}, wrong_writ)

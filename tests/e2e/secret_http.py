"""A credential over HTTPS: the origin gets it, and nothing else of the machine
that a guest, a log or a core could have does."""
import base64
import json
import os
import subprocess
import time
import urllib.parse

import canary
from harness import (BOTH, case, check, equal, finish, refused, wait_until)
from origin import Origin
from toolboxes import Client, group, toolbox
from web import answers, ask, entry, granted, secure

TOKEN = "tok/7f3a+9c51d8e24b60-canary"
NEXT = "tok/second+5e1d77aa90c2-canary"


def put(box, name="api", value=TOKEN, verb="set"):
    result = box.writ("secret", verb, name, data=value.encode())
    equal(result.code, 0, result)


def with_token(o, ca, path="/**", where="header: authorization",
               value="Bearer ${secret:api}", more="", **keys):
    return granted(entry(o.url(path), tls=f"{{ ca: {ca} }}", credential="{ " +
                         where + f', value: "{value}" }}', **keys), more=more)


def nowhere(box, *values):
    """In nothing that is left of the runs: state, cache, logs, working folder."""
    for value in values:
        equal(canary.in_folder(box.top, value), [], value)
        equal(canary.in_folder(box.cache, value), [], value)


def silent(result, *values):
    for value in values:
        check(not canary.in_bytes(result.out, value), result)
        check(not canary.in_bytes(result.err, value), result)


# -- where it goes, and where it does not

@case
def SEC_02_only_its_own_origin_gets_it(box):
    put(box)
    with secure(box) as (o, ca), Origin(
            o.authority.context("other", ("IP:127.0.0.1",))) as other:
        writ = granted(
            entry(o.url("/**"), name="a", tls=f"{{ ca: {ca} }}",
                  credential='{ header: authorization, '
                  'value: "Bearer ${secret:api}" }'),
            entry(other.url("/**"), name="b", tls=f"{{ ca: {ca} }}"))
        got = ask(box, writ, lines=[f"GET {o.url('/echo')}",
                                    f"GET {other.url('/echo')}"])
        equal([a.status for a in got.answers], [200, 200], got.result)
        equal(o.requests[0].get("authorization"), ["Bearer " + TOKEN])
        equal(other.requests[0].get("authorization"), [])
        silent(got.result, TOKEN)
    nowhere(box, TOKEN)


@case(users=BOTH)
def as_a_query_value(box):
    put(box)
    with secure(box) as (o, ca):
        writ = with_token(o, ca, where="query: key", value="${secret:api}")
        got = ask(box, writ, "GET", o.url("/echo"))
        equal(got.one.status, 200, got.result)
        query = urllib.parse.urlparse(o.requests[0].target).query
        equal(urllib.parse.parse_qs(query), {"key": [TOKEN]})
        silent(got.result, TOKEN)
    nowhere(box, TOKEN)


@case
def SEC_05_its_field_is_not_the_guests(box):
    put(box)
    with secure(box) as (o, ca):
        writ = with_token(o, ca)
        got = ask(box, writ, "GET", o.url("/echo"), "-H",
                  "authorization:mine", "-H", "Authorization:also")
        seen = [v for r in o.requests for v in r.get("authorization")]
        check("mine" not in seen and "also" not in seen, seen, got.result)
        silent(got.result, TOKEN)


@case
def SEC_04_its_own_fields_after_sending(box):
    put(box)
    with secure(box) as (o, ca):
        got = ask(box, with_token(o, ca), "GET", o.url("/echo"), "-k", "-H",
                  "accept:text/plain")
        equal(got.one.status, 200, got.result)
        equal(o.requests[0].get("authorization"), ["Bearer " + TOKEN])
        own = [line for line in got.result.text.splitlines()
               if line.startswith("0 own ")]
        equal(own, ["0 own accept: text/plain"], got.result)
        silent(got.result, TOKEN)


@case
def SEC_03_echoed_in_every_spelling(box):
    """Fields, a body in one-byte chunks, a trailer."""
    put(box)
    with secure(box) as (o, ca):
        got = ask(box, with_token(o, ca), "GET", o.url("/reflect"))
        equal(got.one.status, 200, got.result)
        check("*" * len(TOKEN) in got.one.body, got.result)
        silent(got.result, TOKEN)
    nowhere(box, TOKEN)


@case
def not_hidden_by_a_coding(box):
    """A guest asks for gzip, or for seven bytes: it gets neither."""
    put(box)

    def zipped(o, conn, r):
        import gzip
        body = gzip.compress(r.get("authorization")[0].encode())
        conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n"
                     b"content-length: %d\r\n\r\n%b" % (len(body), body))
        return True

    with secure(box) as (o, ca):
        o.more["/zipped"] = zipped
        asked = "{ headers: [accept-encoding, range, if-range] }"
        writ = with_token(o, ca, request=asked)
        got = ask(box, writ, lines=[
            f"GET {o.url('/echo')} -H accept-encoding:gzip -H range:bytes=0-6"
            " -H if-range:x", f"GET {o.url('/zipped')}"])
        equal([a.status for a in got.answers], [200, None], got.result)
        check("content-coding" in got.answers[1].what, got.result)
        first = o.requests[0]
        equal(first.get("accept-encoding"), ["identity"])
        equal(first.get("range") + first.get("if-range"), [])
        silent(got.result, TOKEN)
        # where the guest may see it, it may have it as it likes
        writ = writ.replace('secret:api}" }',
                            'secret:api}", scrub: false }')
        got = ask(box, writ, lines=[
            f"GET {o.url('/echo')} -H accept-encoding:gzip",
            f"GET {o.url('/zipped')}"])
        equal([a.status for a in got.answers], [200, 200], got.result)
        equal(o.requests[2].get("accept-encoding"), ["gzip"])


@case
def shown_by_a_tool_that_may_see_it(box):
    """scrub: false lets the guest see an echo; what it prints is still cleaned."""
    put(box)
    with secure(box) as (o, ca):
        credential = ('{ header: authorization, value: "Bearer ${secret:api}"'
                      ', scrub: false }')
        writ = granted(entry(o.url("/**"), tls=f"{{ ca: {ca} }}",
                             credential=credential))
        got = ask(box, writ, "GET", o.url("/echo"))
        equal(got.one.status, 200, got.result)
        check("[secret api]" in got.one.body, got.result)
        silent(got.result, TOKEN)
    nowhere(box, TOKEN)


@case
def without_it_nothing_starts(box):
    with secure(box) as (o, ca):
        writ = with_token(o, ca)
        result = box.run("-w", box.writ_file(writ), box.guest("test/http"),
                         "GET", o.url("/echo"))
        refused(result, "api", "writ secret set api")
        put(box, "other")
        result = box.run("-w", box.writ_file(writ), box.guest("test/http"),
                         "GET", o.url("/echo"))
        refused(result, "api", "writ secret set api")
        check(o.silent)


@case
def from_a_file(box):
    path = box.file("token", TOKEN + "\n", mode=0o600)
    with secure(box) as (o, ca):
        writ = with_token(o, ca, more=f'secrets: {{ api: "file:{path}" }}\n')
        got = ask(box, writ, "GET", o.url("/echo"))
        equal(got.one.status, 200, got.result)
        equal(o.requests[0].get("authorization"), ["Bearer " + TOKEN])
        silent(got.result, TOKEN)
        check(not canary.in_folder(box.state, TOKEN))
        os.chmod(path, 0o644)
        result = box.run("-w", box.writ_file(writ), box.guest("test/http"),
                         "GET", o.url("/echo"))
        refused(result, "chmod 600")
        os.chmod(path, 0o600)
        # within what the guest may read
        result = box.run("-w", box.writ_file(writ), "--dir",
                         box.top + "::/top", box.guest("test/http"), "GET",
                         o.url("/echo"))
        equal(result.code, 125, result)
        equal(len(o.requests), 1)


@case
def from_the_environment(box):
    with secure(box) as (o, ca):
        writ = with_token(o, ca,
                          more='secrets: { api: "env:API_TOKEN" }\n')
        argv = ["/usr/bin/env", "API_TOKEN=" + TOKEN, *box.command(
            "run", "-w", box.writ_file(writ), box.guest("test/http"), "GET",
            o.url("/echo"), "-A")]
        result = finish(box.popen(argv))
        equal(answers(result.text)[0].status, 200, result)
        equal(o.requests[0].get("authorization"), ["Bearer " + TOKEN])
        silent(result, TOKEN)
        result = box.run("-w", box.writ_file(writ), box.guest("test/http"),
                         "GET", o.url("/echo"))
        refused(result, "API_TOKEN is not set")


# -- while it runs

class Session:
    """The driver, told its requests one by one."""

    def __init__(self, box, writ):
        self.process = box.start(
            "--stdin", "-", "-w", box.writ_file(writ), "--audit",
            box.path("work/audit"), box.guest("test/http"), "-",
            stdin=subprocess.PIPE)
        self.lines, self.text = 0, b""

    def ask(self, words):
        """Send it; the answer is the last line of output so far."""
        self.lines += 1
        self.process.stdin.write(words.encode() + b"\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        self.process.stdin = None
        result = finish(self.process)
        return result, answers(result.text)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(c) for c in file.read().split()]


def name_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().split("(", 1)[1].rsplit(")", 1)[0]
    except OSError:
        return ""


@case
def SEC_07_not_in_the_worker_nor_its_core(box):
    """Root reads all memory of the processes; net alone, and the broker, have it."""
    put(box)
    with secure(box) as (o, ca):
        s = Session(box, with_token(o, ca))
        s.ask(f"GET {o.url('/reflect')} -o")
        wait_until("a request", lambda: len(o.requests) == 1)
        s.ask(f"GET {o.url('/echo')}")
        wait_until("another", lambda: len(o.requests) == 2)
        time.sleep(0.3)
        by_name = {name_of(c): c for c in children(s.process.pid)}
        check({"writ-worker", "writ-net"} <= set(by_name), by_name)
        for pid in [s.process.pid, *by_name.values()]:
            equal(canary.in_process(pid, TOKEN), None, name_of(pid))
        if os.geteuid() == 0:
            worker = by_name["writ-worker"]
            os.kill(worker, 19)
            try:
                equal(canary.in_memory(worker, TOKEN), None, "the worker")
                # the search itself works: what the guest was given is there
                check(canary.in_memory(worker, "www-authenticate"),
                      "nothing was searched")
                check(canary.in_memory(by_name["writ-net"], TOKEN),
                      "net has it")
            finally:
                os.kill(worker, 18)
        result, got = s.end()
        equal([a.status for a in got], [200, 200], result)
        silent(result, TOKEN)
    nowhere(box, TOKEN)


@case(users=BOTH)
def SEC_11_rotated_and_removed_while_it_runs(box):
    put(box)
    with secure(box) as (o, ca):
        s = Session(box, with_token(o, ca))
        s.ask(f"GET {o.url('/echo')}")
        wait_until("the first", lambda: len(o.requests) == 1)
        put(box, value=NEXT, verb="rotate")
        s.ask(f"GET {o.url('/reflect')}")
        wait_until("the second", lambda: len(o.requests) == 2)
        time.sleep(0.2)
        equal(box.writ("secret", "rm", "api").code, 0)
        s.ask(f"GET {o.url('/echo')}")
        time.sleep(1)
        equal(len(o.requests), 2)
        put(box)
        s.ask(f"GET {o.url('/echo')}")
        result, got = s.end()
        equal([r.get("authorization") for r in o.requests],
              [["Bearer " + v] for v in (TOKEN, NEXT, TOKEN)], result)
        equal([a.status for a in got], [200, 200, None, 200], result)
        check(got[2].kind in ("error", "refused"), result)
        silent(result, TOKEN, NEXT)
    nowhere(box, TOKEN, NEXT)


@case
def not_in_what_is_told_of_refusals(box):
    """The guest guesses the token, and asks for what it is not granted."""
    put(box)
    with secure(box) as (o, ca):
        url = o.url("/denied/" + urllib.parse.quote(TOKEN, safe=""))
        got = ask(box, with_token(o, ca, path="/echo"), lines=[
            f"GET {o.url('/echo')}", f"GET {url}",
            f"GET {o.url('/denied')}?b={TOKEN.encode().hex()}",
            f"GET {o.url('/denied')}?c=" + base64.urlsafe_b64encode(
                b"xx" + TOKEN.encode()).decode().rstrip("=")])
        equal(len(o.requests), 1, got.result)
        equal(len(got.denied()), 3, got.result)
        with open(got.audit, "rb") as file:
            data = file.read()
        check(not canary.in_bytes(data, TOKEN), data)
        check(b"[secret api]" in data, data)
        check(not canary.in_bytes(got.result.err, TOKEN), got.result)


@case
def SEC_12_no_process_shows_it(box):
    """Neither `ps` nor a child's environment, in any moment of a run."""
    put(box)
    seen = []
    with secure(box) as (o, ca):
        process = box.start("-w", box.writ_file(with_token(o, ca)),
                            box.guest("test/http"), "GET", o.url("/slow/1"))
        while process.poll() is None:
            for pid in [process.pid, *(children(process.pid) if
                        os.path.exists(f"/proc/{process.pid}/task") else [])]:
                try:
                    if canary.in_process(pid, TOKEN):
                        seen.append(name_of(pid))
                except OSError:
                    pass
            time.sleep(0.02)
        silent(finish(process), TOKEN)
    equal(seen, [])


# -- over MCP

@case
def SEC_07_not_in_what_an_mcp_client_is_told(box):
    """Results, refusals and wishes: also when the tool itself could see it."""
    put(box)
    quoted = urllib.parse.quote(TOKEN, safe="")
    with secure(box) as (o, ca):
        writ = with_token(o, ca, path="/echo",
                          value="Bearer ${secret:api}\", scrub: \"false")
        writ = writ.replace('scrub: "false"', "scrub: false")
        path = toolbox(box, group(box, "page", "page", writ=writ))
        with Client(box, path) as c:
            c.hello()
            shown = json.dumps(c.call("page_get", {"url": o.url("/echo")}))
            check("[secret api]" in shown, shown)
            refusal = json.dumps(c.call("page_get", {
                "url": o.url("/no/" + urllib.parse.quote(TOKEN))}))
            check("HTTP-request-denied" in refusal, refusal)
            wish = json.dumps(c.call("writ_request_grant", {
                "tool": "page_get", "what": "http GET https://a.example/" +
                quoted, "why": "with " + TOKEN.encode().hex()}))
            for text in (shown, refusal, wish):
                check(not canary.in_bytes(text.encode(), TOKEN), text)
            c.end()
            check(not canary.in_bytes(c.error().encode(), TOKEN), c.error())
        equal(len(o.requests), 1)
    wishes = box.writ("wishes")
    check("[secret api]" in wishes.text, wishes)
    silent(wishes, TOKEN)
    nowhere(box, TOKEN)

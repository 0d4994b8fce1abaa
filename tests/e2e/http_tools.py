"""Tools with http entries, served over MCP: what the client sees of a page, of a
refusal and of a secret; sessions that share nothing."""
import json

import canary
from harness import case, check, equal
from origin import Origin
from toolboxes import Client, group, sessions, toolbox
from web import entry, granted, secure, whole


def pages(box, writ, name="page", **more):
    return group(box, name, "page", writ=writ, **more)


@case
def a_tool_gets_the_page_it_may(box):
    with Origin() as o:
        path = toolbox(box, pages(box, whole(o)))
        with Client(box, path) as c:
            c.hello()
            equal(c.value("page_get", {"url": o.url("/hello")}), "hello\n")
            equal(c.value("page_post", {"url": o.url("/sink"),
                                        "body": "x" * 100000}), "100000")
            equal(c.value("page_get", {"url": o.url("/hello")}), "hello\n")
            c.end()
        equal(len(o.requests), 3)
        decided = [r for log in sessions(box) for r in log
                   if r["type"] == "decision"]
        equal([r["verdict"] for r in decided], ["allow"] * 3)
        ended = [r for log in sessions(box) for r in log
                 if r["type"] == "outcome"]
        equal([r["decision"] for r in ended], [r["seq"] for r in decided])


@case
def a_tool_without_the_entry_is_refused_and_told_which(box):
    with Origin() as o, Origin() as other:
        path = toolbox(box, pages(box, whole(o)))
        with Client(box, path) as c:
            c.hello()
            found = c.call("page_get", {"url": other.url("/hello")})
            text = json.dumps(found)
            check(found["isError"], found)
            check("HTTP-request-denied" in text, text)
            check(other.url("/hello") in text, "no smallest grant", text)
            c.end()
        check(other.silent and o.silent)


@case
def two_sessions_share_no_connection(box):
    with Origin() as o:
        path = toolbox(box, pages(box, whole(o), session="named"))
        with Client(box, path) as c:
            c.hello()
            for _ in range(3):
                for name in ("one", "two"):
                    equal(c.value("page_get", {"url": o.url("/hello"),
                                               "session": name}), "hello\n")
            c.end()
        equal((len(o.requests), o.connections), (6, 2))


@case
def SHP_07_two_sessions_share_one_rate(box):
    with Origin() as o:
        path = toolbox(box, pages(box, whole(o, rate="4/h"),
                                  session="named"))
        with Client(box, path) as c:
            c.hello()
            for i in range(6):
                c.call("page_get", {"url": o.url("/hello"),
                                    "session": f"s{i % 3}"})
            c.end()
        equal(len(o.requests), 4)


@case
def SEC_07_a_secret_in_what_a_tool_returns(box):
    token = "tok-c41f9b7702e84d55"
    box.writ("secret", "set", "api", data=token.encode())
    with secure(box) as (o, ca):
        writ = granted(entry(o.url("/**"), tls=f"{{ ca: {ca} }}",
                             credential="{ header: authorization, value: "
                             '"Bearer ${secret:api}" }'))
        path = toolbox(box, pages(box, writ))
        with Client(box, path) as c:
            c.hello()
            found = json.dumps(c.call("page_get", {"url": o.url("/echo")}))
            check(not canary.in_bytes(found.encode(), token), found)
            c.end()
            check(not canary.in_bytes(c.error().encode(), token))
        equal(o.requests[0].get("authorization"), ["Bearer " + token])
        check(not canary.in_folder(box.state, token))

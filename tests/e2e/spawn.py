"""Tools that call tools, and what sessions show of their files."""
import json

from harness import case, check, equal
from toolboxes import Client, group, sessions, toolbox

SPAWN = ("random: secure\n"
         "spawn: [{ name: child, tool: %s, depth: %d, calls: %d }]\n")
MEMORY = ("files: [{ name: out, at: /out, from: memory, mode: write, "
          "shown: %s }]\n")


def boss(box, tool="kid_echo", depth=1, calls=3, more=""):
    return group(box, "boss", "test/spawn",
                 writ=SPAWN % (tool, depth, calls) + more)


def kid(box, writ="random: secure\n"):
    return group(box, "kid", "test/spawn", writ=writ)


def hello(client):
    client.hello()
    return client


# -- spawn

@case
def DLG_11_a_tool_calls_another_of_its_box(box):
    path = toolbox(box, boss(box), kid(box))
    with Client(box, path) as c:
        equal(hello(c).value("boss_go", {"tool": "kid_echo", "args":
                                         '{"text":"hi"}'}), '"hi"')
        c.end()
    logs = {r[0]["component_name"] + str(i): r
            for i, r in enumerate(sessions(box))}
    calls = [r for log in logs.values() for r in log
             if r["type"] == "call-start"]
    check(sorted(r["tool"] for r in calls) == ["boss_go", "kid_echo"], calls)
    child = next(r for r in calls if r["tool"] == "kid_echo")
    parent = next(r for log in logs.values() for r in log
                  if r["type"] == "call-start" and r["tool"] == "boss_go")
    equal(child["parent"], f"{parent['session']}/{parent['call']}")
    decided = [r for log in logs.values() for r in log
               if r["type"] == "decision" and r["kind"] == "spawn"]
    equal([(r["verdict"], r["target"]) for r in decided],
          [("allow", "kid_echo")])


@case
def without_a_spawn_entry_nothing_is_called(box):
    path = toolbox(box, group(box, "boss", "test/spawn"), kid(box))
    with Client(box, path) as c:
        found = hello(c).fails("boss_go", {"tool": "kid_echo",
                                           "args": '{"text":"x"}'}, "denied")
        check("spawn" in json.dumps(found), found)
        c.end()
    tools = [r["tool"] for log in sessions(box) for r in log
             if r["type"] == "call-start"]
    equal(tools, ["boss_go"])


@case
def another_tool_than_the_entry_names_is_refused(box):
    path = toolbox(box, boss(box), kid(box))
    with Client(box, path) as c:
        hello(c).fails("boss_go", {"tool": "kid_many", "args": "{}"}, "denied")
        c.fails("boss_go", {"tool": "nobody", "args": "{}"}, "denied")


@case
def a_child_that_may_more_is_not_started(box):
    path = toolbox(box, boss(box), kid(box, "random: secure\n" +
                                       MEMORY % "false"))
    with Client(box, path) as c:
        hello(c).fails("boss_go", {"tool": "kid_echo",
                                   "args": '{"text":"x"}'},
                       "denied", "not within")
        c.end()
    tools = [r["tool"] for log in sessions(box) for r in log
             if r["type"] == "call-start"]
    equal(tools, ["boss_go"])


@case
def a_spawn_entry_allows_so_many_calls(box):
    path = toolbox(box, boss(box, calls=3), kid(box))
    with Client(box, path) as c:
        for _ in range(2):      # each call of the parent has them anew
            found = hello(c).value("boss_many", {
                "tool": "kid_echo", "args": '{"text":"x"}', "times": 5}) \
                if not _ else c.value("boss_many", {
                    "tool": "kid_echo", "args": '{"text":"x"}', "times": 5})
            equal([f.split(":")[0] for f in found],
                  ['ok "x"'] * 3 + ["limit"] * 2)


@case
def DLG_08_levels_of_tools_are_bounded(box):
    path = toolbox(box, boss(box, "boss_down", 4, 100))
    with Client(box, path) as c:
        found = hello(c).value("boss_down", {"tool": "boss_down",
                                             "levels": 3})
        check("bottom" in found and "limit" not in found, found)
        found = c.value("boss_down", {"tool": "boss_down", "levels": 50})
        check("limit" in found and "depth" in found, found)
        equal(found.count("ok "), 4)


@case
def a_childs_arguments_are_checked(box):
    path = toolbox(box, boss(box), kid(box))
    with Client(box, path) as c:
        hello(c).fails("boss_go", {"tool": "kid_echo", "args": '{"txt":1}'},
                       "invalid-arguments", "/txt")


# -- what a session shows

JS = {"functions": [{"export": "run-javascript", "name": "js",
                     "description": "Runs JavaScript."}]}
WRITE = ("import fs from 'fs'; fs.mkdirSync('/out/d'); "
         "fs.writeFileSync('/out/d/a b.txt', 'hello'); "
         "fs.writeFileSync('/out/x.bin', Uint8Array.of(0, 255)); 1")


def shop(box, shown):
    return toolbox(box, group(box, "js", "code-js", writ=MEMORY % shown,
                              session="named", **JS))


@case
def a_session_shows_its_files(box):
    with Client(box, shop(box, "true")) as c:
        hello(c).value("js", {"code": WRITE, "session": "a/b"})
        found = {r["uri"]: r for r in c.result("resources/list")["resources"]}
        equal(sorted(found), ["writ://js/a%2Fb/out/d/a%20b.txt",
                              "writ://js/a%2Fb/out/x.bin"])
        equal(found["writ://js/a%2Fb/out/d/a%20b.txt"]["size"], 5)
        read = c.result("resources/read",
                        {"uri": "writ://js/a%2Fb/out/d/a%20b.txt"})
        equal(read["contents"][0]["text"], "hello")
        read = c.result("resources/read", {"uri": "writ://js/a%2Fb/out/x.bin"})
        equal(read["contents"][0]["blob"], "AP8=")


@case
def MCP_12_only_what_is_shown_is_read(box):
    with Client(box, shop(box, "true")) as c:
        hello(c).value("js", {"code": WRITE, "session": "s"})
        for uri in ("writ://js/t/out/x.bin", "writ://js/s/etc/passwd",
                    "writ://js/s/out/../etc/passwd", "writ://js/s/out/%00",
                    "writ://js/s/out/..%2f..%2fetc/passwd", "writ://js/s/out",
                    "writ://js/s/", "writ://js", "writ://", "writ:///s/out/x",
                    "file:///etc/passwd", "/etc/passwd",
                    "writ://js/s/out/" + "a/" * 1500 + "x"):
            check("error" in c.ask("resources/read", {"uri": uri}), uri)
        equal(c.value("js", {"code": "1+1", "session": "s"})["value"], "2")


@case
def what_is_not_marked_is_not_shown(box):
    with Client(box, shop(box, "false")) as c:
        hello(c).value("js", {"code": WRITE, "session": "s"})
        equal(c.result("resources/list")["resources"], [])
        check("error" in c.ask("resources/read",
                               {"uri": "writ://js/s/out/x.bin"}))

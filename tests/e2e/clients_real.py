"""Real clients, each on the same tour of a toolbox (tests/clients/tour.*), in
both modes; tools/setup clients brings them."""
import glob
import json
import os
import subprocess

from harness import (NPM_CLIENTS, ROOT, VENV_CLIENTS, Result, Skip, case,
                     cases_of, check, equal, wait_until)
from toolboxes import group, sessions, toolbox, typed

READ = ('files: [{ name: notes, at: /notes, from: "host:./notes", '
        "mode: read }]\n")


def a_toolbox(box):
    box.dir("work/notes")
    box.file("work/README.txt", "read me")
    return toolbox(
        box, typed(box), group(box, "f", "notes", writ=READ),
        group(box, "k", "test/typed", session="named"),
        group(box, "p", "conformance", writ="client: [progress]\nclock: { wall: real }\n",
              functions=["test-tool-with-progress"]),
        prompts=[{"name": "review", "arguments": [
            {"name": "what", "required": True}], "messages": [
            {"role": "user", "text": "Review {{what}}."}]}],
        resources=[{"uri": "notes://readme", "name": "readme",
                    "mime": "text/plain", "file": "./README.txt"}])


def node():
    found = glob.glob(os.path.join(ROOT, ".deps/npm/node_modules/node-linux-*"
                                   "/bin/node"))
    return found[0] if found else "node"


def program(box, *argv):
    """Run a client to its end; its output goes to files, which end with it."""
    out, err = box.path("work/out"), box.path("work/err")
    with open(out, "wb") as o, open(err, "wb") as e:
        process = box.popen(argv, stdout=o, stderr=e)
        try:
            process.wait(150)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    with open(out, "rb") as o, open(err, "rb") as e:
        return Result([str(a) for a in argv], process.returncode, o.read(),
                      e.read())


def python(box, mode, token, *target):
    if not os.path.isdir(VENV_CLIENTS):
        raise Skip("no clients")
    return program(box, os.path.join(VENV_CLIENTS, "bin", "python"), "-B",
                   os.path.join(ROOT, "tests/clients/tour.py"), mode, token,
                   *target)


def typescript(library):
    def start(box, mode, token, *target):
        if not os.path.isdir(NPM_CLIENTS):
            raise Skip("no clients")
        return program(box, node(), os.path.join(ROOT, "tests/clients/tour.mjs"),
                       NPM_CLIENTS, library, mode, token, *target)
    return start


def tour(box, start, mode, token, *target, again=0):
    """`again`: what a named session holds for the next connection."""
    result = start(box, mode, token, *target)
    equal(result.code, 0, result)
    seen = json.loads(result.text.splitlines()[-1])
    equal(seen["server"], "e2e", seen)
    check({"t_add", "f_write-file", "k_remember", "writ_request_grant"} <=
          set(seen["tools"]), seen["tools"])
    equal((seen["add"], seen["after"], seen["cancel"]), (3, 4, "cancelled"),
          seen)
    check(seen["wrong"][0] and "/b" in seen["wrong"][1], seen["wrong"])
    check(seen["denied"][0], seen["denied"])
    for word in ("files.notes.mode", "smallest grant", "mode: write",
                 "writ_request_grant"):
        check(word in seen["denied"][1], word, seen["denied"])
    equal(seen["unknown"], -32602, seen)
    equal(seen["prompt"], "Review it.", seen)
    equal(seen["resource"], "read me", seen)
    # TypeScript clients drop what comes in one piece with the answer
    check(seen["progress"] and seen["progress"] ==
          [0, 50, 100][:len(seen["progress"])], seen["progress"])
    if start is python:
        equal(seen["progress"], [0, 50, 100], seen)
    equal((seen["kept"], seen["again"]), ([0, 1, 2], again), seen)
    equal(os.listdir(box.path("work/notes")), [])
    return seen


def outcomes(box):
    return sorted(r["outcome"] for s in sessions(box) for r in s
                  if r["type"] == "call-end")


def over_stdio(box, row):
    start, mode = row
    path = a_toolbox(box)
    tour(box, start, mode, "-", *box.command("mcp", "--toolbox", path))
    wait_until("logs end", lambda: all(
        s[-1]["type"] == "session-end" for s in sessions(box)))
    have = [o for o in outcomes(box) if o != "ok"]
    equal(have, sorted(["cancelled", "err", "not-started"]))


cases_of({
    "stdio-python-modern": (python, "auto"),
    "stdio-python-legacy": (python, "legacy"),
    "stdio-typescript-modern": (typescript("client"), "auto"),
    "stdio-typescript-legacy": (typescript("client"), "legacy"),
    "stdio-sdk": (typescript("sdk"), "legacy"),
}, over_stdio)


def inspector(box, *args):
    if not os.path.isdir(NPM_CLIENTS):
        raise Skip("no clients")
    return program(box, node(), os.path.join(
        NPM_CLIENTS, "node_modules/@modelcontextprotocol/inspector/clients/"
        "launcher/build/index.js"), "--cli", *args)


@case
def stdio_inspector(box):
    server = box.command("mcp", "--toolbox", a_toolbox(box))
    result = inspector(box, *server, "--method", "tools/list")
    equal(result.code, 0, result)
    names = {t["name"] for t in json.loads(result.text)["tools"]}
    check({"t_add", "writ_request_grant"} <= names, names)
    result = inspector(box, *server, "--method", "tools/call", "--tool-name",
                       "t_add", "--tool-arg", "a=1", "b=2")
    equal(json.loads(result.text)["structuredContent"], {"result": 3}, result)
    result = inspector(box, *server, "--method", "tools/call", "--tool-name",
                       "f_write-file", "--tool-arg", "path=/notes/x", "text=x")
    check("files.notes.mode" in result.text + result.error, result)

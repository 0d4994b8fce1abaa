"""Files: what is granted works as elsewhere, the rest does not happen."""
import os
import re

from harness import (BOTH, case, cases_of, check, equal, refused,
                     smallest_entries, snapshot)

# the programs of guests/test/reference.sh
PROGRAMS = ["handles", "poll", "renumber", "readdir", "symlinks", "rename",
            "truncate", "times", "entropy", "paths", "unlink", "links",
            "flags", "sparse"]
WRITING = [p for p in PROGRAMS if p not in ("poll", "entropy")]


def on_host(box, name):
    result = box.run("--stdin", "-", "--dir", f"{box.work}::/d::rw",
                     box.guest("test/" + name), data=b"hello\n")
    check(result.code == 0 and "not ok" not in result.text, result)
    check("ok " in result.text, result)


def in_memory(box, name):
    result = box.run("--stdin", "-", "--grant", "files write /d memory",
                     box.guest("test/" + name), data=b"hello\n")
    check(result.code == 0 and "not ok" not in result.text, result)
    equal(snapshot(box.work), {})


def read_only(box, name):
    box.file("work/kept", "kept")
    before = snapshot(box.work)
    answer = box.json("--dir", f"{box.work}::/d", box.guest("test/" + name))
    check(answer["exit_code"] != 0, answer["result"])
    check(answer["refused"] > 0, answer["result"])
    check(all(r["kind"] == "files" for r in answer["refusals"]))
    equal(snapshot(box.work), before)


def ungranted(box, name):
    before = snapshot(box.work)
    answer = box.json("--trace-denials", box.guest("test/" + name))
    check(answer["exit_code"] != 0 and answer["refused"] > 0,
          answer["result"])
    equal(snapshot(box.work), before)


cases_of({"host-" + p: p for p in PROGRAMS}, on_host, users=BOTH)
cases_of({"memory-" + p: p for p in PROGRAMS}, in_memory)
cases_of({"read-only-" + p: p for p in WRITING}, read_only)
cases_of({"ungranted-" + p: p for p in WRITING}, ungranted)


# -- the index tool: reads NOTES, writes INDEX

def notes(box):
    folder = box.dir("work/notes")
    box.dir("work/out")
    box.file("work/notes/one.md", "# One\n\nalpha beta\n")
    box.file("work/notes/two.md", "# Two\n\ngamma\n")
    return folder


def index(box, *more, target="/out/index.md", tool="mdindex-c", out="out"):
    return box.json("--dir", f"{box.work}/notes::/notes", "--dir",
                    f"{box.work}/{out}::/out::rw", *more, box.guest(tool),
                    "/notes", target)


@case(users=BOTH)
def an_index_is_written(box):
    notes(box)
    answer = index(box)
    equal(answer["exit_code"], 0, answer["result"])
    with open(os.path.join(box.work, "out/index.md"),
              encoding="utf-8") as file:
        text = file.read()
    check("[One](one.md), " in text and "2 notes" in text, text)
    check(answer["allowed"] > 0 and answer["refused"] == 0)


@case(first=True)
def python_writes_the_same_index(box):
    notes(box)
    equal(index(box)["exit_code"], 0)
    answer = index(box, target="/out/py.md", tool="mdindex-py")
    equal(answer["exit_code"], 0, answer["result"])
    tree = snapshot(os.path.join(box.work, "out"))
    equal(tree["py.md"], tree["index.md"])


def stays_inside(box, target):
    """A target elsewhere: nothing is written there or here."""
    notes(box)
    outside = box.dir("outside", 0o777)
    before = snapshot(box.work)
    answer = index(box, target=target.replace("OUTSIDE", outside))
    check(answer["exit_code"] != 0, answer["result"])
    equal(snapshot(outside), {})
    equal(snapshot(box.work), before)


cases_of({
    "absolute-target": "OUTSIDE/index.md",
    "dotdot-target": "/out/../../outside/index.md",
    "dotdot-below-root": "/out/../../../../../../OUTSIDE/index.md",
    "relative-target": "index.md",
    "read-only-target": "/notes/index.md",
    "other-mount-by-dotdot": "/out/../notes/index.md",
}, stays_inside, users=BOTH)


@case(users=BOTH)
def a_link_that_leaves_is_not_followed(box):
    notes(box)
    secret = box.file("secret.md", "# the-secret\n\nthe-secret\n")
    for target in (secret, "../../secret.md", "/proc/self/environ"):
        link = box.link("work/notes/zz.md", target)
        index(box)
        tree = snapshot(os.path.join(box.work, "out"))
        check(b"the-secret" not in tree.get("index.md", b""), target)
        os.unlink(link)


@case(users=BOTH)
def a_link_is_not_written_through(box):
    notes(box)
    kept = box.file("kept", "kept")
    box.link("work/out/index.md", kept)
    answer = index(box)
    check(answer["exit_code"] != 0, answer["result"])
    with open(kept, encoding="utf-8") as file:
        equal(file.read(), "kept")


@case
def a_fifo_is_never_opened(box):
    notes(box)
    os.mkfifo(os.path.join(box.work, "notes", "zz.md"))
    answer = index(box)
    check("2 notes" in answer["stdout"] or answer["exit_code"] != 0,
          answer["result"])
    os.mkfifo(os.path.join(box.work, "out", "fifo"), 0o666)
    answer = index(box, target="/out/fifo")
    check(answer["exit_code"] != 0, answer["result"])


def protected(box, name):
    notes(box)
    at = os.path.dirname(name)
    if at:
        box.dir("work/out/" + at)
    answer = index(box, target="/out/" + name)
    check(answer["exit_code"] != 0, answer["result"])
    check(not os.path.exists(os.path.join(box.work, "out", name)))
    rules = [r["rule"] for r in answer["refusals"]]
    check(any(r.startswith("protected.") for r in rules), rules)


cases_of({"protected " + n: n for n in [
    ".git/hooks/pre-commit", ".bashrc", ".BASHRC", ".env", ".mcp.json",
    "CLAUDE.md", ".vscode/tasks.json", "new.writ.yaml", ".ssh/config"]},
    protected)


@case
def a_protected_name_opens_when_named(box):
    notes(box)
    path = box.writ_file(
        'files:\n  - { name: notes, at: /notes, from: "host:./notes" }\n'
        '  - { name: out, at: /out, from: "host:./out", mode: write, '
        'protected: [".mcp.json"] }\n')
    answer = box.json("-w", path, box.guest("mdindex-c"), "/notes",
                      "/out/.mcp.json")
    equal(answer["exit_code"], 0, answer["result"])
    check(os.path.exists(os.path.join(box.work, "out/.mcp.json")))


@case(users=BOTH)
def a_secret_is_not_read(box):
    notes(box)
    box.dir("work/notes/.ssh")
    box.file("work/notes/.ssh/a.md", "# the-secret\n")
    answer = box.json("--dir", f"{box.work}/notes::/notes", "--dir",
                      f"{box.work}/out::/out::rw", box.guest("mdindex-c"),
                      "/notes/.ssh", "/out/index.md")
    check(answer["exit_code"] != 0, answer["result"])
    equal(snapshot(os.path.join(box.work, "out")), {})


@case(users=BOTH)
def deny_beats_a_grant(box):
    notes(box)
    path = box.writ_file(
        'files:\n  - { name: notes, at: /notes, from: "host:./notes" }\n'
        '  - { name: out, at: /out, from: "host:./out", mode: write }\n'
        'deny:\n  - { name: secret, files: { path: "/out/secret*" } }\n'
        '  - { name: drafts, files: { path: "/notes/**/draft*" } }\n')
    tool = box.guest("mdindex-c")
    answer = box.json("-w", path, tool, "/notes", "/out/secret.md")
    check(answer["exit_code"] != 0, answer["result"])
    equal([r["rule"] for r in answer["refusals"]], ["deny.secret"])
    equal(snapshot(os.path.join(box.work, "out")), {})
    box.file("work/notes/draft-1.md", "# the-secret\n")
    box.dir("work/notes/drafts")
    box.file("work/notes/drafts/a.md", "# the-secret\n")
    answer = box.json("-w", path, tool, "/notes", "/out/index.md")
    equal(answer["exit_code"], 0, answer["result"])  # drafts are not listed
    tree = snapshot(os.path.join(box.work, "out"))
    check(b"2 notes" in tree["index.md"], tree)
    check(b"the-secret" not in tree["index.md"], tree)
    answer = box.json("-w", path, tool, "/notes/drafts", "/out/drafts.md")
    check(answer["exit_code"] != 0, answer["result"])
    equal([r["rule"] for r in answer["refusals"]], ["deny.drafts"])
    equal(list(snapshot(os.path.join(box.work, "out"))), ["index.md"])


@case
def a_quota_of_bytes_holds(box):
    path = box.writ_file('files:\n  - { name: d, at: /d, from: "host:./d", '
                         'mode: write, quota: { bytes: 1MiB, files: 20 } }\n')
    box.dir("work/d")
    answer = box.json("-w", path, box.guest("test/sparse"))
    check(answer["exit_code"] != 0, answer["result"])
    answer = box.json("-w", path, box.guest("test/readdir"))
    check(answer["exit_code"] != 0, answer["result"])
    tree = snapshot(os.path.join(box.work, "d"))
    check(sum(len(v) for v in tree.values() if v != "/") <= 1 << 20)
    check(len(tree) <= 21, len(tree))


# -- the folder itself

def bad_folder(box, make):
    box.file("file", "x")
    box.dir("real")
    box.link("link", box.path("real"))
    answer = box.run("--dir", make.replace("TOP", box.top),
                     box.guest("test/readdir"))
    refused(answer)
    equal(snapshot(box.path("real")), {})


cases_of({
    "folder-missing": "TOP/none::/d::rw",
    "folder-is-a-file": "TOP/file::/d::rw",
    "folder-is-a-link": "TOP/link::/d::rw",
    "mode-unknown": "TOP/real::/d::rx",
    "guest-path-missing": "TOP/real::",
    "guest-path-relative": "TOP/real::d::rw",
    "guest-path-dotdot": "TOP/real::/d/../e::rw",
    "no-guest-path": "TOP/real",
    "host-path-missing": "::/d",
}, bad_folder)


@case
def one_mount_twice_is_a_mistake(box):
    box.dir("work/a")
    refused(box.run("--dir", "a::/d", "--dir", "a::/d::rw",
                    box.guest("test/readdir")))
    equal(snapshot(box.path("work/a")), {})


@case(users=BOTH)
def permissions_of_the_host_count(box):
    folder = box.dir("work/d", 0o500)
    if box.suite.root and box.uid == 0:
        os.chown(folder, 12345, 12345)  # root without capabilities is a user
    result = box.run("--dir", f"{folder}::/d::rw", box.guest("test/readdir"))
    check(result.code != 0, result)
    equal(os.listdir(folder), [])


# -- denials shown, and what they suggest

@case(users=BOTH)
def the_grants_suggested_make_it_work(box):
    notes(box)
    tool, entries = box.guest("mdindex-c"), {}
    for _ in range(6):
        path = box.writ_file("files: [" + ", ".join(entries.values()) + "]\n")
        answer = box.json("-w", path, "--trace-denials", tool, "/notes",
                          "/out/index.md")
        if answer["exit_code"] == 0:
            break
        found = smallest_entries(answer)
        check(found, answer["result"])
        for text in found:
            name = re.search(r"name: ([^,]+),", text).group(1)
            entries[name] = text.replace("from: memory", 'from: "host:./out"')
    equal(answer["exit_code"], 0, entries, answer["result"])
    check(os.path.exists(os.path.join(box.work, "out/index.md")), entries)


@case
def denials_are_shown_with_grants(box):
    notes(box)
    before = snapshot(box.work)
    result = box.run("--trace-denials", box.guest("mdindex-c"), "/notes",
                     "/out/index.md")
    check(result.code != 0, result)
    for word in ("refused", "/notes", "smallest grants", "nothing was let"):
        check(word in result.error, word, result)
    equal(snapshot(box.work), before)


@case
def a_hint_names_trace_denials(box):
    result = box.run(box.guest("mdindex-c"), "/notes", "/out/index.md")
    check(result.code == 1 and "--trace-denials" in result.error, result)

"""Writs with mistakes, and writs that someone else could have written."""
import glob
import json
import os

from harness import (BOTH, ROOT, case, cases_of, check, equal, refused,
                     snapshot)

DATA = os.path.join(ROOT, "tests", "data", "policy")


def documents(kind):
    return sorted(glob.glob(os.path.join(DATA, kind, "*.yaml")))


@case
def every_mistake_is_one_sentence(box):
    found = documents("reject") + documents("unbuilt")
    check(len(found) > 100, len(found))
    for path in found:
        with open(path, "rb") as file:
            copy = box.file("work/x.writ.yaml", file.read())
        result = box.writ("check", copy)
        refused(result)
        check("x.writ.yaml" in result.error, path, result)


@case
def every_good_one_is_described(box):
    found = documents("accept")
    check(len(found) > 30, len(found))
    for path in found:
        with open(path, "rb") as file:
            copy = box.file("work/x.writ.yaml", file.read())
        result = box.writ("check", "--json", copy)
        equal(result.code, 0, path, result)
        check(json.loads(result.text)["digest"].startswith("sha256:"))


def mistake(box, name):
    """The run is refused with the place, and nothing happened."""
    folder = box.dir("work/d")
    with open(os.path.join(DATA, name + ".yaml"), "rb") as file:
        path = box.file("work/x.writ.yaml", file.read())
    result = box.run("-w", path, "--dir", f"{folder}::/d::rw",
                     box.guest("test/readdir"))
    refused(result, "x.writ.yaml")
    equal(snapshot(folder), {})


cases_of({n: n for n in [
    "reject/unknown-key", "reject/duplicate-top", "reject/alias-bomb",
    "reject/size-unitless", "reject/files-at-dotdot", "reject/empty",
    "reject/two-documents", "reject/random-case", "reject/strict-quoted",
    "reject/version-two", "reject/bidi",
    "unbuilt/unmatched-ask", "unbuilt/files-overlay-memory",
    "unbuilt/keyvalue"]}, mistake)

GRANT = 'files:\n  - { name: d, at: /d, from: "host:./d", mode: write }\n'


def untrusted(box, make):
    folder = box.dir("work/d")
    path = make(box)
    before = snapshot(folder)
    refused(box.run("-w", path, box.guest("test/readdir")))
    equal(snapshot(folder), before)


def _another(box):
    path = box.writ_file(GRANT)
    if box.suite.root:
        os.chown(path, 12345, 12345)
        return path
    os.chmod(path, 0o666)
    return path


def _anybody(box):
    path = box.writ_file(GRANT)
    os.chmod(path, 0o646)
    return path


cases_of({
    "of-another-user": _another,
    "anybody-may-write": _anybody,
    "a-link": lambda b: b.link("work/l.writ.yaml", b.writ_file(GRANT)),
    "a-folder": lambda b: b.dir("work/f.writ.yaml"),
    "a-device": lambda b: "/dev/zero",
    "inside-what-it-grants": lambda b: b.writ_file(
        GRANT.replace("./d", ".")),
    "below-what-it-grants": lambda b: b.writ_file(
        GRANT.replace("./d", "../..")),
    "in-the-folder-granted": lambda b: b.writ_file(
        GRANT.replace("./d", "../d"), "work/d/the.writ.yaml"),
}, untrusted, users=BOTH)


@case(users=BOTH)
def a_writ_of_root_serves_others(box):
    folder = box.dir("work/d")
    path = box.writ_file(GRANT)
    if box.suite.root:
        os.chown(path, 0, 0)
    result = box.run("-w", path, box.guest("test/readdir"))
    equal(result.code, 0, result)
    equal(snapshot(folder), {})


@case
def a_writ_beside_is_never_picked_up(box):
    box.writ_file(GRANT, "work/readdir.writ.yaml")
    box.writ_file(GRANT, "work/writ.yaml")
    folder = box.dir("work/d")
    result = box.run(box.guest("test/readdir"))
    check(result.code != 0, result)
    equal(snapshot(folder), {})


@case
def host_paths_start_at_the_writ(box):
    box.dir("other")
    folder = box.dir("other/d")
    wrong = box.dir("work/d")
    box.file("work/d/kept", "kept")
    path = box.writ_file(GRANT, "other/the.writ.yaml")
    os.rmdir(folder)
    refused(box.run("-w", path, box.guest("test/readdir")))
    box.dir("other/d")
    equal(box.run("-w", path, box.guest("test/readdir")).code, 0)
    equal(snapshot(wrong), {"kept": b"kept"})

"""The cache of compiled code: used when right, never trusted."""
import glob
import json
import os

from harness import (BOTH, case, cases_of, check, equal, refused,
                     verify_audit)


def entry(box):
    found = glob.glob(os.path.join(box.cache, "*.code"))
    equal(len(found), 1, found)
    return found[0]


def flipped(box, place):
    """One bit of a kept entry changed: compiled again, and recorded."""
    box.own_cache()
    tool = box.guest("hello-c")
    equal(box.json(tool)["cached"], False)
    equal(box.json(tool)["cached"], True)
    path = entry(box)
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        data[int(place * (len(data) - 1))] ^= 1
        file.seek(0)
        file.write(data)
    answer = box.json(tool)
    equal((answer["cached"], answer["stdout"]), (False, "hello from c\n"))
    events = [r for r in verify_audit(answer["audit"])
              if r["type"] == "cache"]
    equal([r["event"] for r in events], ["rejected"], events)
    equal(box.json(tool)["cached"], True)


cases_of({"first-bit": 0, "early-bit": 0.01, "middle-bit": 0.5,
          "last-bit": 1}, flipped, users=BOTH)


def damaged(box, change):
    box.own_cache()
    tool = box.guest("hello-c")
    box.json(tool)
    change(box, entry(box))
    answer = box.json(tool)
    equal((answer["cached"], answer["stdout"]), (False, "hello from c\n"),
          answer["result"])


def _truncate(_, path):
    os.truncate(path, os.path.getsize(path) // 2)


def _empty(_, path):
    os.truncate(path, 0)


def _grow(_, path):
    with open(path, "ab") as file:
        file.write(b"\0" * 4096)


def _new_key(box, _):
    with open(os.path.join(box.cache, "key"), "r+b") as file:
        data = bytearray(file.read())
        data[0] ^= 1
        file.seek(0)
        file.write(data)


def _of_another(box, path):
    """The entry of another component, authentic in itself."""
    kept = set(glob.glob(os.path.join(box.cache, "*.code")))
    box.json(box.guest("test/exit"))
    other = set(glob.glob(os.path.join(box.cache, "*.code"))) - kept
    os.replace(other.pop(), path)


cases_of({"truncated": _truncate, "emptied": _empty, "grown": _grow,
          "key-changed": _new_key, "entry-of-another": _of_another}, damaged)


@case(users=BOTH)
def a_cache_that_cannot_be_written_is_only_slower(box):
    box.own_cache()
    os.chmod(box.cache, 0o500)
    if box.suite.root and box.uid == 0:
        os.chown(box.cache, 12345, 12345)
    answer = box.json(box.guest("hello-c"))
    equal((answer["cached"], answer["stdout"]), (False, "hello from c\n"),
          answer["result"])
    notes = [l for l in answer["result"].error.splitlines()
             if l.startswith("writ: ") and "compiling" not in l]
    check(notes, "no note", answer["result"])
    equal(os.listdir(box.cache), [])


def bad_folder(box, make):
    path = make(box)
    before = sorted(os.listdir(path)) if os.path.isdir(path) else None
    box.cache = path
    refused(box.run(box.guest("hello-c")))
    after = sorted(os.listdir(path)) if os.path.isdir(path) else None
    equal(after, before)


cases_of({
    "folder-anybody-writes": lambda b: b.dir("c", 0o777),
    "folder-a-group-writes": lambda b: b.dir("c", 0o770),
    "link-to-such-a-folder": lambda b: b.link("work/c",
                                              b.dir("real", 0o777)),
    "folder-is-a-file": lambda b: b.file("work/c"),
}, bad_folder, users=BOTH)


@case
def list_and_clear(box):
    box.own_cache()
    box.json(box.guest("hello-c"))
    box.json(box.guest("test/exit"))
    listed = json.loads(box.writ("cache", "--json", "list").text)
    equal(len(listed["entries"]), 2, listed)
    result = box.writ("cache", "clear")
    check(result.code == 0 and "2 entries removed" in result.text, result)
    equal(glob.glob(os.path.join(box.cache, "*.code")), [])
    equal(box.json(box.guest("hello-c"))["cached"], False)


@case
def entries_and_key_are_the_owners_alone(box):
    box.own_cache()
    box.json(box.guest("hello-c"))
    for path in [entry(box), os.path.join(box.cache, "key")]:
        equal(os.stat(path).st_mode & 0o077, 0, path)

"""Limits end a call; none leans on how fast this machine is."""
import os
import pty
import signal
import time

from harness import (BOTH, CANCELLED, LIMIT, case, cases_of, check, equal,
                     finish, one_sentence, snapshot, verify_audit)


def limited(box, limits, guest, *args, dirs=()):
    path = box.writ_file("limits: { " + limits + " }\n")
    more = [x for d in dirs for x in ("--dir", d)]
    return box.json("-w", path, *more, box.guest(guest), *args)


def ends(box, row):
    limits, names, guest, *args = row
    answer = limited(box, limits, guest, *args)
    equal((answer["ending"], answer["exit_code"]), ("limit", LIMIT),
          answer["result"])
    check(answer["limit"] in names, answer["limit"], answer["result"])


cases_of({
    "a-loop-by-time": ("time: 1s", ("time",), "test/spin"),
    "a-loop-by-cpu": ("cpu: 300ms", ("cpu",), "test/spin"),
    "a-loop-of-calls": ("time: 1s", ("time",), "test/spin", "calls"),
    "a-start-function": ("time: 1s", ("time",), "wat/start-loop"),
    "sleep-is-charged": ("time: 1s", ("time",), "test/sleeps", "1",
                         "2000000000"),
    "sleep-forever": ("time: 5s", ("time",), "wat/sleep-forever"),
    "a-stack": ("time: 60s", ("stack",), "test/recurse"),
    "too-little-memory": ("memory: 64KiB", ("memory",), "hello-c"),
    "output-is-flooded": ("output: 1MiB", ("output",), "test/flood", "4"),
    "a-million-handles": ("handles: 1000", ("handles",), "wat/many-handles"),
}, ends)


@case(users=BOTH)
def a_limit_is_told_in_one_sentence(box):
    path = box.writ_file("limits: { time: 300ms }\n")
    result = box.run("-w", path, box.guest("test/spin"))
    equal(result.code, LIMIT, result)
    one_sentence(result)
    check("limits.time" in result.error or "limits.cpu" in result.error,
          result)


def hog(box, how):
    answer = limited(box, "memory: 16MiB", "test/hog", how)
    equal(answer["exit_code"], 0, answer["result"])
    told = int(answer["stdout"].split()[2])
    check(8 <= told <= 16, answer["stdout"])
    check(answer["memory_peak"] <= 16 << 20, answer["memory_peak"])


cases_of({"memory-by-malloc": "malloc", "memory-by-grow": "grow"}, hog)


@case
def eight_memories_share_one_limit(box):
    answer = limited(box, "memory: 64MiB", "wat/grow-memories")
    equal(answer["exit_code"], 0, answer["result"])
    check(answer["memory_peak"] <= 64 << 20, answer["memory_peak"])


@case
def output_stops_at_its_limit(box):
    path = box.writ_file("limits: { output: 1MiB }\n")
    result = box.run("-w", path, box.guest("test/flood"), "4")
    equal(result.code, LIMIT, result.error)
    check(len(result.out) <= 1 << 20, len(result.out))
    answer = limited(box, "output: 1MiB", "hello-c")
    equal(answer["exit_code"], 0, answer["result"])


@case
def open_files_count_as_handles(box):
    folder = box.dir("d")
    answer = limited(box, "handles: 50", "test/handles",
                     dirs=[f"{folder}::/d::rw"])
    check(answer["exit_code"] != 0, answer["result"])
    check(answer["limit"] == "handles" or "opened" in answer["stdout"],
          answer["result"])


@case
def requests_have_a_limit(box):
    folder = box.dir("d")
    answer = limited(box, "requests: 50", "test/readdir",
                     dirs=[f"{folder}::/d::rw"])
    equal((answer["ending"], answer["limit"]), ("limit", "requests"),
          answer["result"])
    check(len(snapshot(folder)) <= 50, len(snapshot(folder)))


@case
def audit_has_a_limit(box):
    folder = box.dir("d")
    answer = limited(box, "audit: 64KiB", "test/readdir",
                     dirs=[f"{folder}::/d::rw"])
    check(answer["exit_code"] != 0, answer["result"])
    records = verify_audit(answer["audit"])
    check("audit" in [r["limit"] for r in records if r["type"] == "limit"])
    told = {r["target"] for r in records if r["type"] == "decision"}
    made = {"/d/" + name for name in snapshot(folder)}
    check(made and made <= told, made - told)


# -- a reader that has stopped reading

def _pipe(_):
    return os.pipe()


def _terminal(_):
    ours, theirs = pty.openpty()
    return ours, theirs


def stalled(box, row):
    make, more, stop = row
    ours, theirs = make(box)
    path = box.writ_file("limits: { time: 1500ms }\n")
    process = box.start("--writ", path, *more, box.guest("test/flood"),
                        "100000", stdout=theirs)
    os.close(theirs)
    began = time.monotonic()
    try:
        if stop:
            time.sleep(0.7)
            process.send_signal(signal.SIGINT)
        result = finish(process, 20)
    finally:
        os.close(ours)
    took = time.monotonic() - began
    check(took < (1.4 if stop else 4), took, result)
    equal(result.code, CANCELLED if stop else LIMIT, result)
    check(stop or "limits.time" in result.error, result)
    equal(verify_audit(box.audits()[0])[-1]["outcome"],
          "cancelled" if stop else "limit")


cases_of({
    "time-holds-for-a-stalled-pipe": (_pipe, [], False),
    "time-holds-for-a-stalled-terminal": (_terminal, [], False),
    "time-holds-for-a-stalled-raw-terminal": (_terminal, ["--raw-output"],
                                              False),
    "a-stalled-pipe-is-cancelled": (_pipe, [], True),
    "a-stalled-terminal-is-cancelled": (_terminal, [], True),
}, stalled)

"""Components by hand that do what no compiler would (guests/wat/make.py)."""
from harness import TRAP, case, cases_of, check, equal, not_started, refused

TRAPS = ["forged-handle", "handle-zero", "double-drop", "wrong-type",
         "drop-blocked", "poll-empty", "poll-outside", "random-huge",
         "realloc-outside", "log-outside", "log-huge", "log-utf8",
         "log-level", "tcp-family"]
FINE = ["empty-run", "table-grow", "table-step", "sleep-million", "log-one",
        "tcp-create", "keyvalue-open"]
REFUSALS = {"unknown-import": ("foo:bar/baz", "foo:bar/qux@1.2.3"),
            "version-skew": ("wasi:random/random@0.3.99",),
            "wrong-shape": (), "empty": ("wasi:cli/run",)}


def traps(box, name):
    answer = box.json(box.guest("wat/" + name))
    equal((answer["ending"], answer["exit_code"]), ("trap", TRAP),
          answer["result"])
    check(answer["message"], answer["result"])


def fine(box, name):
    answer = box.json(box.guest("wat/" + name))
    equal((answer["ending"], answer["exit_code"]), ("ok", 0),
          answer["result"])


def never_starts(box, row):
    name, words = row
    refused(box.run(box.guest("wat/" + name)), *words)
    equal([not_started(p) for p in box.audits()], [name + ".wasm"])


cases_of({n: n for n in TRAPS}, traps)
cases_of({n: n for n in FINE}, fine)
cases_of({n: (n, w) for n, w in REFUSALS.items()}, never_starts)


@case
def a_logged_line_is_shown_once(box):
    result = box.run(box.guest("wat/log-one"))
    equal((result.code, result.out), (0, b""), result)
    equal(result.error, "log info Hlo!: Hlo!\n", result)


@case
def a_flood_of_logs_counts_as_requests(box):
    path = box.writ_file("limits: { requests: 1000 }\n")
    answer = box.json("-w", path, box.guest("wat/log-flood"))
    equal((answer["ending"], answer["limit"]), ("limit", "requests"),
          answer["result"])
    check(len(answer["result"].err) <= 8 << 20, len(answer["result"].err))


@case
def ten_thousand_sleeps_at_once(box):
    path = box.writ_file("limits: { handles: 20000 }\n")
    answer = box.json("-w", path, box.guest("wat/poll-many"))
    equal(answer["exit_code"], 0, answer["result"])


def trap_in_c(box, how):
    result = box.run(box.guest("test/trap"), how)
    equal((result.code, result.text), (TRAP, "before\n"), result)
    lines = [l for l in result.error.splitlines() if l.startswith("writ: ")]
    equal(len([l for l in lines if "compiling" not in l]), 1, result)


cases_of({"c-" + h: h for h in ["abort", "bounds", "divide", "call",
                                "unreachable"]}, trap_in_c)

"""One exported function called: values both ways, and what goes wrong."""
import base64
import json

from assemble import assemble
from harness import (BOTH, LIMIT, REFUSED, TRAP, case, cases_of, check, equal,
                     one_sentence, refused, verify_audit)

# the same function name behind two interfaces, and one name of its own
TWICE = """(component
  (core module $m (func (export "one") (result i32) i32.const 1)
    (func (export "two") (result i32) i32.const 2))
  (core instance $i (instantiate $m))
  (func $one (result u32) (canon lift (core func $i "one")))
  (func $two (result u32) (canon lift (core func $i "two")))
  (instance $a (export "same" (func $one)))
  (instance $b (export "same" (func $two)) (export "other" (func $two)))
  (export "t:t/a@0.1.0" (instance $a))
  (export "t:t/b@0.1.0" (instance $b)))
"""


def typed(box):
    return box.guest("test/typed")


def call(box, function, arguments=None, *options, component=None):
    more = [] if arguments is None else [
        arguments if isinstance(arguments, str) else json.dumps(arguments)]
    return box.writ("call", *options, component or typed(box), function,
                    *more)


def returns(box, row):
    function, arguments, want = row
    result = call(box, function, arguments)
    equal((result.code, result.err), (0, b""), result)
    equal(json.loads(result.text) if result.text else None, want, result)
    record = json.loads(call(box, function, arguments, "--json").text)
    equal((record["ending"], record["exit_code"], record["is_err"],
           record["value"]), ("ok", 0, False, want), result)


POINT = {"x": -1, "y": 2 ** 31 - 1, "label": None}
ALL = {"truth": True, "bytes": "AP8=", "small": -128, "short": 65535,
       "wide": "-9223372036854775808", "unsigned": "18446744073709551615",
       "single": 0.5, "double": -1e308, "letter": "\U0001F980",
       "text": "a\x00\u00e9\u4e2d\"\\", "color": "green",
       "rights": ["read", "exec"], "shape": {"line": [POINT, POINT]},
       "maybe": {"some": None}, "outcome": {"err": "no"},
       "nothing": {"ok": None}, "pair": [255, "p"], "points": [POINT] * 3}


def all_but(**change):
    return [[dict(ALL, **change)]], [dict(ALL, **change)]


cases_of({
    "add": ("add", {"a": 1, "b": 4294967294}, 4294967295),
    "add-in-order": ("add", [1, 2], 3),
    "integers-have-a-fraction-of-0": ("add", "[1.0, 2e3]", 2001),
    "nothing": ("nothing", None, None),
    "nothing-with-an-object": ("nothing", {}, None),
    "text": ("greet", ["w\u00f6rld \u0000"], "hello, w\u00f6rld \u0000"),
    "empty-text": ("greet", [""], "hello, "),
    "ok": ("check", ["x"], "x"),
    "u64-2^53-1": ("echo-u64", [2 ** 53 - 1], 2 ** 53 - 1),
    "u64-2^53": ("echo-u64", [str(2 ** 53)], str(2 ** 53)),
    "u64-most": ("echo-u64", [str(2 ** 64 - 1)], str(2 ** 64 - 1)),
    "u64-small-as-text": ("echo-u64", ["7"], 7),
    "s64-least": ("echo-s64", [str(-2 ** 63)], str(-2 ** 63)),
    "s64-most": ("echo-s64", [str(2 ** 63 - 1)], str(2 ** 63 - 1)),
    "s64-near": ("echo-s64", [-2 ** 53 + 1], -2 ** 53 + 1),
    "u8-0": ("echo-u8", [0], 0),
    "u8-255": ("echo-u8", [255], 255),
    "f32": ("echo-f32", [0.1], 0.1),
    "f32-nan": ("echo-f32", ["NaN"], "NaN"),
    "f64-inf": ("echo-f64", ["-Infinity"], "-Infinity"),
    "f64-least": ("echo-f64", "[5e-324]", 5e-324),
    "f64-minus-0": ("echo-f64", "[-0.0]", -0.0),
    "char-most": ("echo-char", ["\U0010FFFF"], "\U0010FFFF"),
    "char-nul": ("echo-char", ["\x00"], "\x00"),
    "bytes": ("echo-bytes", [base64.b64encode(bytes(range(256))).decode()],
              base64.b64encode(bytes(range(256))).decode()),
    "no-bytes": ("echo-bytes", [""], ""),
    "texts": ("echo-texts", [["", "a", "\u20ac" * 100]],
              ["", "a", "\u20ac" * 100]),
    "a-list-of-numbers": ("fill-list", [3], [0, 0, 0]),
    "record": ("move-by", {"at": {"x": 1, "y": 2}, "by": -3},
               {"x": -2, "y": -1, "label": None}),
    "record-with-option": ("move-by", [{"x": 1, "y": 2, "label": "l"}, 0],
                           {"x": 1, "y": 2, "label": "l"}),
    "result-without-payload": ("open", [""], None),
    "everything": ("echo-all", *all_but()),
    "no-items": ("echo-all", [[]], []),
    "variant-without-payload": ("echo-all", *all_but(shape={"none": None})),
    "variant-of-text": ("echo-all", *all_but(shape={"named": "n"})),
    "variant-of-record": ("echo-all", *all_but(shape={"dot": POINT})),
    "no-flags": ("echo-all", *all_but(rights=[])),
    "option-none": ("echo-all", *all_but(maybe=None)),
    "option-of-option": ("echo-all", *all_but(maybe={"some": 5})),
    "result-ok": ("echo-all", *all_but(outcome={"ok": 1})),
    "result-err-empty": ("echo-all", *all_but(nothing={"err": None})),
    "by-its-full-name": ("writ:test/values@0.1.0#echo-u8", [1], 1),
    "without-version": ("writ:test/values#echo-u8", [1], 1),
    "a-new-handle": ("[constructor]counter", [1], {"handle": 1}),
}, returns)


def in_wave(box, row):
    text, want = row
    result = call(box, text)
    equal((result.code, result.text.strip(), result.err), (0, want, b""),
          result)


cases_of({
    "wave-numbers": ("add(1, 2)", "3"),
    "wave-record": ('move-by({x: 1, y: 2, label: some("l")}, 5)',
                    '{x: 6, y: 7, label: some("l")}'),
    "wave-record-without-option": ("move-by({x: 1, y: 2}, 5)",
                                   "{x: 6, y: 7}"),
    "wave-u64": (f"echo-u64({2 ** 64 - 1})", str(2 ** 64 - 1)),
    "wave-s64": (f"echo-s64({-2 ** 63})", str(-2 ** 63)),
    "wave-char": ("echo-char('\u00e9')", "'\u00e9'"),
    "wave-float": ("echo-f64(inf)", "inf"),
    "wave-bytes": ("echo-bytes([0, 255])", "[0, 255]"),
    "wave-texts": ('echo-texts(["a", "b"])', '["a", "b"]'),
    "wave-nothing": ("nothing()", ""),
}, in_wave)


@case
def wave_by_option(box):
    result = call(box, "add", "(1, 2)", "--wave")
    equal((result.code, result.text), (0, "3\n"), result)


# -- refused: nothing ran

def nothing_ran(box):
    """The one session of the box was refused before its call began."""
    (path,) = box.audits()
    records = verify_audit(path)
    equal(records[0]["type"], "session-start")
    check({r["type"] for r in records[1:-1]} <=
          {"wall", "cache", "call-start", "call-end"}, records)
    for r in records:
        if r["type"] == "call-end":
            equal(r["outcome"], "not-started", r)
    equal((records[-1]["outcome"], records[-1]["exit_code"],
           records[-1]["cpu_ms"]), ("not-started", REFUSED, 0), records[-1])
    check(records[-1]["reason"], records[-1])


def wrong(box, row):
    function, arguments, pointer, *words = row
    result = call(box, function, arguments)
    refused(result, *words)
    check(result.error.startswith(f"writ: {pointer}: "), result)
    nothing_ran(box)


def bad(**change):
    return "echo-all", all_but(**change)[0]


WRONG = {
    "text-for-a-number": ("add", {"a": 1, "b": "x"}, "/b", "u32"),
    "missing": ("add", {"a": 1}, "/b", "missing"),
    "unknown": ("add", {"a": 1, "b": 2, "c": 3}, "/c", "unknown", "a, b"),
    "proto": ("add", '{"a":1,"b":2,"__proto__":{}}', "/__proto__",
              "unknown"),
    "twice": ("add", '{"a":1,"a":1,"b":2}', "/a", "twice"),
    "too-many": ("add", [1, 2, 3], "the arguments", "more than 2"),
    "too-few": ("add", [1], "/1", "b"),
    "fraction": ("add", "[1.5, 1]", "/0", "u32"),
    "beyond": ("add", [4294967296, 0], "/0", "u32"),
    "negative": ("add", [0, -1], "/1", "u32"),
    "huge": ("add", "[1e400, 1]", "/0"),
    "null": ("add", [None, 1], "/0"),
    "true": ("add", [True, 1], "/0"),
    "u8": ("echo-u8", [256], "/0", "u8"),
    "u64-2^53-as-number": ("echo-u64", f"[{2 ** 53}]", "/0", "string"),
    "u64-2^64": ("echo-u64", [str(2 ** 64)], "/0"),
    "u64-leading-0": ("echo-u64", ["01"], "/0"),
    "u64-sign": ("echo-u64", ["+1"], "/0"),
    "u64-space": ("echo-u64", [" 1"], "/0"),
    "u64-empty": ("echo-u64", [""], "/0"),
    "s64-2^63": ("echo-s64", [str(2 ** 63)], "/0"),
    "s64-minus-0": ("echo-s64", ["-0"], "/0"),
    "f32-beyond": ("echo-f32", "[1e39]", "/0", "f32"),
    "f64-nan-in-lower-case": ("echo-f64", ["nan"], "/0"),
    "two-chars": ("echo-char", ["ab"], "/0", "one character"),
    "no-char": ("echo-char", [""], "/0"),
    "half-a-pair": ("echo-char", '["\\ud800"]', "/0", "surrogate"),
    "base64-bits-left": ("echo-bytes", ["AAEC/x=="], "/0", "base64"),
    "base64-line": ("echo-bytes", ["AAEC\nAAEC"], "/0", "base64"),
    "base64-url": ("echo-bytes", ["_-8="], "/0", "base64"),
    "base64-no-padding": ("echo-bytes", ["AP8"], "/0", "base64"),
    "in-a-list": ("echo-texts", [["a", 1]], "/0/1"),
    "in-a-record": ("move-by", {"at": {"x": 1, "y": "2"}, "by": 0}, "/at/y"),
    "unknown-field": ("move-by", {"at": {"x": 1, "y": 2, "z": 3}, "by": 0},
                      "/at/z", "unknown"),
    "escaped-pointer": ("move-by", {"at": {"x": 1, "y": 2, "a/b~": 3},
                                    "by": 0}, "/at/a~1b~0", "unknown"),
    "missing-field": ("move-by", {"at": {"x": 1}, "by": 0}, "/at/y",
                      "missing"),
    "enum": (*bad(color="pink"), "/0/0/color", "red, green, blue"),
    "flag-unknown": (*bad(rights=["own"]), "/0/0/rights/0"),
    "flag-twice": (*bad(rights=["read", "read"]), "/0/0/rights/1", "twice"),
    "variant-unknown": (*bad(shape={"cube": 1}), "/0/0/shape/cube",
                        "named"),
    "variant-of-two": (*bad(shape={"none": None, "named": "n"}),
                       "/0/0/shape"),
    "variant-payload": (*bad(shape={"named": 1}), "/0/0/shape/named"),
    "variant-no-payload": (*bad(shape={"none": 1}), "/0/0/shape/none"),
    "option-of-option-bare": (*bad(maybe=5), "/0/0/maybe"),
    "result-both": (*bad(outcome={"ok": 1, "err": "x"}), "/0/0/outcome"),
    "tuple-short": (*bad(pair=[1]), "/0/0/pair"),
    "tuple-long": (*bad(pair=[1, "p", 2]), "/0/0/pair"),
    "deep": (*bad(shape={"line": [POINT, dict(POINT, x="1")]}),
             "/0/0/shape/line/1/x"),
    "no-such-handle": ("[method]counter.increment", [{"handle": 1}, 2],
                       "/0", "handle"),
}
cases_of(WRONG, wrong)


def not_arguments(box, text):
    refused(call(box, "add", text))
    nothing_ran(box)


cases_of({
    "no-json": "{bad", "half": '{"a":1', "a-number": "1", "null": "null",
    "a-text": '"ab"', "two-values": "[1,2] [3]", "empty": "",
    "a-comment": "[1,/*x*/2]", "infinity": "[Infinity,1]",
    "deep": "[" * 100000, "nothing-but-space": "   ",
}, not_arguments)


def wave_wrong(box, text):
    refused(call(box, text))
    nothing_ran(box)


cases_of({
    "wave-few": "add(1)", "wave-many": "add(1,2,3)", "wave-open": "add(1,2",
    "wave-type": 'add(1,"x")', "wave-range": "add(4294967296,0)",
    "wave-more": "add(1,2)x", "wave-char": "echo-char('ab')",
    "wave-deep": "echo-texts(" + "[" * 5000 + ")",
}, wave_wrong)


@case
def arguments_too_long(box):
    result = call(box, "greet", json.dumps(["x" * (100 * 1024)]))
    equal(result.code, 0, result.args[:3])
    result = call(box, "greet(\"" + "x" * (100 * 1024) + "\")")
    equal(result.code, 0, result.args[:3])


# -- which function

@case
def an_unknown_function_names_the_nearest(box):
    for near, want in (("ad", "add"), ("gret", "greet"),
                       ("echo-u16", "echo-u64")):
        result = call(box, near)
        refused(result, f'no function "{near}"', want, "writ inspect")
    result = call(box, "completely-else")
    refused(result, 'no function "completely-else"; writ inspect')
    check(len(result.error) < 400, result)


@case
def an_ambiguous_function_names_each(box):
    path = assemble(box, TWICE)
    result = call(box, "same", component=path)
    refused(result, "several", "t:t/a@0.1.0#same", "t:t/b@0.1.0#same")
    check("#other" not in result.error, result)
    for name, want in (("t:t/a#same", "1"), ("t:t/b@0.1.0#same", "2"),
                       ("other", "2")):
        result = call(box, name, component=path)
        equal((result.code, result.text), (0, want + "\n"), result)


@case
def a_program_is_called_by_run_too(box):
    result = call(box, "run", component=box.guest("hello-c"))
    equal((result.code, result.text), (0, "hello from c\n"), result)


@case
def no_function_no_file_no_sense(box):
    for args in ([], [typed(box)], ["none.wasm", "f"],
                 [typed(box), "add", "[1,2]", "more"],
                 [typed(box), "add(1,2)", "[1,2]"], [typed(box), "(1,2)"]):
        result = box.writ("call", *args)
        equal((result.code, result.out), (REFUSED, b""), result)
        one_sentence(result)


# -- how it ends

@case
def err_is_1_and_told_apart(box):
    result = call(box, "check", [""])
    equal((result.code, result.out), (1, b""), result)
    check('"empty"' in result.error, result)
    record = json.loads(call(box, "open", ["x"], "--json").text)
    equal((record["ending"], record["exit_code"], record["is_err"],
           record["value"]), ("ok", 1, True, "green"), record)
    result = call(box, "divide", [str(-2 ** 63), -1])
    equal(result.code, 1, result)
    end = verify_audit(record["audit"])[-2]
    equal((end["type"], end["outcome"]), ("call-end", "err"), end)


@case
def a_trap(box):
    result = call(box, "trap")
    equal((result.code, result.out), (TRAP, b""), result)
    one_sentence(result)
    record = json.loads(call(box, "trap", None, "--json").text)
    equal((record["ending"], record.get("value")), ("trap", None), record)
    types = [(r["type"], r.get("outcome")) for r in
             verify_audit(record["audit"])]
    equal(types[-2:], [("call-end", "trapped"), ("session-end", "trapped")])


@case
def exit_within_a_call(box):
    for well, code in ((True, 0), (False, 1)):
        record = json.loads(call(box, "leave", [well], "--json").text)
        equal((record["ending"], record["exit_code"], record.get("value")),
              ("exit", code, None), record)


def limited(box, row):
    limits, name, function, arguments = row
    path = box.writ_file("limits: { " + limits + " }\n")
    result = call(box, function, arguments, "-w", path, "--json")
    record = json.loads(result.text)
    equal((result.code, record["ending"], record["limit"],
           record.get("value")), (LIMIT, "limit", name, None), result)
    check("limit" in record["message"], record)
    end = verify_audit(record["audit"])
    equal([r["type"] for r in end[-3:]], ["limit", "call-end",
                                          "session-end"])
    equal(end[-2]["outcome"], "limit")


cases_of({
    "time": ("time: 300ms", "time", "spin", None),
    "cpu": ("cpu: 200ms", "cpu", "spin", None),
    "memory": ("memory: 1MiB", "memory", "fill", [8 << 20]),
    "result": ("memory: 256MiB", "hostcall", "fill", [100 << 20]),
}, limited)


@case
def state_is_not_kept_between_calls(box):
    for n in (5, 6):
        result = call(box, "remember", [n])
        equal(result.text, "0\n", result)


# -- what a call may do

@case(users=BOTH)
def grants_hold_within_a_call(box):
    folder = box.dir("work/notes")
    box.file("work/notes/a.md", "# One\n")
    result = call(box, "run", None, "--dir", f"{folder}::/notes",
                  component=box.guest("mdindex-c"))
    check(result.code in (0, 1), result)
    result = call(box, "run", None, component=box.guest("ambient-c"))
    equal(result.code, 0, result)
    check("environment: nothing" in result.text and
          "passwd: refused" in result.text, result)


@case
def a_call_is_on_record(box):
    result = call(box, "greet", ["hush-hush"])
    equal(result.code, 0, result)
    (path,) = box.audits()
    records = verify_audit(path)
    equal([r["type"] for r in records if r["type"] != "wall"],
          ["session-start", "call-start", "call-end", "session-end"])
    start, end = records[-3], records[-2]
    equal((start["call"], start["function"], start["client"],
           start["parent"]), (1, "greet", None, None), start)
    check(start["args"].startswith("sha256:"), start)
    equal((end["call"], end["outcome"], end["reason"]), (1, "ok", None), end)
    with open(path, encoding="utf-8") as file:
        check("hush-hush" not in file.read())


# -- what one can know before

@case
def inspect_shows_signatures_and_schemas(box):
    result = box.writ("inspect", typed(box))
    equal(result.code, 0, result)
    check("add: func(a: u32, b: u32) -> u32" in result.text, result)
    told = json.loads(box.writ("inspect", "--json", typed(box)).text)
    found = {}
    for e in told["exports"]:
        for f in [e, *e.get("functions", [])]:
            if "export" in f:
                found[f["export"]] = f
    add = found["add"]["input"]
    equal(add["required"], ["a", "b"])
    equal(add["additionalProperties"], False)
    equal(add["properties"]["a"], {"type": "integer", "minimum": 0,
                                   "maximum": 4294967295})
    equal(found["check"]["error"]["type"], "string")
    wide = found["writ:test/values@0.1.0#echo-u64"]["input"]
    shapes = wide["properties"]["n"]["anyOf"]
    equal({s["type"] for s in shapes}, {"integer", "string"})


@case
def inspect_prints_schemas(box):
    result = box.writ("inspect", "--schema", typed(box))
    equal(result.code, 0, result)
    for word in ("add: func(a: u32, b: u32) -> u32", '"maximum":4294967295',
                 "writ:test/values@0.1.0#echo-bytes", "base64"):
        check(word in result.text, f"no {word!r}", result)
    for n in ("arguments ", "returns ", "error "):
        for line in result.text.splitlines():
            if line.strip().startswith(n):
                json.loads(line.strip()[len(n):])

#!/usr/bin/env python3
"""make.py FOLDER - writes the raw test components as WebAssembly text.

Each exports wasi:cli/run@0.2.0 and does one thing that no honest toolchain
emits.  Status 0: what it tried ended as it must (a typed refusal, or nothing
came of it); status 1: it got what it must not get.  Those marked "traps" must
never return.
"""
import os
import sys

IO = """
  (import "wasi:io/error@0.2.0" (instance $error
    (export "error" (type (sub resource)))))
  (alias export $error "error" (type $error-t))
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))
    (export "poll" (func (param "in" (list (borrow $p)))
      (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "error" (type $e (eq $error-t)))
    (export "output-stream" (type (sub resource)))
    (export "input-stream" (type (sub resource)))))
  (alias export $streams "output-stream" (type $output))
  (alias export $streams "input-stream" (type $input))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (export "output-stream" (type $o (eq $output)))
    (export "get-stdout" (func (result (own $o))))))
  (import "wasi:cli/stdin@0.2.0" (instance $stdin
    (export "input-stream" (type $i (eq $input)))
    (export "get-stdin" (func (result (own $i))))))
"""
OUT = [("get-stdout", "(result i32)", "func $stdout \"get-stdout\""),
       ("get-stdin", "(result i32)", "func $stdin \"get-stdin\""),
       ("drop-out", "(param i32)", "resource.drop $output"),
       ("drop-in", "(param i32)", "resource.drop $input")]
CLOCK = IO + """
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (export "pollable" (type $p (eq $pollable)))
    (export "subscribe-duration" (func (param "when" u64)
      (result (own $p))))))
"""
SLEEP = [("sleep", "(param i64) (result i32)",
          "func $clock \"subscribe-duration\""),
         ("block", "(param i32)", "func $poll \"[method]pollable.block\""),
         ("poll", "(param i32 i32 i32)", "func $poll \"poll\""),
         ("drop-p", "(param i32)", "resource.drop $pollable")]
RANDOM = """
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-bytes" (func (param "len" u64)
      (result (list u8))))))
"""
LOGGING = """
  (import "wasi:logging/logging" (instance $logging
    (type $l (enum "trace" "debug" "info" "warn" "error" "critical"))
    (export "level" (type $level (eq $l)))
    (export "log" (func (param "level" $level) (param "context" string)
      (param "message" string)))))
"""
LOG = [("log", "(param i32 i32 i32 i32 i32)", "func $logging \"log\"")]
ENV = """
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-arguments" (func (result (list string))))))
"""
NET = """
  (import "wasi:sockets/network@0.2.0" (instance $network
    (type $c (enum "unknown" "access-denied" "not-supported"
      "invalid-argument" "out-of-memory" "timeout" "concurrency-conflict"
      "not-in-progress" "would-block" "invalid-state" "new-socket-limit"
      "address-not-bindable" "address-in-use" "remote-unreachable"
      "connection-refused" "connection-reset" "connection-aborted"
      "datagram-too-large" "name-unresolvable"
      "temporary-resolver-failure" "permanent-resolver-failure"))
    (export "error-code" (type (eq $c)))
    (type $f (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type (eq $f)))))
  (alias export $network "error-code" (type $net-error))
  (alias export $network "ip-address-family" (type $family))
  (import "wasi:sockets/tcp@0.2.0" (instance $tcp
    (export "tcp-socket" (type (sub resource)))))
  (alias export $tcp "tcp-socket" (type $tcp-socket))
  (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $create
    (export "error-code" (type $e (eq $net-error)))
    (export "ip-address-family" (type $f (eq $family)))
    (export "tcp-socket" (type $s (eq $tcp-socket)))
    (export "create-tcp-socket" (func (param "address-family" $f)
      (result (result (own $s) (error $e)))))))
"""
KEYVALUE = """
  (import "wasi:keyvalue/store@0.2.0-draft2" (instance $store
    (type $v (variant (case "no-such-store") (case "access-denied")
      (case "other" string)))
    (export "error" (type $e (eq $v)))
    (export "bucket" (type $b (sub resource)))
    (export "open" (func (param "identifier" string)
      (result (result (own $b) (error $e)))))))
"""

# name: (what it is, component imports, lowered functions, core body)
CASES = {
    "empty-run": ("does nothing, imports nothing", "", [], "i32.const 0"),
    "start-loop": ("never leaves its start function (RES-02)", "", [],
                   "i32.const 1"),
    "grow-memories": ("grows eight memories as far as they go (RES-03)", "",
                      [], "\n".join(
                          f"(loop (br_if 0 (i32.ne (memory.grow $m{i} "
                          f"(i32.const 64)) (i32.const -1))))"
                          for i in range(8)) + " i32.const 0"),
    "table-grow": ("grows a table by 2^32 - 1 (RES-04)", "", [],
                   "(i32.ne (table.grow $t (ref.null func) (i32.const -1))"
                   " (i32.const -1))"),
    "table-step": ("grows a table until refused (RES-04)", "", [],
                   "(loop (br_if 0 (i32.ne (table.grow $t (ref.null func) "
                   "(i32.const 65536)) (i32.const -1)))) i32.const 0"),
    "forged-handle": ("drops a handle it never had; traps (CMP-03)", IO, OUT,
                      "(call $drop-out (i32.const 12345)) i32.const 1"),
    "handle-zero": ("drops handle 0; traps (CMP-03)", IO, OUT,
                    "(call $drop-out (i32.const 0)) i32.const 1"),
    "double-drop": ("drops a handle twice; traps (CMP-03)", IO, OUT,
                    "(local $h i32) (local.set $h (call $get-stdout)) "
                    "(call $drop-out (local.get $h)) "
                    "(call $drop-out (local.get $h)) i32.const 1"),
    "wrong-type": ("drops an input as an output; traps (CMP-03)", IO, OUT,
                   "(call $drop-out (call $get-stdin)) i32.const 1"),
    "drop-blocked": ("blocks on a dropped pollable; traps (CMP-03)", CLOCK,
                     SLEEP, "(local $h i32) "
                     "(local.set $h (call $sleep (i64.const 1))) "
                     "(call $drop-p (local.get $h)) "
                     "(call $block (local.get $h)) i32.const 1"),
    "many-handles": ("takes a million handles; limit or trap (RES-06)", IO,
                     OUT, "(local $n i32) (loop (drop (call $get-stdout)) "
                     "(local.set $n (i32.add (local.get $n) (i32.const 1))) "
                     "(br_if 0 (i32.lt_u (local.get $n) "
                     "(i32.const 1000000)))) i32.const 1"),
    "poll-empty": ("polls an empty list; traps", CLOCK, SLEEP,
                   "(call $poll (i32.const 0) (i32.const 0) "
                   "(i32.const 1024)) i32.const 1"),
    "poll-outside": ("polls a list outside its memory; traps", CLOCK, SLEEP,
                     "(call $poll (i32.const -16) (i32.const 1000) "
                     "(i32.const 1024)) i32.const 1"),
    "sleep-million": ("sleeps a million times (RES-11)", CLOCK, SLEEP,
                      "(local $n i32) (local $h i32) (loop "
                      "(local.set $h (call $sleep (i64.const 1))) "
                      "(call $block (local.get $h)) "
                      "(call $drop-p (local.get $h)) "
                      "(local.set $n (i32.add (local.get $n) (i32.const 1))) "
                      "(br_if 0 (i32.lt_u (local.get $n) "
                      "(i32.const 1000000)))) i32.const 0"),
    "poll-many": ("polls ten thousand sleeps at once (RES-11)", CLOCK, SLEEP,
                  "(local $n i32) (loop "
                  "(i32.store (i32.add (i32.const 65536) (i32.shl "
                  "(local.get $n) (i32.const 2))) "
                  "(call $sleep (i64.const 1000000))) "
                  "(local.set $n (i32.add (local.get $n) (i32.const 1))) "
                  "(br_if 0 (i32.lt_u (local.get $n) (i32.const 10000)))) "
                  "(call $poll (i32.const 65536) (i32.const 10000) "
                  "(i32.const 1024)) i32.const 0"),
    "sleep-forever": ("sleeps 2^63 ns: the time limit ends it", CLOCK, SLEEP,
                      "(call $block (call $sleep (i64.const "
                      "0x7fffffffffffffff))) i32.const 0"),
    "random-huge": ("asks for 2^40 random bytes; traps (RES-08)", RANDOM,
                    [("bytes", "(param i64 i32)",
                      "func $random \"get-random-bytes\"")],
                    "(call $bytes (i64.const 0x10000000000) "
                    "(i32.const 1024)) i32.const 1"),
    "realloc-outside": ("its realloc points outside memory; traps", ENV,
                        [("args", "(param i32)",
                          "func $environment \"get-arguments\"")],
                        "(call $args (i32.const -8)) i32.const 1"),
    "log-outside": ("logs a string outside its memory; traps (CMP-04)",
                    LOGGING, LOG, "(call $log (i32.const 2) (i32.const 16) "
                    "(i32.const 4) (i32.const -4) (i32.const 100)) "
                    "i32.const 1"),
    "log-huge": ("logs a string of 2^31 bytes; traps (CMP-04)", LOGGING, LOG,
                 "(call $log (i32.const 2) (i32.const 16) (i32.const 4) "
                 "(i32.const 16) (i32.const 0x7fffffff)) i32.const 1"),
    "log-utf8": ("logs bytes that are no UTF-8; traps (CMP-04)", LOGGING, LOG,
                 "(i32.store (i32.const 32) (i32.const 0xfffefffe)) "
                 "(call $log (i32.const 2) (i32.const 16) (i32.const 0) "
                 "(i32.const 32) (i32.const 4)) i32.const 1"),
    "log-level": ("logs at level 250 of 6; traps (CMP-05)", LOGGING, LOG,
                  "(call $log (i32.const 250) (i32.const 16) (i32.const 0) "
                  "(i32.const 16) (i32.const 0)) i32.const 1"),
    "log-flood": ("logs ten million lines (RES-12)", LOGGING, LOG,
                  "(local $n i32) (loop (call $log (i32.const 2) "
                  "(i32.const 16) (i32.const 8) (i32.const 16) "
                  "(i32.const 100)) (local.set $n (i32.add (local.get $n) "
                  "(i32.const 1))) (br_if 0 (i32.lt_u (local.get $n) "
                  "(i32.const 10000000)))) i32.const 0"),
    "log-one": ("logs one line", LOGGING, LOG,
                "(i32.store (i32.const 16) (i32.const 0x216f6c48)) "
                "(call $log (i32.const 2) (i32.const 16) (i32.const 4) "
                "(i32.const 16) (i32.const 4)) i32.const 0"),
    "tcp-create": ("makes a TCP socket; refused (AMB-06)", NET,
                   [("tcp", "(param i32 i32)",
                     "func $create \"create-tcp-socket\"")],
                   "(call $tcp (i32.const 0) (i32.const 1024)) "
                   "(i32.eqz (i32.load8_u (i32.const 1024)))"),
    "tcp-family": ("makes a socket of family 9 of 2; traps (CMP-05)", NET,
                   [("tcp", "(param i32 i32)",
                     "func $create \"create-tcp-socket\"")],
                   "(call $tcp (i32.const 9) (i32.const 1024)) i32.const 1"),
    "keyvalue-open": ("opens the bucket `default`; refused (AMB-09)", KEYVALUE,
                      [("open", "(param i32 i32 i32)",
                        "func $store \"open\"")],
                      "(i64.store (i32.const 16) (i64.const "
                      "0x746c7561666564)) (call $open (i32.const 16) "
                      "(i32.const 7) (i32.const 1024)) "
                      "(i32.eqz (i32.load8_u (i32.const 1024)))"),
    "unknown-import": ("imports foo:bar/baz; refused at start (AMB-08)",
                       '  (import "foo:bar/baz" (instance (export "f" '
                       '(func))))\n  (import "foo:bar/qux@1.2.3" (instance '
                       '(export "g" (func))))\n', [], "i32.const 1"),
    "version-skew": ("imports wasi:random@0.3.99; refused (CMP-08)",
                     '  (import "wasi:random/random@0.3.99" (instance '
                     '(export "get-random-u64" (func (result u64)))))\n',
                     [], "i32.const 1"),
    "wrong-shape": ("imports get-random-u64 with a wrong type; refused",
                    '  (import "wasi:random/random@0.2.0" (instance '
                    '(export "get-random-u64" (func (param "x" string) '
                    '(result u64)))))\n', [], "i32.const 1"),
}
REALLOC = {
    "realloc-outside": "i32.const -16",
    # a bump allocator; asks the engine for what it lacks
    "": "(local $at i32) (local.set $at (i32.and (i32.add (global.get $next) "
        "(i32.const 15)) (i32.const -16))) (global.set $next (i32.add "
        "(local.get $at) (local.get 3))) (local.get $at)",
}
EXTRA = {
    "start-loop": "(func $start (loop (br 0))) (start $start)",
    "grow-memories": " ".join(f"(memory $m{i} 1)" for i in range(8)),
    "table-grow": "(table $t 1 funcref)",
    "table-step": "(table $t 1 funcref)",
}


def component(name):
    what, imports, functions, body = CASES[name]
    lowered = exported = imported = ""
    for func, signature, source in functions:
        canon = f"(canon {source})"
        if source.startswith("func"):
            lowered += f"  (alias export {source[5:]} (func ${func}-c))\n"
            canon = (f"(canon lower (func ${func}-c) (memory $memory) "
                     "(realloc $realloc))")
        lowered += f"  (core func ${func} {canon})\n"
        exported += f"    (export \"{func}\" (func ${func}))\n"
        imported += (f"    (import \"env\" \"{func}\" "
                     f"(func ${func} {signature}))\n")
    # start-loop and the growing ones bring memories of their own
    memory = "" if name == "grow-memories" else (
        "    (import \"env\" \"memory\" (memory 4))\n")
    realloc = REALLOC.get(name, REALLOC[""])
    return f""";; {name}: {what}
(component
{imports}  (core module $libc
    (memory (export "memory") 4)
    (global $next (mut i32) (i32.const 131072))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      {realloc}))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
{lowered}  (core module $main
{memory}{imported}    {EXTRA.get(name, "")}
    (func (export "run") (result i32) {body}))
  (core instance $main (instantiate $main (with "env" (instance
    (export "memory" (memory $memory))
{exported}  ))))
  (alias core export $main "run" (core func $core-run))
  (func $run (result (result)) (canon lift (core func $core-run)))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))
"""


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name in CASES:
        path = os.path.join(folder, name + ".wat")
        with open(path, "w", encoding="utf-8") as file:
            file.write(component(name))
    with open(os.path.join(folder, "empty.wat"), "w",
              encoding="utf-8") as file:
        file.write("(component)\n")
    print(" ".join(["empty", *CASES]))


main()

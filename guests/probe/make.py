#!/usr/bin/env python3
"""make.py FOLDER - the raw components that only the probes need, as text.

Built on the template of ../wat/make.py; status 0 and traps mean the same.
"""
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def template(folder):
    """../wat/make.py as a module; it writes its own cases into FOLDER/base."""
    base = os.path.join(folder, "base")
    spec = importlib.util.spec_from_file_location(
        "wat_make", os.path.join(HERE, "..", "wat", "make.py"))
    module = importlib.util.module_from_spec(spec)
    argv, out = sys.argv, sys.stdout
    sys.argv = ["make.py", base]
    with open(os.devnull, "w", encoding="utf-8") as quiet:
        sys.stdout = quiet
        spec.loader.exec_module(module)
    sys.argv, sys.stdout = argv, out
    return module


LOOKUP = """
  (import "wasi:sockets/instance-network@0.2.0" (instance $instance
    (export "network" (type $n (eq $network-t)))
    (export "instance-network" (func (result (own $n))))))
  (import "wasi:sockets/ip-name-lookup@0.2.0" (instance $lookup
    (export "network" (type $n (eq $network-t)))
    (export "error-code" (type $e (eq $net-error)))
    (export "resolve-address-stream" (type $s (sub resource)))
    (export "resolve-addresses" (func (param "network" (borrow $n))
      (param "name" string) (result (result (own $s) (error $e)))))))
"""


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    wat = template(folder)
    network = wat.NET.split('(alias export $network "error-code"', 1)
    network = (network[0].replace(
        '(export "error-code"',
        '(export "network" (type (sub resource)))\n    (export "error-code"') +
        '(alias export $network "network" (type $network-t))\n'
        '  (alias export $network "error-code"' +
        network[1].split("(import", 1)[0])
    cases = {
        "ip-lookup": ("resolves a name; refused (AMB-07)", network + LOOKUP, [
            ("net", "(result i32)", 'func $instance "instance-network"'),
            ("resolve", "(param i32 i32 i32 i32)",
             'func $lookup "resolve-addresses"')],
            "(i64.store (i32.const 16) (i64.const 0x7473657474657374)) "
            "(call $resolve (call $net) (i32.const 16) (i32.const 8) "
            "(i32.const 1024)) (i32.eqz (i32.load8_u (i32.const 1024)))"),
        "drop-once": ("drops a handle once: the control of CMP-03", wat.IO,
                      wat.OUT, "(call $drop-out (call $get-stdout)) "
                      "(call $drop-in (call $get-stdin)) i32.const 0"),
        "few-handles": ("takes ten handles: the control of RES-06", wat.IO,
                        wat.OUT, "(local $n i32) (loop (drop "
                        "(call $get-stdout)) (local.set $n (i32.add "
                        "(local.get $n) (i32.const 1))) (br_if 0 (i32.lt_u "
                        "(local.get $n) (i32.const 10)))) i32.const 0"),
        "random-few": ("asks for 16 random bytes: a control", wat.RANDOM,
                       [("bytes", "(param i64 i32)",
                         'func $random "get-random-bytes"')],
                       "(call $bytes (i64.const 16) (i32.const 1024)) "
                       "(i32.ne (i32.load (i32.const 1028)) (i32.const 16))"),
        "args-read": ("reads its arguments: a control", wat.ENV,
                      [("args", "(param i32)",
                        'func $environment "get-arguments"')],
                      "(call $args (i32.const 64)) i32.const 0"),
        "reenter": ("calls out from its realloc; traps (CMP-06)", wat.ENV,
                    [("args", "(param i32)",
                      'func $environment "get-arguments"')],
                    "(call $args (i32.const 64)) i32.const 1"),
        "realloc-loop": ("never leaves its realloc (RES-02)", wat.ENV,
                         [("args", "(param i32)",
                           'func $environment "get-arguments"')],
                         "(call $args (i32.const 64)) i32.const 1"),
        "post-loop": ("never leaves its post-return (RES-02)", "", [],
                      "i32.const 0"),
        "log-200m": ("logs a string of 200 MiB (RES-07)", wat.LOGGING,
                     wat.LOG, "(drop (memory.grow (i32.const 4000))) "
                     "(call $log (i32.const 2) (i32.const 16) (i32.const 0) "
                     "(i32.const 0) (i32.const 209715200)) i32.const 1"),
        "table-few": ("grows a table by 16: the control of RES-04", "", [],
                      "(i32.eq (table.grow $t (ref.null func) "
                      "(i32.const 16)) (i32.const -1))"),
        "ansi-trap": ("traps in a function with a hostile name (CMP-12)", "",
                      [], "(call $evil) i32.const 1"),
        "shadow": ("exports an interface of the host's name (CMP-07)",
                   wat.RANDOM, [("bytes", "(param i64 i32)",
                                 'func $random "get-random-bytes"')],
                   "(call $bytes (i64.const 16) (i32.const 1024)) "
                   "(i32.ne (i32.load (i32.const 1028)) (i32.const 16))"),
        "off-shared": ("has a shared memory (CMP-10)", "", [],
                       "i32.const 1"),
        "off-atomics": ("uses an atomic instruction (CMP-10)", "", [],
                        "(i32.atomic.load (i32.const 0))"),
        "off-memory64": ("has a 64-bit memory (CMP-10)", "", [],
                         "i32.const 1"),
        "off-exceptions": ("throws (CMP-10)", "", [],
                           "(throw $tag)"),
        "off-gc": ("makes a GC struct (CMP-10)", "", [],
                   "(drop (struct.new_default $s)) i32.const 1"),
        "simd": ("SIMD loads at the edge of memory; traps (CMP-11)", "", [],
                 "(drop (v128.load (i32.const 262136))) i32.const 1"),
        "simd-in": ("SIMD loads inside memory: the control of CMP-11", "", [],
                    "(drop (v128.load (i32.const 262128))) i32.const 0"),
        "load-wrap": ("loads at 2^32 - 1 + offset; traps (CMP-11)", "", [],
                      "(drop (i64.load offset=4294967295 (i32.const -1))) "
                      "i32.const 1"),
    }
    wat.EXTRA.update({
        "table-few": "(table $t 1 funcref)",
        "ansi-trap": '(func $evil (@name "\\1b[31mred\\07\\1b]0;title\\07\\n'
                     'INJECTED") unreachable)',
        "off-shared": "(memory $shared 1 1 shared)",
        "off-memory64": "(memory $wide i64 1)",
        "off-exceptions": "(tag $tag)",
        "off-gc": "(type $s (struct (field i32)))",
    })
    wat.REALLOC["realloc-loop"] = "(loop (br 0)) unreachable"
    wat.CASES = cases
    for name in cases:
        text = wat.component(name)
        if name == "reenter":
            text = reenter(text)
        if name == "post-loop":
            text = post_loop(text)
        if name == "shadow":
            text = text.replace(
                '  (export "wasi:cli/run@0.2.0"',
                '  (func $own (param "len" u64) (result (list u8)) '
                '(canon lift (core func $libc-own) (memory $memory) '
                '(realloc $realloc)))\n'
                '  (instance $mine (export "get-random-bytes" (func $own)))\n'
                '  (export "wasi:random/random@0.2.0" (instance $mine))\n'
                '  (export "wasi:cli/run@0.2.0"').replace(
                '    (func (export "realloc")',
                '    (func (export "own") (param i64) (result i32) '
                'unreachable)\n    (func (export "realloc")').replace(
                '  (alias core export $libc "realloc"',
                '  (alias core export $libc "own" (core func $libc-own))\n'
                '  (alias core export $libc "realloc"')
        with open(os.path.join(folder, name + ".wat"), "w",
                  encoding="utf-8") as file:
            file.write(text)
    print(" ".join(cases))


def reenter(text):
    """Its realloc comes from a module that imports a host function: through a
    table that the main module fills, so that the cycle can be tied."""
    text = text.replace(
        '(memory (export "memory") 4)',
        '(memory (export "memory") 4)\n'
        '    (table (export "table") 1 funcref)\n'
        '    (type $out (func (param i32)))')
    text = text.replace('(local $at i32)',
                        '(local $at i32) (call_indirect (type $out) '
                        '(i32.const 512) (i32.const 0))', 1)
    text = text.replace('    (import "env" "memory" (memory 4))\n',
                        '    (import "env" "memory" (memory 4))\n'
                        '    (import "env" "table" (table 1 funcref))\n')
    text = text.replace('    (func (export "run")',
                        '    (elem (i32.const 0) func $args)\n'
                        '    (func (export "run")')
    return text.replace('    (export "memory" (memory $memory))\n',
                        '    (export "memory" (memory $memory))\n'
                        '    (export "table" (table $libc "table"))\n')


def post_loop(text):
    text = text.replace(
        '    (func (export "run")',
        '    (func (export "post") (param i32) (loop (br 0)))\n'
        '    (func (export "run")')
    text = text.replace(
        '  (alias core export $main "run" (core func $core-run))\n',
        '  (alias core export $main "run" (core func $core-run))\n'
        '  (alias core export $main "post" (core func $post))\n')
    return text.replace('(canon lift (core func $core-run))',
                        '(canon lift (core func $core-run) '
                        '(post-return (core func $post)))')


main()

#!/usr/bin/env python3
"""code-check.py WASMTIME DIR - the code tools under the reference: each case
is code, and what must stand in the answer ("!" before it: must not)."""
import json
import os
import subprocess
import sys
import tempfile

BIG = 300 << 10
PYTHON = [
    ("1+1", 'value: some("2")'),
    ("print('a'); import sys; print('b', file=sys.stderr); print('c')",
     r'"a\nb\nc\n"', "!value"),
    ("def f():\n    return 1/0\nf()", "line 3, in <module>", "line 2, in f",
     "ZeroDivisionError", "!code_py.py"),
    ("print(1\nx = 3", "line 1", "was never closed"),
    ("def f(n): return f(n+1)\nf(0)", "RecursionError"),
    ("import sys; sys.setrecursionlimit(10 ** 6)\n"
     "def f(n): return max([n], key=lambda x: f(n + 1))\nf(0)",
     "RecursionError"),
    ("x = []\nwhile True: x.append('a' * (1 << 26))", "MemoryError"),
    ("raise SystemExit(3)", "SystemExit: 3"),
    ("import sys; sys.exit()", "!error"),
    (f"print('x' * {BIG})", "output cut"),
    (f"'x' * {BIG}", "value cut"),
    ("import asyncio\nawait asyncio.sleep(0.01, 7)", 'some("7")'),
    ("import asyncio\nasync def f(): return 5\nasyncio.run(f())",
     'some("5")'),
    ("await __import__('asyncio').Future()", "awaits what nothing"),
    ("import urllib.request as u; u.urlopen('http://h')", "no network"),
    ("import socket; socket.create_connection(('h', 1))", "no network"),
    ("import kv; kv.get('a')", "no key-value store"),
    ("import sqlite3\n"
     "sqlite3.connect(':memory:').execute('select 4').fetchall()", "[(4,)]"),
    ("import threading; threading.Thread(target=print).start()",
     "start new thread"),
    ("import subprocess; subprocess.run(['ls'])", "does not support"),
    ("open('/work/p.txt', 'w').write('hi'); open('/work/p.txt').read()",
     "'hi'"),
    ("open('/etc/passwd')", "FileNotFoundError"),
    ("import os; dict(os.environ)", "{}"),
    ("input()", "EOFError"),
]
# What Python's own build for WebAssembly lacks (docs/CODE-TOOLS.md).
LACKING = """
bz2 ctypes curses ensurepip fcntl grp idlelib lzma mmap msvcrt nt pty pwd
readline resource ssl syslog termios tkinter tty turtle turtledemo venv winreg
winsound
""".split()
MODULES = f"""
import sys
lacking = set({LACKING})
names = [n for n in sys.stdlib_module_names if n not in lacking
         and n[0] != "_" and n not in ("antigravity", "this")]
bad = []
for name in names:
    try:
        __import__(name)
    except BaseException as error:
        bad.append((name, str(error)))
bad
"""
PYTHON.append((MODULES, 'some("[]")'))
JAVASCRIPT = [
    ("1+1", 'value: some("2")'),
    ("console.log('a %d', 1); console.error({b: [2]})",
     r'"a 1\n{ b: [ 2 ] }\n"', "!value"),
    ("const x = 4; let {a, b = 2} = {a: 1}; class C {} ; [x, a, b, C]",
     "[ 4, 1, 2, [class: C] ]"),
    ("\nfunction f() {\n  throw new TypeError('no')\n}\nf()",
     "TypeError: no", "at f (<code>:3)", "at <top> (<code>:5)"),
    ("foo(\n  bar", "SyntaxError", "<code>:2"),
    ("function f(n) { return f(n + 1) }; f(0)", "RangeError"),
    ("const f = (n) => f(n + 1); f(0)", "RangeError"),
    ("const a = []; for (;;) a.push(new Uint8Array(1 << 26))",
     "out of memory"),
    ("const e = new Error('round'); e.cause = e; throw e", "round"),
    ("throw { get x() { throw 1 } }", "Uncaught { x: [Getter] }"),
    ("throw new Proxy({}, { ownKeys() { throw 1 } })", "cannot be shown"),
    ("const e = new Error(); e.toString = () => { throw 1 }; throw e",
     "cannot be shown"),
    ("new Proxy([], { get() { throw new Error('never') } })", "never"),
    ("let n = 0; for (let i = 0; i < 2000; i++) "
     "try { [0].map((x) => x.y.z()) } catch { n++ } n", 'some("2000")'),
    (f"console.log('x'.repeat({BIG}))", "output cut"),
    ("await new Promise((r) => setTimeout(() => r(7), 5))", 'some("7")'),
    ("const g = async (x) => { await 0; return x + 1 };\n"
     "async function* h() { yield 1; await 0; yield 2 }\n"
     "let s = 0; for await (const v of h()) s += v;\n"
     "for await (const v of [g(1), 3]) s += v; s", 'some("8")'),
    ("class K { static async s() { return 3 }\n"
     "async m() { return this.z } z = 4 }\n"
     "await Promise.all([K.s(), new K().m()])", "[ 3, 4 ]"),
    ("class A { m(x) { return x } get g() { return 5 } }\n"
     "class B extends A { async m(x, y) { const f = async () => super.g;\n"
     "  return [await super.m(x), super.g, await f(), y] } async e() {} }\n"
     "await new B().e(); await new B().m(1, 2)", "[ 1, 5, 5, 2 ]"),
    ("#!/usr/bin/env node\nlet a; let b, c = 3; (a = 1, [a, b, c])",
     "[ 1, undefined, 3 ]"),
    ("let s = ''; for await (const [k, v] of ([[1, 2], [3, 4]])) { s += k + v }"
     "\n(s); // the end", '"37'),
    ("(function () { return 8 }());", 'some("8")'),
    ("await new Promise(() => {})", "awaits what nothing"),
    ("Promise.reject(new Error('lost'))", "Unhandled rejection", "lost"),
    ("await fetch('http://h')", "no network"),
    ("require('kv').get('a')", "no key-value store"),
    ("import x from 'child_process'", "no module"),
    ("import fs, {readFileSync as r} from 'fs'; "
     "fs.writeFileSync('/work/j.txt', 'h\u00e9');"
     "fs.appendFileSync('/work/j.txt', '!');"
     "[r('/work/j.txt', 'utf8'), fs.statSync('/work/j.txt').size]",
     "h\u00e9!", ", 4 ]"),
    ("require('fs').mkdirSync('/work/a/b', {recursive: true}); "
     "const n = require('fs').readdirSync('/work/a'); "
     "require('fs').rmSync('/work/a', {recursive: true}); n", "b"),
    ("require('fs').readFileSync('/etc/passwd')", "ENOENT", "mounts: /work"),
    ("require('fs').readFileSync('/work/../etc/passwd')", "ENOENT"),
]
FRESH = [
    ("code-py", "import random; random.random()"),
    ("code-py", "import secrets; secrets.token_hex()"),
    ("code-py", "import uuid; uuid.uuid4().hex"),
    ("code-js", "Math.random()"),
    ("code-js", "crypto.randomUUID()"),
]


def run(wasmtime, ready, work, tool, code):
    name = "run-python" if tool == "code-py" else "run-javascript"
    call = f"{name}({json.dumps(code, ensure_ascii=False)})"
    done = subprocess.run(
        [wasmtime, "run", "--allow-precompiled",
         "-W", "max-memory-size=300000000", "--dir", f"{work}::/work",
         "--invoke", call, ready[tool]],
        capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr


def wrong(answer, wanted):
    for want in wanted:
        if want.startswith("!"):
            if want[1:] in answer:
                return f"has {want[1:]!r}"
        elif want not in answer and \
                want.replace("\\", "\\\\") not in answer and \
                want.replace("'", "\\'") not in answer:
            return f"lacks {want!r}"
    return None


def main(wasmtime, out):
    failed = 0
    with tempfile.TemporaryDirectory() as work:
        ready = {}
        for tool in "code-py", "code-js":
            ready[tool] = os.path.join(work, tool + ".cwasm")
            subprocess.run([wasmtime, "compile", "-o", ready[tool],
                            os.path.join(out, tool + ".wasm")], check=True)
        for tool, cases in ("code-py", PYTHON), ("code-js", JAVASCRIPT):
            for code, *wanted in cases:
                answer = run(wasmtime, ready, work, tool, code)
                why = wrong(answer, wanted)
                if why:
                    failed += 1
                    print(f"{tool}: {code[:200]!r}\n  {why}: {answer[:600]}")
        for tool, code in FRESH:
            answers = {run(wasmtime, ready, work, tool, code)
                       for _ in range(3)}
            if len(answers) != 3:
                failed += 1
                print(f"{tool}: {code!r} is the same in fresh instances")
    total = len(PYTHON) + len(JAVASCRIPT) + len(FRESH)
    print(f"code-check: {total} cases, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

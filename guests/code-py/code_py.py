"""run-python: runs the code it is given, as a REPL would."""
import ast
import builtins
import gc
import linecache
import os
import random
import sys
import traceback
import types

import wit_world

import bundle
import loop

CODE_MAX = 1 << 20
OUTPUT_MAX = 256 << 10
VALUE_MAX = 64 << 10
ERROR_MAX = 16 << 10
# Frames of one traceback that are shown.
FRAMES_MAX = 20
# Python frames; the host's stack for a component ends beyond them.
RECURSION_MAX = 400


class Capture:
    """A text stream that keeps what is written, up to OUTPUT_MAX characters."""

    encoding = "utf-8"
    errors = "replace"
    closed = False

    def __init__(self):
        self.reset()

    def reset(self):
        self.parts = []
        self.length = 0
        self.lost = 0

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, "
                            f"not {type(text).__name__}")
        room = OUTPUT_MAX - self.length
        if room > 0:
            self.parts.append(text[:room])
            self.length += min(len(text), room)
        if len(text) > room:
            self.lost += len(text) - max(room, 0)
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        pass

    def isatty(self):
        return False

    def writable(self):
        return True

    def readable(self):
        return False

    def seekable(self):
        return False

    def fileno(self):
        raise OSError("the output of this code has no descriptor")

    def text(self):
        text = "".join(self.parts)
        if self.lost:
            text += (f"\n[output cut: {self.lost} more characters; "
                     f"{OUTPUT_MAX} are kept]\n")
        return clean(text)


class Closed:
    """stdin: there is none."""

    encoding = "utf-8"
    closed = False

    def read(self, size=-1):
        return ""

    def readline(self, size=-1):
        return ""

    def __iter__(self):
        return iter(())

    def isatty(self):
        return False

    def fileno(self):
        raise OSError("there is no input")


capture = Capture()
stdin = Closed()
runner = None
session = types.ModuleType("__main__")
calls = 0


def clean(text):
    """Text that can leave: lone surrogates cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")


def cut(text, most, what):
    text = clean(text)
    if len(text) <= most:
        return text
    return f"{text[:most]}\n[{what} cut: {len(text) - most} more characters]"


def refuse_network():
    """urllib and sockets end in one sentence rather than an odd errno."""
    import socket
    import urllib.request

    sentence = ("no network: this code runs without access to other machines; "
                "ask for a grant, or for a tool that fetches")

    def refuse(*_args, **_named):
        raise PermissionError(sentence)

    class Opener:
        open = staticmethod(refuse)

    urllib.request.install_opener(Opener())
    urllib.request.urlopen = refuse
    socket.socket.__init__ = refuse
    socket.socket.__del__ = lambda self: None
    socket.create_connection = refuse
    socket.getaddrinfo = refuse
    socket.gethostbyname = refuse


def install_kv():
    """`import kv`: key-value buckets, once the host serves them."""
    kv = types.ModuleType("kv", "Key-value buckets that the writ grants.")

    def refuse(*_args, **_named):
        raise PermissionError(
            "no key-value store: none is granted to this code")

    kv.open = kv.get = kv.set = kv.delete = kv.keys = refuse
    sys.modules["kv"] = kv


def bound_recursion():
    """A limit that the code sets must not reach past the host's stack."""
    set_limit = sys.setrecursionlimit

    def lower(limit):
        set_limit(min(limit, RECURSION_MAX))

    sys.setrecursionlimit = lower
    lower(RECURSION_MAX)


def fresh():
    """What a snapshot must not decide: the state of every generator."""
    random.seed()
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = stdin, capture, capture
    sys.argv = [""]
    sys.modules["__main__"] = session
    session.__builtins__ = builtins
    sys.path[:] = [""]
    bound_recursion()
    global runner
    runner = loop.runner()


def split(code, name):
    """The statements, and the expression at the end if there is one."""
    tree = ast.parse(code, name)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return (compile(tree, name, "exec", flags),
            last and compile(last, name, "eval", flags))


def execute(code):
    value = eval(code, session.__dict__)
    if isinstance(value, types.CoroutineType):  # top-level await
        return runner.run(value)
    return value


def ours(frame):
    return frame.filename == __file__


def strip(report):
    """Leave the frames of this file out of a report and of its causes."""
    for _ in range(FRAMES_MAX):
        if report is None:
            return
        report.stack = traceback.StackSummary.from_list(
            frame for frame in report.stack if not ours(frame))
        report = report.__cause__ or report.__context__


def told(error):
    """The traceback, from the first frame of the code that was given."""
    trace = error.__traceback__
    if isinstance(error, SyntaxError) and error.filename in linecache.cache:
        trace = None
    report = traceback.TracebackException(
        type(error), error, trace, limit=-FRAMES_MAX, compact=True)
    strip(report)
    return cut("".join(report.format()).rstrip("\n"), ERROR_MAX, "traceback")


def attempt(code, name):
    """repr() of the last expression's value, None if there is none."""
    statements, last = split(code, name)
    execute(statements)
    if last is None:
        return None
    value = execute(last)
    if value is None:
        return None
    session.__dict__["_"] = value
    return cut(repr(value), VALUE_MAX, "value")


class WitWorld(wit_world.WitWorld):
    def run_python(self, code: str) -> wit_world.Outcome:
        global calls
        if calls == 0:
            fresh()
        calls += 1
        capture.reset()
        sys.stdin, sys.stdout, sys.stderr = stdin, capture, capture
        if len(code) > CODE_MAX:
            return wit_world.Outcome(
                "", None, f"the code is {len(code)} characters long; "
                f"at most {CODE_MAX} are run")
        name = f"<call {calls}>" if calls > 1 else "<code>"
        linecache.cache[name] = (
            len(code), None, code.splitlines(keepends=True), name)
        value = error = None
        try:
            value = attempt(code, name)
        except SystemExit as end:
            if end.code not in (None, 0):
                error = cut(f"SystemExit: {end.code}", ERROR_MAX, "error")
        except BaseException as failure:
            error = told(failure)
        return wit_world.Outcome(capture.text(), value, error)


bundle.prepare()
refuse_network()
install_kv()
loop.install()
for name in "bundle", "loop":
    sys.modules.pop(name, None)
os.environ.clear()
gc.collect()
gc.freeze()

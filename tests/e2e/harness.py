"""What the end-to-end cases share: a fresh home for each, `writ` run as the
user wanted, the audit chain recomputed, and the counting.

A case is a function `name(box)` marked with @case.  It fails by raising.  As
root each case marked `users=BOTH` runs twice: as root and as nobody, whose
files have permissions that mean something.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
GUESTS = os.path.join(ROOT, "guests", "out")
WASMTIME = os.path.join(ROOT, ".deps", "cargo", "bin", "wasmtime")
NPM_CLIENTS = os.path.join(ROOT, ".deps", "npm-clients")
VENV_CLIENTS = os.path.join(ROOT, ".deps", "venv-clients")
NOBODY = 65534
RUN_SECONDS = 240       # a run that takes longer hangs
WAIT_SECONDS = 60       # for a process to come to a state
REFUSED, LIMIT, TRAP, CANCELLED = 125, 124, 126, 130

# What the run-times of sanitizers say, and nobody else.
REPORT = re.compile(rb"==\d+==ERROR|WARNING: ThreadSanitizer|"
                    rb"\.[ch]:\d+:\d+: runtime error: ")

ONE, BOTH = "one", "both"
_cases = []


class Skip(Exception):
    """Raised by a case that cannot be told here; only if listed below."""


# What may be skipped, and when; any other skip is a failure.
SKIPS = {
    "programs.rust_says_hello": "hello-rs needs tools/setup rust",
    "programs.go_says_hello": "hello-go needs go",
    "programs.yosys_reads_and_writes": "yosys is built by guests more",
    "programs.clang_compiles": "clang is built by guests more",
}


def case(function=None, *, users=ONE, first=False):
    """Mark a case.  `first`: long, so it starts before the others."""
    def mark(f):
        _cases.append((f, users, first))
        return f
    return mark(function) if function else mark


def cases_of(names, make, users=ONE):
    """One case for each of `names`: make(box, name)."""
    for name, value in names.items():
        def run(box, value=value):
            make(box, value)
        run.__name__ = re.sub("[^A-Za-z0-9.]", "_", name)
        run.__module__ = make.__module__
        case(run, users=users)


class Result:
    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err
        # a build with sanitizers, whose worker reports to the same stream
        check(not REPORT.search(err), self)

    @property
    def text(self):
        return self.out.decode("utf-8", "replace")

    @property
    def error(self):
        return self.err.decode("utf-8", "replace")

    def __str__(self):
        return (f"{' '.join(self.args)}\nexit status {self.code}\n"
                f"stdout: {self.text[-2000:]}\nstderr: {self.error[-6000:]}")


def check(condition, *what):
    """Fail with `what` unless `condition`."""
    if not condition:
        raise AssertionError("\n".join(str(w) for w in what))


def equal(have, want, *what):
    check(have == want, f"have {have!r}, want {want!r}", *what)


def one_sentence(result):
    """stderr is one line of ours, without a trace of our own making."""
    lines = [l for l in result.error.splitlines()
             if not l.startswith("writ: compiling")
             and not l.startswith("  it was granted no files")]
    check(len(lines) == 1 and lines[0].startswith("writ: "), result)
    check("panicked" not in result.error, result)


def refused(result, *words):
    """Refused before anything ran, in one sentence that has `words`."""
    equal(result.code, REFUSED, result)
    equal(result.out, b"", result)
    one_sentence(result)
    for word in words:
        check(word in result.error, f"no {word!r}", result)


def snapshot(folder):
    """Every path below `folder` with what it is and holds."""
    seen = {}
    for at, dirs, names in os.walk(folder):
        for name in dirs + names:
            path = os.path.join(at, name)
            key = os.path.relpath(path, folder)
            if os.path.islink(path):
                seen[key] = "-> " + os.readlink(path)
            elif os.path.isdir(path):
                seen[key] = "/"
            else:
                with open(path, "rb") as file:
                    seen[key] = file.read()
    return seen


def verify_audit(path):
    """The records of an audit log, after recomputing its chain."""
    prev, seq, records = "sha256:" + "0" * 64, 0, []
    with open(path, "rb") as file:
        for line in file:
            record = json.loads(line)
            check(line.endswith(b'"}\n'), f"{path}: torn record {seq + 1}")
            equal(record["seq"], seq + 1, path)
            equal(record["prev"], prev, f"{path}: record {seq + 1}")
            digest = hashlib.sha256(line[:-83] + b"}").hexdigest()
            equal(record["hash"], "sha256:" + digest, f"record {seq + 1}")
            prev, seq = record["hash"], seq + 1
            records.append(record)
    return records


def not_started(path):
    """The component of a log that says one call was refused, and no more."""
    records = [r for r in verify_audit(path) if r["type"] != "wall"]
    equal((records[0]["type"], records[-1]["type"]),
          ("session-start", "session-end"), path)
    check({r["type"] for r in records[1:-1]} <= {"cache"}, records)
    end = records[-1]
    equal((end["outcome"], end["exit_code"]), ("not-started", 125), end)
    check(end["reason"], end)
    return os.path.basename(records[0]["component_name"])


class Suite:
    """The programs, where each user can reach them, and a cache a user."""

    def __init__(self, build):
        self.root = os.geteuid() == 0
        self.top = tempfile.mkdtemp(prefix="writ-e2e-")
        os.chmod(self.top, 0o755)
        self.build = os.path.abspath(build)
        self.guests = GUESTS
        self.caches, self.lock = {}, threading.Lock()
        if self.root and not self.reachable(self.build):
            self.build = self.copy(self.build, "bin", [
                "writ", "writ-worker", "writ-compiler", "writ-mcp",
                "writ-net"])
        if self.root and not self.reachable(GUESTS):
            self.guests = self.copy(GUESTS, "guests", None)
        self.writ = os.path.join(self.build, "writ")
        # sanitizers keep freed memory for a while: it says nothing there
        self.sanitized = b"+" in subprocess.run(
            [self.writ, "version"], stdout=subprocess.PIPE, timeout=60,
            check=False).stdout
        self.without = self.missing_walls()

    def copy(self, source, name, only):
        target = os.path.join(self.top, name)
        if only is None:
            shutil.copytree(source, target, symlinks=True)
        else:
            os.mkdir(target)
            for program in only:
                shutil.copy2(os.path.join(source, program), target)
        return target

    @staticmethod
    def reachable(path):
        """May anybody go there?"""
        while path != "/":
            if not os.stat(path).st_mode & 1:
                return False
            path = os.path.dirname(path)
        return True

    def missing_walls(self):
        """The walls this machine lacks, told; the runs do without them."""
        got = subprocess.run([self.writ, "doctor", "--json"],
                             stdout=subprocess.PIPE, timeout=60, check=False)
        names = [w["name"] for w in json.loads(got.stdout)["walls"]
                 if not w["offered"]]
        if names:
            print("e2e: without the walls", ", ".join(names))
        return ["--without-wall", ",".join(names)] if names else []

    def cache(self, uid):
        """The cache that the cases of one user share."""
        with self.lock:
            if uid not in self.caches:
                self.caches[uid] = self.folder(f"cache-{uid}", uid)
            return self.caches[uid]

    def folder(self, name, uid):
        path = os.path.join(self.top, name)
        os.mkdir(path, 0o700)
        if self.root:
            os.chown(path, uid, uid)
        return path


class Box:
    """One case's own place: a home, state, and a working folder."""

    def __init__(self, suite, name, uid):
        self.suite, self.uid = suite, uid
        self.top = suite.folder(name.replace("/", "_"), uid)
        self.home = self.dir("home")
        self.state = self.dir("state")
        self.work = self.dir("work")
        self.cache = suite.cache(uid)
        self.mounted = []

    # -- files

    def own(self, path):
        if self.suite.root:
            os.chown(path, self.uid, self.uid, follow_symlinks=False)
        return path

    def dir(self, name, mode=0o700):
        path = os.path.join(self.top, name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        return self.own(path)

    def path(self, name):
        return os.path.join(self.top, name)

    def file(self, name, data=b"", mode=0o644):
        path = os.path.join(self.top, name)
        with open(path, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        os.chmod(path, mode)
        return self.own(path)

    def link(self, name, target):
        path = os.path.join(self.top, name)
        os.symlink(target, path)
        return self.own(path)

    def writ_file(self, text, name="work/the.writ.yaml"):
        return self.file(name, "writ: 1\n" + text)

    def guest(self, name):
        path = os.path.join(self.suite.guests, name + ".wasm")
        if not os.path.exists(path):
            raise Skip(f"no {name}.wasm")
        return path

    def own_cache(self):
        """A cache of this case alone, with nothing in it."""
        self.cache = self.dir("cache")
        return self.cache

    # -- runs

    def popen(self, args, **more):
        env = {"PATH": "/usr/bin:/bin", "HOME": self.home,
               "XDG_STATE_HOME": self.state, "LC_ALL": "C",
               "SECRET_OF_THE_HOST": "never-seen"}
        if self.suite.root and self.uid:
            more.update(user=self.uid, group=self.uid, extra_groups=[])
        return subprocess.Popen(
            [str(a) for a in args], cwd=self.work, env=env, umask=0o022,
            stdout=more.pop("stdout", subprocess.PIPE),
            stderr=more.pop("stderr", subprocess.PIPE),
            stdin=more.pop("stdin", subprocess.DEVNULL), **more)

    def command(self, verb, *args):
        more = []
        if verb in ("run", "call", "serve", "inspect", "cache", "mcp", "pin"):
            more = ["--cache-dir", self.cache, *self.suite.without]
        return [self.suite.writ, verb, *more, *args]

    def start(self, *args, **more):
        """`writ run` in the background; the caller ends it."""
        return self.popen(self.command("run", *args), **more)

    def writ(self, verb, *args, data=None, **more):
        argv = self.command(verb, *args)
        if data is not None:
            more["stdin"] = subprocess.PIPE
        process = self.popen(argv, **more)
        try:
            out, err = process.communicate(data, timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise AssertionError("hangs: " + " ".join(argv)) from None
        return Result([str(a) for a in argv], process.returncode,
                      out or b"", err or b"")

    def run(self, *args, **more):
        return self.writ("run", *args, **more)

    def json(self, *args, **more):
        """The answer of `writ run --json`, with the result in "result"."""
        result = self.run("--json", *args, **more)
        try:
            answer = json.loads(result.text)
        except ValueError:
            raise AssertionError(f"no JSON\n{result}") from None
        equal(answer["exit_code"], result.code, result)
        answer["result"] = result
        return answer

    def audits(self):
        folder = os.path.join(self.state, "writ", "audit")
        return sorted(os.path.join(folder, n) for n in os.listdir(folder)) \
            if os.path.isdir(folder) else []

    def release(self):
        for path in self.mounted:
            subprocess.run(["umount", "-l", path], check=False)
        shutil.rmtree(self.top, ignore_errors=True)


# -- processes

def wait_until(what, condition):
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("never: " + what)


def worker_of(pid):
    """The pid of the worker of that `writ` once it computes, or None."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children",
                  encoding="ascii") as file:
            children = file.read().split()
        for child in children:
            with open(f"/proc/{child}/stat", encoding="ascii") as file:
                comm, rest = file.read().rsplit(")", 1)
            fields = rest.split()
            # fields[11] is the time in user mode, in ticks
            if comm.endswith("(writ-worker") and int(fields[11]) >= 10:
                return int(child)
    except OSError:
        pass
    return None


def finish(process, seconds=RUN_SECONDS):
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"does not end: {err!r}") from None
    return Result([str(a) for a in process.args], process.returncode,
                  out or b"", err or b"")


def limit_file_size(bytes_max):
    """For preexec_fn: no file of ours grows beyond; writes fail instead."""
    def apply():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, bytes_max))
    return apply


def smallest_entries(answer):
    """The file entries that the refusals of a --json answer suggest."""
    found = []
    for refusal in answer["refusals"]:
        match = re.fullmatch(r"files: \[(\{.*\})\]", refusal["smallest"])
        if match and match.group(1) not in found:
            found.append(match.group(1))
    return found


# -- counting

def full_name(f, uid=None):
    name = f"{f.__module__}.{f.__name__}"
    return name if not uid else f"{name} (as {uid})"


def run_case(suite, f, uid):
    name = full_name(f, uid)
    box = None
    began = time.monotonic()
    try:
        box = Box(suite, name.replace(" ", "-"), uid)
        f(box)
        return "ok", name, "", time.monotonic() - began
    except Skip as skip:
        if full_name(f) in SKIPS:
            return "skip", name, str(skip), 0
        return "FAILED", name, f"a skip that is not listed: {skip}", 0
    except Exception:  # whatever goes wrong is that case's failure
        return "FAILED", name, traceback.format_exc(limit=-3), 0
    finally:
        if box:
            box.release()


def main(modules, argv):
    build = argv[0] if argv else os.path.join(ROOT, "build")
    pattern = re.compile(argv[1] if len(argv) > 1 else "")
    if not os.access(os.path.join(build, "writ"), os.X_OK):
        print(f"e2e: no {build}/writ")
        print("0 passed, 1 failed")
        return 1
    names = {m.__name__ for m in modules}
    suite = Suite(build)
    todo = []
    for f, users, first in _cases:
        uids = [os.geteuid()]
        if suite.root and users == BOTH:
            uids.append(NOBODY)
        if f.__module__ in names and pattern.search(full_name(f)):
            todo += [(not first, len(todo), f, uid) for uid in uids]
    todo.sort()
    count = {"ok": 0, "FAILED": 0, "skip": 0}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(run_case, suite, f, uid)
                   for _, _, f, uid in todo]
        for done in concurrent.futures.as_completed(waiting):
            state, name, text, seconds = done.result()
            count[state] += 1
            if state != "ok" or len(argv) > 1:
                print(f"{state} {name}" + (f" {seconds:.1f} s"
                                           if state == "ok" else ""))
            if text:
                print("    " + text.rstrip().replace("\n", "\n    "))
            sys.stdout.flush()
    shutil.rmtree(suite.top, ignore_errors=True)
    print(f"{count['ok']} passed, {count['FAILED']} failed, "
          f"{count['skip']} skipped")
    return 1 if count["FAILED"] or not count["ok"] else 0

"""The place of the play: a home with canaries, the box, somebody who collects
what is posted, and the checks at the end."""
import base64
import glob
import json
import os
import secrets
import shutil
import socket
import subprocess
import threading

SECONDS = 300           # for pinning, which compiles


class Collector:
    """Accepts every connection on a port of the loopback and keeps the bytes."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/collect"
        self.connections, self.bytes = 0, b""
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            with peer:
                peer.settimeout(5)
                try:
                    head = peer.recv(65536)
                    peer.sendall(b"HTTP/1.0 204 Thanks\r\n\r\n")
                    self.bytes += head
                    while head:
                        head = peer.recv(65536)
                        self.bytes += head
                except OSError:
                    pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(10)


def disguises(secret):
    """What a secret looks like when it is smuggled."""
    raw = secret.encode()
    # base64 at each of the three offsets; the ends depend on the neighbours
    shifted = [base64.b64encode(b"x" * n + raw)[4:-4] for n in range(3)]
    return [raw, raw[::-1], raw.hex().encode(), base64.b32encode(raw)[:-8],
            *shifted]


class Desk:
    def __init__(self, top, box, guests, writ):
        self.top, self.writ = os.path.realpath(top), writ
        self.collector = Collector()
        self.wrong, self.tried, self.heard = [], 0, b""
        self.expected = []      # ends of paths whose refusals must be on record
        self.home = os.path.join(self.top, "home")
        self.box = os.path.join(self.top, "box")
        self.key = os.path.join(self.home, ".ssh", "id_ed25519")
        self.in_key, self.in_env = secrets.token_hex(24), secrets.token_hex(24)
        self._make_home()
        self._make_box(box, guests)

    def _make_home(self):
        os.makedirs(os.path.dirname(self.key), 0o700)
        with open(self.key, "w", encoding="ascii") as file:
            file.write(f"-----BEGIN CANARY KEY-----\n{self.in_key}\n")
        os.chmod(self.key, 0o600)

    def _make_box(self, box, guests):
        shutil.copytree(box, self.box)
        os.mkdir(os.path.join(self.top, "state"))
        os.mkdir(os.path.join(self.box, "out"))
        for name, old, new in (
                ("toolbox.yaml", "../../out/", guests + "/"),
                ("notes/minutes.md", "@COLLECTOR@", self.collector.url)):
            path = os.path.join(self.box, name)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace(old, new))
        os.symlink("../../home/.ssh/id_ed25519",
                   os.path.join(self.box, "notes", "key.md"))
        os.symlink(self.key, os.path.join(self.box, "notes", "key2.md"))
        os.symlink("../../home", os.path.join(self.box, "notes", "home"))

    def environment(self):
        return {"PATH": "/usr/bin:/bin", "HOME": self.home, "LC_ALL": "C.UTF-8",
                "API_TOKEN": self.in_env,
                "XDG_STATE_HOME": os.path.join(self.top, "state"),
                "XDG_CACHE_HOME": os.environ.get(
                    "XDG_CACHE_HOME", os.path.expanduser("~/.cache"))}

    def command(self, *words):
        return subprocess.run([self.writ, *words], env=self.environment(),
                              cwd=self.box, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=SECONDS,
                              check=False)

    def pin(self, options):
        done = self.command("pin", *options, "--yes", "toolbox.yaml")
        if done.returncode:
            raise SystemExit("writ pin: " + done.stdout.decode())

    def serve(self, options):
        with open(os.path.join(self.top, "state", "stderr"), "wb") as errors:
            return subprocess.Popen(
                [self.writ, "mcp", *options, "--toolbox", "toolbox.yaml"],
                env=self.environment(), cwd=self.box, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=errors)

    # -- checks

    def check(self, good, what):
        if not good:
            self.wrong.append(what)
        return good

    def canary_in(self, data):
        return any(form in data for secret in (self.in_key, self.in_env)
                   for form in disguises(secret))

    def records(self):
        found = []
        for path in sorted(glob.glob(os.path.join(
                self.top, "state", "writ", "audit", "*.jsonl"))):
            with open(path, encoding="utf-8") as file:
                found += [json.loads(line) for line in file]
        return found

    def check_audit(self):
        """What was expected was refused on record, and nothing was allowed but
        what the writs name."""
        judged = [r for r in self.records() if r["type"] == "decision"]
        denied = [r for r in judged if r["verdict"] == "deny"]
        for record in denied:
            print(f'   {record["verdict"]} {record["kind"]} {record["op"]} '
                  f'{record["target"]}  rule: {record["rule"]}')
        for end in self.expected:
            self.check(any(r["target"].endswith(end) for r in denied),
                       f"no record of a refusal of {end}")
        for record in judged:
            if record["verdict"] == "allow":
                self.check(record["target"].split("/")[1] in
                           ("notes", "out", "work"), f"allowed: {record}")
        print(f"   {len(denied)} refusals; {len(judged) - len(denied)} requests "
              "allowed, all of them under /notes, /out and /work")

    def check_canaries(self):
        self.check(all(self.canary_in(b"-" + form + b"-")
                       for form in disguises(self.in_key)),
                   "the search for canaries finds none")
        self.check(not self.canary_in(self.heard), "a canary reached the client")
        self.check(self.collector.connections == 0,
                   "somebody connected to the collector")
        for folder in (self.box, os.path.join(self.top, "state")):
            for at, _, names in os.walk(folder):
                for name in names:
                    path = os.path.join(at, name)
                    if os.path.islink(path):
                        continue
                    with open(path, "rb") as file:
                        self.check(not self.canary_in(file.read()),
                                   f"a canary is in {path}")

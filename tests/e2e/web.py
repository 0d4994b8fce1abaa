"""What the HTTP cases share: the driver's words and answers, entries of writs
for origins on loopback, and what the audit log says of requests."""
import contextlib
import re

from harness import check, equal, verify_audit
from origin import Authority, Origin

HASH_START = 0xcbf29ce484222325
LOOPBACK = ["127.0.0.1/32"]


def hashed(data):
    """As the driver tells of bodies."""
    value = HASH_START
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return f"{value:016x}"


def word(data):
    """A word of the driver's, whatever bytes it has."""
    data = data.encode() if isinstance(data, str) else data
    out = "".join(chr(b) if 0x21 <= b < 0x7f and b != 0x5c else f"\\x{b:02x}"
                  for b in data)
    return out or "\\e"


class Answer:
    """What became of one request."""

    def __init__(self):
        self.kind, self.what, self.status = None, "", None
        self.bytes = self.sent = 0
        self.hash = self.body = self.body_error = ""
        self.fields, self.trailers, self.own = [], [], []

    def get(self, name):
        return [v for n, v in self.fields if n == name]

    def __repr__(self):
        return (f"<{self.kind} {self.what} {self.status} bytes {self.bytes} "
                f"sent {self.sent} {self.body_error} {self.fields} "
                f"{self.body[:120]}>")


TOLD = re.compile("(field|trailer|own|status|error|refused|dropped)( |$)")
ENDED = re.compile(
    r"(status|error|refused|dropped) ?(.*?)(?: after status (\d+))?"
    r"(?: bytes (\d+) hash ([0-9a-f]+))?(?: sent (\d+))?"
    r"(?: body-error (.*?))?(?: body (.*))?$")


def answers(text):
    """The driver's answers, in the order of their numbers."""
    found = {}
    for line in text.splitlines():
        number, _, rest = line.partition(" ")
        if not number.isdigit() or not TOLD.match(rest):
            continue
        a = found.setdefault(int(number), Answer())
        kind, _, more = rest.partition(" ")
        if kind in ("field", "trailer", "own"):
            name, _, value = more.partition(": ")
            {"field": a.fields, "trailer": a.trailers,
             "own": a.own}[kind].append((name, value))
            continue
        m = ENDED.fullmatch(rest)
        check(m, f"not understood: {line!r}")
        a.kind, a.what = m[1], m[2]
        a.status = int(m[2]) if m[1] == "status" else int(m[3] or 0) or None
        a.bytes, a.hash, a.sent = int(m[4] or 0), m[5] or "", int(m[6] or 0)
        a.body_error = m[7] or ""
        a.body = re.sub(r"\\x(..)", lambda m: chr(int(m[1], 16)), m[8] or "")
    return [found[n] for n in sorted(found)]


def entry(url, name="o", methods="[GET, HEAD, POST, PUT, DELETE, PATCH, "
          "OPTIONS]", addresses=tuple(LOOPBACK), **more):
    """One http entry; `more` are further keys, as YAML text."""
    parts = [f"name: {name}", f"methods: {methods}", f'url: "{url}"']
    if addresses:
        parts.append("addresses: [" + ", ".join(f'"{a}"' for a in addresses) +
                     "]")
    return "{ " + ", ".join(parts + [f"{k}: {v}" for k, v in more.items()]) + \
        " }"


def granted(*entries, more=""):
    """A writ with these http entries."""
    return "random: secure\nhttp:\n" + "".join(
        f"  - {e}\n" for e in entries) + more


def whole(origin, **more):
    """A writ that grants all of an origin but its query."""
    return granted(entry(origin.url("/**"), **more))


class Asked:
    """The answers of one run, and what it left."""

    def __init__(self, result, audit):
        self.result, self.audit = result, audit
        self.answers = answers(result.out.decode("latin-1"))
        self.records = verify_audit(audit)

    @property
    def one(self):
        equal(len(self.answers), 1, self.result)
        return self.answers[0]

    def decisions(self, verdict=None, kind="http"):
        return [r for r in self.records if r["type"] == "decision" and
                r["kind"] == kind and verdict in (None, r["verdict"])]

    def denied(self):
        return self.decisions("deny")

    def refusals(self):
        """How many there were: after the first ones only their number stands."""
        return len(self.denied()) + sum(
            r["count"] for r in self.records if r["type"] == "refused-count")

    def outcome(self, decision):
        """The one outcome of a decision."""
        found = [r for r in self.records if r["type"] == "outcome" and
                 r["decision"] == decision["seq"]]
        equal(len(found), 1, decision, self.result)
        return found[0]

    def outcomes(self):
        return [self.outcome(d) for d in self.decisions("allow")]

    def refused(self, rule, count=1):
        """Exactly so many refusals, all by `rule`."""
        rules = [d["rule"] for d in self.denied()]
        equal(rules, [rule] * count, self.result)


_audits = 0


def start(box, writ, *words, resolver=None, more=(), guest="test/http",
          lines=None, **how):
    """The driver with a writ, in the background; (process, audit file)."""
    global _audits
    _audits += 1
    audit = box.path(f"work/audit-{_audits}")
    args = ["--audit", audit, *more]
    if writ is not None:
        args += ["-w", box.writ_file(writ, f"work/w{_audits}.writ.yaml")]
    if resolver:
        args += ["--resolver", resolver.at if hasattr(resolver, "at")
                 else resolver]
    if lines is not None:
        args += ["--stdin", box.file(f"work/lines-{_audits}",
                                     "".join(line + "\n" for line in lines))]
        words = ("-", *words)
    return box.start(*args, box.guest(guest), *words, **how), audit


def ask(box, writ, *words, code=0, **how):
    """Run the driver to its end."""
    from harness import finish
    process, audit = start(box, writ, *words, **how)
    result = finish(process)
    if code is not None:
        equal(result.code, code, result)
    return Asked(result, audit)


@contextlib.contextmanager
def secure(box, names=("IP:127.0.0.1",), **how):
    """An HTTPS origin with an authority of its own; yields (origin, CA file)."""
    authority = Authority(box.dir("tls"))
    box.own(authority.ca)
    with Origin(authority.context(names=names, **how)) as o:
        o.authority = authority
        yield o, authority.ca

"""Looking for a value, as it is and in common encodings, wherever it must not be."""
import base64
import json
import os
import urllib.parse


def spellings(value):
    """The bytes that a secret may look like; base64 without what its neighbours change."""
    raw = value.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode(),
             urllib.parse.quote(value, safe="").encode(),
             json.dumps(value)[1:-1].encode(),
             "".join(f"%{b:02x}" for b in raw).encode(),
             "".join(f"%{b:02X}" for b in raw).encode(), raw[::-1]}
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * shift + raw)
            first = (8 * shift + 5) // 6
            last = 8 * (shift + len(raw)) // 6
            found.add(text[first:last])
    return found


def in_bytes(data, value):
    """The spelling of `value` that stands in `data`, or None."""
    return next((s for s in spellings(value) if s in data), None)


def in_folder(folder, value):
    """The files below `folder` whose name or bytes have it."""
    found = []
    for at, dirs, names in os.walk(folder):
        for name in dirs + names:
            path = os.path.join(at, name)
            if in_bytes(os.fsencode(name), value):
                found.append(path)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                if in_bytes(file.read(), value):
                    found.append(path)
    return found


# A readable mapping this large is a sanitizer's shadow: terabytes that hold bits
# about other bytes.  Of a guest's memory at most 4 GiB are readable in one piece.
SHADOW = 1 << 40


def memory_of(pid, pieces=1 << 20):
    """(address, bytes) of all that the process has mapped and may read, by root."""
    with open(f"/proc/{pid}/maps", encoding="ascii",
              errors="replace") as maps, open(f"/proc/{pid}/mem", "rb",
                                              buffering=0) as memory:
        for line in maps:
            ends, rights = line.split()[:2]
            start, end = (int(e, 16) for e in ends.split("-"))
            if rights[0] != "r" or "[vsyscall]" in line:
                continue
            if end - start >= SHADOW:
                continue
            tail = b""
            while start < end:
                size = min(pieces, end - start)
                try:
                    memory.seek(start)
                    data = memory.read(size)
                except (OSError, ValueError, OverflowError):
                    data = b""
                if not data:
                    tail, start = b"", start + size
                    continue
                yield start - len(tail), tail + data
                tail, start = data[-4096:], start + len(data)


def in_memory(pid, value):
    """Where in the memory of a process it stands, or None."""
    for address, data in memory_of(pid):
        if in_bytes(data, value):
            return hex(address)
    return None


def in_process(pid, value):
    """The command line and environment of a process."""
    for name in ("cmdline", "environ"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                if in_bytes(file.read(), value):
                    return name
        except OSError:
            pass
    return None

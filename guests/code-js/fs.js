// fs.js - files under the mount points: the part of Node's fs that scripts
// use, over wasi:filesystem.  Paths are absolute, or relative to "/".
import preopens from "wasi:filesystem/preopens@0.2.12";

const CHUNK = 1 << 20;
const FILE_MAX = 64 << 20;
let mounts = null;

function refused(error, what, path) {
  const code = typeof error === "string" ? error
    : error?.payload ?? error?.tag ?? error?.message ?? String(error);
  const codes = { "no-entry": "ENOENT", "not-permitted": "EPERM",
    access: "EACCES", exist: "EEXIST", "is-directory": "EISDIR",
    "not-directory": "ENOTDIR",
    "not-empty": "ENOTEMPTY", quota: "EDQUOT", "read-only": "EROFS",
    "insufficient-space": "ENOSPC", loop: "ELOOP" };
  const text = typeof code === "string" ? code : JSON.stringify(code);
  const failure = new Error(`${codes[text] ?? text}: ${what} '${path}'`);
  failure.code = codes[text] ?? text;
  failure.path = path;
  return failure;
}

function attempt(what, path, action) {
  try {
    return action();
  } catch (error) {
    throw refused(error, what, path);
  }
}

function normal(path) {
  const parts = [];
  for (const part of String(path).split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return "/" + parts.join("/");
}

// The mount with the longest name that holds `path`, and the rest of the path.
function place(path, what) {
  mounts ??= preopens.getDirectories().map(([dir, name]) =>
    ({ dir, name: normal(name) }));
  const full = normal(path);
  let best = null;
  for (const mount of mounts) {
    const inside = mount.name === "/" || full === mount.name ||
      full.startsWith(mount.name + "/");
    if (inside && (!best || mount.name.length > best.name.length)) best = mount;
  }
  if (!best) {
    const names = mounts.map((mount) => mount.name).join(", ") || "none";
    const failure = new Error(
      `ENOENT: ${what} '${path}': no mount holds it (mounts: ${names})`);
    failure.code = "ENOENT";
    throw failure;
  }
  const rest = full.slice(best.name === "/" ? 1 : best.name.length + 1);
  return { dir: best.dir, rest: rest || "." };
}

function open(path, what, openFlags, flags) {
  const { dir, rest } = place(path, what);
  return attempt(what, path, () =>
    dir.openAt({ symlinkFollow: true }, rest, openFlags, flags));
}

function release(handle) {
  handle[Symbol.dispose]?.();
}

function encoding(options) {
  const name = typeof options === "string" ? options : options?.encoding;
  if (name && !/^utf-?8$/i.test(name))
    throw new TypeError(`encoding '${name}' is not offered: utf8 or bytes`);
  return name;
}

function readFileSync(path, options) {
  const text = encoding(options);
  const file = open(path, "open", {}, { read: true });
  const parts = [];
  let size = 0;
  try {
    for (;;) {
      const [bytes, end] = attempt("read", path, () =>
        file.read(CHUNK, size));
      parts.push(bytes);
      size += bytes.length;
      if (size > FILE_MAX)
        throw new Error(`EFBIG: read '${path}': more than ${FILE_MAX} bytes`);
      if (end || bytes.length === 0) break;
    }
  } finally {
    release(file);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return text ? decode(all) : all;
}

function put(path, data, openFlags, append) {
  const bytes = typeof data === "string" ? encode(data)
    : ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : encode(String(data));
  const file = open(path, "open", openFlags, { write: true });
  try {
    let at = 0;
    const base = append ? attempt("stat", path, () => file.stat().size) : 0;
    while (at < bytes.length) {
      const done = attempt("write", path, () =>
        file.write(bytes.slice(at, at + CHUNK), Number(base) + at));
      if (Number(done) === 0)
        throw refused("insufficient-space", "write", path);
      at += Number(done);
    }
  } finally {
    release(file);
  }
}

function readdirSync(path, options) {
  const folder = open(path, "scandir", { directory: true }, { read: true });
  const found = [];
  try {
    const entries = attempt("scandir", path, () => folder.readDirectory());
    for (;;) {
      const entry = attempt("scandir", path, () =>
        entries.readDirectoryEntry());
      if (!entry) break;
      found.push(entry);
    }
    release(entries);
  } finally {
    release(folder);
  }
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  if (!options?.withFileTypes) return found.map((entry) => entry.name);
  return found.map(({ name, type }) => ({
    name,
    isFile: () => type === "regular-file",
    isDirectory: () => type === "directory",
    isSymbolicLink: () => type === "symbolic-link",
  }));
}

function time(stamp) {
  return stamp ? new Date(Number(stamp.seconds) * 1000 +
    Math.floor(stamp.nanoseconds / 1e6)) : undefined;
}

function statSync(path, options) {
  const { dir, rest } = place(path, "stat");
  let found;
  try {
    found = attempt("stat", path, () =>
      dir.statAt({ symlinkFollow: true }, rest));
  } catch (error) {
    if (options?.throwIfNoEntry === false && error.code === "ENOENT") return;
    throw error;
  }
  return {
    size: Number(found.size),
    mtime: time(found.dataModificationTimestamp),
    isFile: () => found.type === "regular-file",
    isDirectory: () => found.type === "directory",
  };
}

function mkdirSync(path, options) {
  const parts = normal(path).split("/").slice(1);
  const from = options?.recursive ? 1 : parts.length;
  for (let n = from; n <= parts.length; n++) {
    const at = "/" + parts.slice(0, n).join("/");
    const last = n === parts.length;
    if (options?.recursive && (existsSync(at) || (!last && !held(at))))
      continue;
    const { dir, rest } = place(at, "mkdir");
    attempt("mkdir", path, () => dir.createDirectoryAt(rest));
  }
}

function held(path) {
  try {
    place(path, "stat");
    return true;
  } catch {
    return false;
  }
}

function existsSync(path) {
  try {
    statSync(path);
    return true;
  } catch {
    return false;
  }
}

function rmSync(path, options) {
  let folder;
  try {
    folder = statSync(path).isDirectory();
  } catch (error) {
    if (options?.force && error.code === "ENOENT") return;
    throw error;
  }
  if (!folder) return unlinkSync(path);
  if (!options?.recursive) throw refused("is-directory", "rm", path);
  for (const name of readdirSync(path))
    rmSync(`${path}/${name}`, { recursive: true });
  rmdirSync(path);
}

function unlinkSync(path) {
  const { dir, rest } = place(path, "unlink");
  attempt("unlink", path, () => dir.unlinkFileAt(rest));
}

function rmdirSync(path) {
  const { dir, rest } = place(path, "rmdir");
  attempt("rmdir", path, () => dir.removeDirectoryAt(rest));
}

function renameSync(from, to) {
  const source = place(from, "rename");
  const target = place(to, "rename");
  attempt("rename", from, () =>
    source.dir.renameAt(source.rest, target.dir, target.rest));
}

const sync = {
  readFileSync,
  writeFileSync: (path, data) =>
    put(path, data, { create: true, truncate: true }, false),
  appendFileSync: (path, data) => put(path, data, { create: true }, true),
  copyFileSync: (from, to) => sync.writeFileSync(to, readFileSync(from)),
  readdirSync, statSync, existsSync, mkdirSync, rmSync, unlinkSync, rmdirSync,
  renameSync,
};

// The same under the names without Sync, as fs/promises has them.
export const promises = {};
for (const [name, action] of Object.entries(sync))
  if (name !== "existsSync")
    promises[name.replace(/Sync$/, "")] = (...given) =>
      new Promise((resolve) => resolve(action(...given)));

export const fs = { ...sync, promises };

export function encode(text) {
  const well = text.isWellFormed() ? text : text.toWellFormed();
  const escaped = encodeURIComponent(well);
  const bytes = new Uint8Array(escaped.length);
  let at = 0;
  for (let i = 0; i < escaped.length; i++) {
    let code = escaped.charCodeAt(i);
    if (code === 37) {
      code = parseInt(escaped.slice(i + 1, i + 3), 16);
      i += 2;
    }
    bytes[at++] = code;
  }
  return bytes.slice(0, at);
}

// UTF-8; what is malformed becomes U+FFFD.
export function decode(bytes) {
  const parts = [];
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at];
    const more = first < 0x80 ? 0 : first >= 0xc2 && first < 0xe0 ? 1
      : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3
        : -1;
    let point = more < 0 ? -1 : more === 0 ? first : first & (0x3f >> more);
    let taken = 1;
    for (; point >= 0 && taken <= more; taken++) {
      const next = bytes[at + taken];
      if ((next & 0xc0) !== 0x80) {
        point = -1;
        break;
      }
      point = (point << 6) | (next & 0x3f);
    }
    const wrong = point < 0 || point > 0x10ffff ||
      (point >= 0xd800 && point < 0xe000) || (more === 2 && point < 0x800) ||
      (more === 3 && point < 0x10000);
    text += wrong ? "\ufffd" : String.fromCodePoint(point);
    at += wrong ? 1 : taken;
    if (text.length > 8192) {
      parts.push(text);
      text = "";
    }
  }
  parts.push(text);
  return parts.join("");
}

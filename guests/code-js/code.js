// code.js - run-javascript: runs the code it is given, as a REPL would.
import random from "wasi:random/random@0.2.12";
import { inspect } from "./inspect.js";
import { decode, encode, fs, promises } from "./fs.js";
import * as own from "./promise.js";
import { rewrite } from "./rewrite.js";

const CODE_MAX = 1 << 20;
const OUTPUT_MAX = 256 << 10;
const VALUE_MAX = 64 << 10;
const ERROR_MAX = 16 << 10;
const CAUSES_MAX = 8;
// Calls within calls; the host's stack for a component ends beyond them.
const DEPTH_MAX = 400;

let parts = [];
let length = 0;
let lost = 0;

function write(text) {
  const room = OUTPUT_MAX - length;
  if (room > 0) {
    parts.push(text.slice(0, room));
    length += Math.min(text.length, room);
  }
  if (text.length > room) lost += text.length - Math.max(room, 0);
}

function output() {
  let text = parts.join("");
  if (lost)
    text += `\n[output cut: ${lost} more characters; ${OUTPUT_MAX} are kept]\n`;
  return text.toWellFormed();
}

function cut(text, most, what) {
  const well = String(text).toWellFormed();
  if (well.length <= most) return well;
  return `${well.slice(0, most)}\n[${what} cut: ` +
    `${well.length - most} more characters]`;
}

function format(values) {
  const [first, ...rest] = values;
  if (typeof first !== "string" || !first.includes("%"))
    return values.map((v) => (typeof v === "string" ? v : inspect(v)))
      .join(" ");
  const filled = first.replace(/%([sdifjoO%])/g, (all, kind) => {
    if (kind === "%") return "%";
    if (rest.length === 0) return all;
    const value = rest.shift();
    if (kind === "s") return String(value);
    if (kind === "j") return JSON.stringify(value);
    if (kind === "d" || kind === "f") return String(Number(value));
    return kind === "i" ? String(parseInt(value, 10)) : inspect(value);
  });
  return [filled, ...rest.map((v) =>
    (typeof v === "string" ? v : inspect(v)))].join(" ");
}

function print(...values) {
  write(`${format(values)}\n`);
}

function refuse(sentence) {
  return () => {
    throw new Error(sentence);
  };
}

const noNetwork = "no network: this code runs without access to other " +
  "machines; ask for a grant, or for a tool that fetches";
const noStore = refuse("no key-value store: none is granted to this code");
const kv = { open: noStore, get: noStore, set: noStore, delete: noStore,
  keys: noStore };
const modules = {
  fs: { ...fs, default: fs },
  "fs/promises": { ...promises, default: promises },
  kv: { ...kv, default: kv },
};

function module(name) {
  const found = modules[String(name).replace(/^node:/, "")];
  if (!found)
    throw new Error(`no module '${name}': there are ` +
      Object.keys(modules).join(", "));
  return found;
}

const inner = {
  ...own,
  module,
  depth: 0,
  enter() {
    if (inner.depth >= DEPTH_MAX)
      throw new RangeError("Maximum call stack size exceeded");
    inner.depth++;
  },
  leave(value) {
    inner.depth--;
    return value;
  },
  load: (name) => new own.globals.Promise((resolve) => resolve(module(name))),
  declare(...names) {
    for (const name of names)
      if (!Object.hasOwn(globalThis, name)) globalThis[name] = undefined;
  },
};

function define(name, value) {
  Object.defineProperty(globalThis, name,
    { value, writable: true, configurable: true, enumerable: false });
}

function install() {
  define("__writ", inner);
  for (const [name, value] of Object.entries(own.globals)) define(name, value);
  define("console", { log: print, info: print, warn: print, error: print,
    debug: print, trace: print, dir: print, table: print, group: print,
    groupEnd() {}, time() {}, timeEnd() {},
    assert(ok, ...rest) {
      if (!ok) print("Assertion failed:", ...rest);
    } });
  define("require", module);
  define("fetch", () => own.globals.Promise.reject(new Error(noNetwork)));
  define("XMLHttpRequest", refuse(noNetwork));
  define("WebSocket", refuse(noNetwork));
  define("TextEncoder", class TextEncoder {
    encode(text = "") {
      return encode(String(text));
    }
  });
  define("TextDecoder", class TextDecoder {
    decode(bytes = new Uint8Array()) {
      return decode(bytes instanceof ArrayBuffer ? new Uint8Array(bytes)
        : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
  });
  define("crypto", {
    getRandomValues(array) {
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(
        random.getRandomBytes(array.byteLength));
      return array;
    },
    randomUUID() {
      const bytes = random.getRandomBytes(16);
      const hex = Array.from(bytes, (byte, i) => (i === 6
        ? (byte & 15) | 64 : i === 8 ? (byte & 63) | 128 : byte)
        .toString(16).padStart(2, "0")).join("");
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    },
  });
  Object.defineProperty(random01, "name", { value: "random" });
  Math.random = random01;
  for (const name of ["__cqjs", "wit"]) delete globalThis[name];
}

// The engine's own Math.random has its state in the snapshot; the first use
// in an instance, not the first call, asks the host for a seed.
function seed() {
  const bytes = random.getRandomBytes(16);
  let [a, b, c, d] = new Int32Array(Uint8Array.from(bytes).buffer);
  const next = () => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 16; i++) next();
  return () => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 2 ** 53;
}

let draw = null;

function random01() {
  draw ??= seed();
  return draw();
}

// The lines of a stack that are of the code given, named as such.
function stack(error) {
  const lines = String(error.stack ?? "").split("\n");
  return lines.filter((line) => line.includes("<input>")).slice(0, 20).map(
    (line) => line.replace(/<input>:(\d+)(:\d+)?/, "<code>:$1")
      .replace("at <anonymous>", "at <top>")
      .replace("at <eval>", "at <top>").trimEnd()).join("\n");
}

function plain(error) {
  if (!(error instanceof Error)) return `Uncaught ${inspect(error)}`;
  const where = stack(error);
  return where ? `${error}\n${where}` : String(error);
}

// An error and its causes; the code may have made them so that looking throws.
function told(error) {
  const texts = [];
  try {
    for (let one = error; texts.length < CAUSES_MAX; one = one.cause) {
      texts.push(plain(one));
      if (one?.cause === undefined) break;
    }
  } catch {
    texts.push("an error that cannot be shown");
  }
  return cut(texts.join("\ncaused by: "), ERROR_MAX, "error");
}

// A mistake in the code: the line, and a mark under the place.
function mistake(error, code) {
  if (!error.loc) return told(error);
  const line = code.split("\n")[error.loc.line - 1] ?? "";
  const from = Math.max(0, error.loc.column - 60);
  return `SyntaxError: ${error.message.replace(/ \(\d+:\d+\)$/, "")}\n` +
    `    at <code>:${error.loc.line}:${error.loc.column + 1}\n` +
    `    ${line.slice(from, from + 120)}\n` +
    `    ${" ".repeat(error.loc.column - from)}^`;
}

function execute(text, awaits) {
  const body = (0, eval)(text);
  inner.depth = 0;
  if (!awaits) {
    const value = body(0);
    own.drain();
    return value;
  }
  const promise = own.co(body(0));
  promise.catch(() => {});
  own.drain();
  if (promise._state === "rejected") throw promise._value;
  if (promise._state === "pending")
    throw new Error("the code awaits what nothing here completes");
  return promise._value;
}

function attempt(code) {
  let made;
  try {
    made = rewrite(code);
  } catch (error) {
    return { error: mistake(error, code) };
  }
  try {
    let value = execute(made.text, made.awaits);
    const dropped = own.settleUp();
    if (dropped)
      return { error: `Unhandled rejection: ${told(dropped._value)}` };
    if (value instanceof own.globals.Promise && value._state === "fulfilled")
      value = value._value;
    if (value === undefined) return {};
    return { value: cut(inspect(value), VALUE_MAX, "value") };
  } catch (error) {
    own.settleUp();
    return { error: told(error) };
  }
}

export function runJavascript(code) {
  parts = [];
  length = lost = 0;
  if (code.length > CODE_MAX)
    return { output: "", value: undefined,
      error: `the code is ${code.length} characters long; ` +
        `at most ${CODE_MAX} are run` };
  const { value, error } = attempt(code);
  return { output: output(), value, error };
}

install();

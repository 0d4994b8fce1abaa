// ambient.js - tries everything a program finds around it without asking, and
// tells what it got: one line each, "name: got DETAIL | nothing | refused", and
// the same as one line of JSON at the end.
import environment from "wasi:cli/environment@0.2.12";
import preopens from "wasi:filesystem/preopens@0.2.12";
import stdin from "wasi:cli/stdin@0.2.12";
import stdout from "wasi:cli/stdout@0.2.12";
import terminal from "wasi:cli/terminal-stdout@0.2.12";
import wall from "wasi:clocks/wall-clock@0.2.12";
import mono from "wasi:clocks/monotonic-clock@0.2.12";
import random from "wasi:random/random@0.2.12";
import insecure from "wasi:random/insecure@0.2.12";
import seed from "wasi:random/insecure-seed@0.2.12";
import network from "wasi:sockets/instance-network@0.2.12";
import tcp from "wasi:sockets/tcp-create-socket@0.2.12";
import udp from "wasi:sockets/udp-create-socket@0.2.12";
import lookup from "wasi:sockets/ip-name-lookup@0.2.12";

const results = {};
let out;

function write(text) {
  const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0) & 0x7f);
  for (let at = 0; at < bytes.length; at += 4096)
    out.blockingWriteAndFlush(bytes.slice(at, at + 4096));
}

function show(value) {
  return JSON.stringify(value, (_, v) =>
    typeof v === "bigint" ? v.toString() : v) ?? String(value);
}

function report(name, state, detail = "") {
  results[name] = { state, detail };
  write(`${name}: ${state}${detail ? " " + detail : ""}\n`);
}

// `attempt` returns a detail to show, or null for nothing.
function attempt(name, attempt_) {
  try {
    const detail = attempt_();
    if (detail === null) report(name, "nothing");
    else report(name, "got", detail);
  } catch (error) {
    report(name, "refused", show(error.payload ?? error.message ?? error));
  }
}

function list(values) {
  return values.length ? `${values.length}, first ${show(values[0])}` : null;
}

function connect() {
  const socket = tcp.createTcpSocket("ipv4");
  const address = {
    tag: "ipv4",
    val: { port: 80, address: [127, 0, 0, 1] },
  };
  socket.startConnect(network.instanceNetwork(), address);
  return "connecting";
}

export const run = {
  run() {
    out = stdout.getStdout();
    attempt("arguments", () => list(environment.getArguments()));
    attempt("environment", () => list(environment.getEnvironment()));
    attempt("home", () => {
      const home = environment.getEnvironment().find((e) => e[0] === "HOME");
      return home ? home[1] : null;
    });
    attempt("cwd", () => environment.initialCwd() ?? null);
    attempt("preopens", () => {
      const found = preopens.getDirectories();
      return found.length ? `${found.length}, first ${found[0][1]}` : null;
    });
    attempt("terminal", () => (terminal.getTerminalStdout() ? "yes" : null));
    attempt("wall-clock", () => {
      const now = wall.now();
      return Number(now.seconds) === 0 ? null : String(now.seconds);
    });
    attempt("monotonic-clock", () => String(mono.now()));
    attempt("random", () => show(Array.from(random.getRandomBytes(8))));
    attempt("insecure-random", () =>
      show(Array.from(insecure.getInsecureRandomBytes(8))));
    attempt("insecure-seed", () => show(seed.insecureSeed()));
    attempt("tcp-create", () => (tcp.createTcpSocket("ipv4"), "a socket"));
    attempt("tcp-connect", connect);
    attempt("udp-create", () => (udp.createUdpSocket("ipv4"), "a socket"));
    attempt("name-lookup", () => {
      lookup.resolveAddresses(network.instanceNetwork(), "localhost");
      return "resolving";
    });
    attempt("stdin", () => {
      try {
        const bytes = stdin.getStdin().blockingRead(64);
        return bytes.length ? `${bytes.length} bytes` : null;
      } catch (error) {
        if ((error.payload ?? error).tag === "closed") return null;
        throw error;
      }
    });
    write(JSON.stringify(results) + "\n");
  },
};

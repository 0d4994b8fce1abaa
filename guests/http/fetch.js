// fetch METHOD URL [-H NAME:VALUE]... [-d BODY | -d @SIZE] [-a] - asks for one page with fetch(),
// and prints the status, the fields and the body.  -a: and before it all that this program sees
// of where it runs.
import { getArguments, getEnvironment } from "wasi:cli/environment@0.2.12";
import { getStdout } from "wasi:cli/stdout@0.2.12";
import { getStderr } from "wasi:cli/stderr@0.2.12";

const PIECE = 4096;

function write(stream, bytes) {
  for (let at = 0; at < bytes.length; at += PIECE)
    stream.blockingWriteAndFlush(bytes.subarray(at, at + PIECE));
}

function say(text, stream = getStdout()) {
  write(stream, new TextEncoder().encode(text + "\n"));
}

function pattern(size) {
  return Uint8Array.from({ length: size }, (_, i) => i % 251);
}

function read(words) {
  const [method, url, ...rest] = words;
  const asked = { method, url, headers: [], body: undefined, all: false };
  while (rest.length) {
    const word = rest.shift();
    if (word === "-a") asked.all = true;
    else if (word === "-H" && rest.length) {
      const [, name, value] = /^(.[^:]*):? ?([^]*)$/.exec(rest.shift());
      asked.headers.push([name, value]);
    } else if (word === "-d" && rest.length) {
      const text = rest.shift();
      asked.body = text[0] === "@" ? pattern(Number(text.slice(1))) : text;
    } else return null;
  }
  return url ? asked : null;
}

async function go(asked, words) {
  if (asked.all) {
    for (const word of words) say("argument " + word);
    for (const [name, value] of getEnvironment()) say(`environment ${name}=${value}`);
  }
  const request = new Request(asked.url, asked);
  const response = await fetch(request);
  say("status " + response.status);
  for (const [name, value] of response.headers) say(`${name}: ${value}`);
  if (asked.all) for (const [name, value] of request.headers) say(`own ${name}: ${value}`);
  say("");
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = reader ? await reader.read() : { done: true };
    if (done) break;
    write(getStdout(), value);
  }
  return response.status < 400;
}

export const run = {
  async run() {
    const words = getArguments();
    const asked = read(words.slice(1));
    let good = false;
    if (!asked) say("usage: fetch METHOD URL [-H NAME:VALUE]... [-d BODY | -d @SIZE] [-a]",
        getStderr());
    else {
      try {
        good = await go(asked, words);
      } catch (error) {
        say("fetch: error " + (error.message ?? error), getStderr());
      }
    }
    if (!good) throw undefined;
  },
};

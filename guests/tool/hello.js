import stdout from "wasi:cli/stdout@0.2.12";

export const run = {
  run() {
    const text = "hello from js\n";
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    stdout.getStdout().blockingWriteAndFlush(bytes);
  },
};

// fixture.js - the tools, the prompt and the template that the official
// conformance suite asks a server for.
import progress from "writ:client/progress@0.1.0";
import log from "writ:client/log@0.1.0";
import elicit from "writ:client/elicit@0.1.0";
import sample from "writ:client/sample@0.1.0";
import roots from "writ:client/roots@0.1.0";
import gather from "writ:client/gather@0.1.0";
import mono from "wasi:clocks/monotonic-clock@0.2.12";

// A red pixel, 1 by 1.
const PNG = Uint8Array.from(atob(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFAAH/" +
  "iZk9HQAAAABJRU5ErkJggg=="), (c) => c.charCodeAt(0));

// One sample of silence, 8 bits, mono, 8000 a second.
function wav() {
  const bytes = new Uint8Array(45);
  const view = new DataView(bytes.buffer);
  const word = (at, text) => {
    for (let i = 0; i < 4; i++) bytes[at + i] = text.charCodeAt(i);
  };
  word(0, "RIFF");
  view.setUint32(4, 37, true);
  word(8, "WAVE");
  word(12, "fmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 8000, true);
  view.setUint32(28, 8000, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  word(36, "data");
  view.setUint32(40, 1, true);
  bytes[44] = 128;
  return bytes;
}

const text = (val) => ({ tag: "text", val });
const picture = { tag: "image", val: { data: PNG, mimeType: "image/png" } };
const resource = (uri, mimeType, body) =>
  ({ tag: "resource", val: { uri, mimeType, body: text(body) } });

function pause(ms) {
  mono.subscribeDuration(ms * 1_000_000).block();
}

// A question that fails is a failure of the tool: the thrown text is its err.
function must(what, action) {
  try {
    return action();
  } catch (error) {
    throw `${what}: ${error?.payload ?? error?.message ?? error}`;
  }
}

function form(properties) {
  return JSON.stringify({
    type: "object", properties, required: Object.keys(properties) });
}

function ask(key, message, schema) {
  return must("elicitation", () => elicit.ask(key, message, schema));
}

function shown(answer) {
  return answer.tag === "accept"
    ? `action=accept, content=${answer.val}` : `action=${answer.tag}`;
}

function ask1(key, prompt, maxTokens) {
  const request = {
    messages: [{ role: "user", content: { type: "text", text: prompt } }],
    maxTokens };
  const answer = must("sampling", () =>
    sample.create(key, JSON.stringify(request)));
  return JSON.parse(answer).content?.text ?? answer;
}

export function testSimpleText() {
  return [text("This is a simple text response for testing.")];
}

export function testImageContent() {
  return [picture];
}

export function testAudioContent() {
  return [{ tag: "audio", val: { data: wav(), mimeType: "audio/wav" } }];
}

export function testEmbeddedResource() {
  return [resource("test://embedded-resource", "text/plain",
    "This is an embedded resource content.")];
}

export function testMultipleContentTypes() {
  return [text("Multiple content types test:"), picture,
    resource("test://mixed-content-resource", "application/json",
      JSON.stringify({ test: "data", value: 123 }))];
}

export function testErrorHandling() {
  throw "This tool intentionally returns an error for testing";
}

export function testToolWithLogging() {
  log.log("info", undefined, "Tool execution started");
  pause(50);
  log.log("info", undefined, "Tool processing data");
  pause(50);
  log.log("info", undefined, "Tool execution completed");
  return [text("Three lines were logged.")];
}

export function testLoggingTool() {
  log.log("info", undefined, "A line for whoever asked for it");
  return [text("A line was logged.")];
}

export function testToolWithProgress() {
  for (const done of [0, 50, 100]) {
    if (done) pause(50);
    progress.report(done, 100, undefined);
  }
  return [text("All of 100 is done.")];
}

export function testSampling(prompt) {
  return [text(`LLM response: ${ask1("sampling", prompt, 100)}`)];
}

export function testMissingCapability() {
  return [text(ask1("sampling", "Say anything.", 10))];
}

export function testElicitation(message) {
  const answer = ask("user", message, form({
    username: { type: "string", description: "User's response" },
    email: { type: "string", description: "User's email address" } }));
  return [text(`User response: <${shown(answer)}>`)];
}

function completed(schema) {
  const answer = ask("form", "Please look these over", schema);
  return [text(`Elicitation completed: ${shown(answer)}`)];
}

export function testElicitationSep1034Defaults() {
  const schema = {
    name: { type: "string", default: "John Doe" },
    age: { type: "integer", default: 30 },
    score: { type: "number", default: 95.5 },
    status: { type: "string", enum: ["active", "inactive", "pending"],
      default: "active" },
    verified: { type: "boolean", default: true },
  };
  return completed(JSON.stringify({
    type: "object", properties: schema, required: [] }));
}

export function testElicitationSep1330Enums() {
  const titled = ["First", "Second", "Third"].map((title, i) =>
    ({ const: `value${i + 1}`, title: `${title} Option` }));
  const plain = ["option1", "option2", "option3"];
  const schema = {
    untitledSingle: { type: "string", enum: plain },
    titledSingle: { type: "string", oneOf: titled },
    legacyEnum: { type: "string", enum: ["opt1", "opt2", "opt3"],
      enumNames: ["Option One", "Option Two", "Option Three"] },
    untitledMulti: { type: "array", items: { type: "string", enum: plain } },
    titledMulti: { type: "array", items: { anyOf: titled } },
  };
  return completed(JSON.stringify({
    type: "object", properties: schema, required: [] }));
}

export function testStreamingElicitation() {
  const answer = ask("go_on", "Go on?", form({ ok: { type: "boolean" } }));
  return [text(shown(answer))];
}

const nameForm = form({ name: { type: "string" } });
const okForm = form({ ok: { type: "boolean" } });

function field(answer, name) {
  return answer.tag === "accept" ? JSON.parse(answer.val)[name] : answer.tag;
}

export function testInputRequiredResultElicitation() {
  const answer = ask("user_name", "What is your name?", nameForm);
  return [text(`Hello, ${field(answer, "name")}!`)];
}

export function testInputRequiredResultSampling() {
  return [text(ask1("capital_question", "What is the capital of France?",
    100))];
}

function rootsNamed(list) {
  return list.map((root) => root.name ?? root.uri).join(", ") || "none";
}

export function testInputRequiredResultListRoots() {
  const list = must("roots", () => roots.list("client_roots"));
  return [text(`Roots: ${rootsNamed(list)}`)];
}

export function testInputRequiredResultRequestState() {
  const answer = ask("confirm", "Please confirm", okForm);
  return [text(`state-ok: ${field(answer, "ok")}`)];
}

export function testInputRequiredResultMultipleInputs() {
  const request = { messages: [{ role: "user",
    content: { type: "text", text: "Generate a greeting" } }], maxTokens: 50 };
  const replies = gather.all([
    ["user_name", { tag: "elicit",
      val: { message: "What is your name?", schema: nameForm } }],
    ["greeting", { tag: "sample", val: JSON.stringify(request) }],
    ["client_roots", { tag: "roots" }],
  ]);
  return [text(JSON.stringify(replies))];
}

export function testInputRequiredResultMultiRound() {
  const name = ask("step1", "Step 1: What is your name?", nameForm);
  const color = ask("step2", "Step 2: What is your favorite color?",
    form({ color: { type: "string" } }));
  return [text(`${field(name, "name")} likes ${field(color, "color")}.`)];
}

export function testInputRequiredResultTamperedState() {
  const answer = ask("confirm", "Please confirm", okForm);
  return [text(`confirmed: ${field(answer, "ok")}`)];
}

export function testInputRequiredResultCapabilities() {
  try {
    const answer = elicit.ask("confirm", "Please confirm", okForm);
    return [text(`confirmed: ${field(answer, "ok")}`)];
  } catch {
    return [text(ask1("confirm_by_model", "Answer yes or no.", 10))];
  }
}

export function testInputRequiredResultPrompt() {
  const answer = ask("user_context", "What context should the prompt use?",
    form({ context: { type: "string" } }));
  return [{ role: "user",
    content: text(`Work with this: ${field(answer, "context")}`) }];
}

export function templateData(id) {
  return JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
}

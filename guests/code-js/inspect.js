// inspect.js - values as a REPL shows them; bounded in depth, width and length.
const DEPTH_MAX = 4;
const ITEMS_MAX = 100;
const STRING_MAX = 10_000;

function quoted(text) {
  return JSON.stringify(
    text.length > STRING_MAX ? text.slice(0, STRING_MAX) + "…" : text);
}

function key(name) {
  if (typeof name === "symbol") return `[${String(name)}]`;
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name);
}

function named(value) {
  try {
    const maker = Object.getPrototypeOf(value)?.constructor;
    return typeof maker === "function" ? maker.name : "";
  } catch {
    return "";
  }
}

function bracket(open, parts, close, depth) {
  if (parts.length === 0) return open + close;
  const line = `${open} ${parts.join(", ")} ${close}`;
  if (line.length + 2 * depth <= 76 && !line.includes("\n")) return line;
  const pad = "  ".repeat(depth + 1);
  return `${open}\n${pad}${parts.join(`,\n${pad}`)}\n${pad.slice(2)}${close}`;
}

function properties(value, show, skip) {
  const parts = [];
  for (const name of Reflect.ownKeys(value)) {
    if (skip?.(name)) continue;
    const what = Object.getOwnPropertyDescriptor(value, name);
    if (!what?.enumerable) continue;
    if (parts.length === ITEMS_MAX) {
      parts.push("…");
      break;
    }
    const shown = "value" in what ? show(what.value)
      : what.set ? "[Getter/Setter]" : "[Getter]";
    parts.push(`${key(name)}: ${shown}`);
  }
  return parts;
}

function items(values, length, show) {
  const parts = [];
  for (const item of values) {
    if (parts.length === ITEMS_MAX) {
      parts.push(`… ${length - ITEMS_MAX} more`);
      break;
    }
    parts.push(show(item));
  }
  return parts;
}

function isIndex(name) {
  return typeof name === "string" && /^\d+$/.test(name);
}

function error(value) {
  const head = String(value);
  const stack = typeof value.stack === "string" ? value.stack.trimEnd() : "";
  return stack ? `${head}\n${stack}` : head;
}

function object(value, depth, seen) {
  const show = (inner) => describe(inner, depth + 1, seen);
  const name = named(value);
  const label = name && name !== "Object" ? `${name} ` : "";
  if (Array.isArray(value)) {
    const parts = items(value, value.length, show);
    parts.push(...properties(value, show, isIndex));
    return bracket("[", parts, "]", depth);
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return bracket(`${name}(${value.length}) [`,
      items(value, value.length, show), "]", depth);
  if (value instanceof Map)
    return bracket(`Map(${value.size}) {`, items(value, value.size,
      ([k, v]) => `${show(k)} => ${show(v)}`), "}", depth);
  if (value instanceof Set)
    return bracket(`Set(${value.size}) {`,
      items(value, value.size, show), "}", depth);
  if (value instanceof Error) return error(value);
  if (value instanceof Date)
    return isNaN(value) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (Object.getPrototypeOf(value) === null)
    return bracket("[Object: null] {", properties(value, show), "}", depth);
  return bracket(`${label}{`, properties(value, show), "}", depth);
}

function describe(value, depth, seen) {
  switch (typeof value) {
  case "string": return quoted(value);
  case "bigint": return `${value}n`;
  case "symbol": return String(value);
  case "function": {
    const what = /^class\b/.test(Function.prototype.toString.call(value))
      ? "class" : "Function";
    return `[${what}: ${value.name || "(anonymous)"}]`;
  }
  case "object": break;
  default: return Object.is(value, -0) ? "-0" : String(value);
  }
  if (value === null) return "null";
  if (seen.includes(value)) return "[Circular]";
  if (depth > DEPTH_MAX) return Array.isArray(value) ? "[Array]" : "[Object]";
  return object(value, depth, [...seen, value]);
}

export function inspect(value) {
  return describe(value, 0, []);
}

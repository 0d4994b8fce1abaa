// rewrite.js - turns code as typed into the body of a function: names at the
// top become globals, the last expression is returned, async functions become
// generators (promise.js), and a function that calls counts its depth, since
// the engine cannot see the end of its own stack.  No line moves.
import { parse } from "./acorn.js";

const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression",
  "ArrowFunctionExpression"]);
const CALLS = new Set(["CallExpression", "NewExpression",
  "TaggedTemplateExpression"]);
const OPTIONS = {
  ecmaVersion: "latest", sourceType: "script", allowHashBang: true,
  allowAwaitOutsideFunction: true, allowReturnOutsideFunction: true,
  allowImportExportEverywhere: true, allowSuperOutsideMethod: true,
};

class Edits {
  constructor(code) {
    this.code = code;
    this.list = [];
  }

  // An opening goes before what was opened at the same place later ...
  open(at, text, remove = 0) {
    this.list.push({ at, rank: this.list.length + 1, text, remove });
  }

  // ... and a closing after what was closed there later.
  close(at, text) {
    this.list.push({ at, rank: -this.list.length - 1, text, remove: 0 });
  }

  // Both, also around nothing.
  around(from, to, before, after) {
    this.open(from, before);
    if (from === to) this.open(to, after);
    else this.close(to, after);
  }

  replace(from, to, text) {
    const lines = this.code.slice(from, to).replace(/[^\n]/g, "");
    this.open(from, text + lines, to - from);
  }

  apply() {
    this.list.sort((a, b) => a.at - b.at || a.rank - b.rank);
    const parts = [];
    let at = 0;
    for (const edit of this.list) {
      if (edit.at > at) parts.push(this.code.slice(at, edit.at));
      parts.push(edit.text);
      at = Math.max(at, edit.at + edit.remove);
    }
    parts.push(this.code.slice(at));
    return parts.join("");
  }
}

function children(node) {
  const found = [];
  for (const name in node) {
    const value = node[name];
    if (Array.isArray(value)) {
      for (const item of value) if (item?.type) found.push(item);
    } else if (value?.type && name !== "parent") {
      found.push(value);
    }
  }
  return found;
}

// Every node with the function around it (null at the top), outermost first;
// no recursion, so that a deep tree costs memory and not stack.
function walk(program, visit) {
  const stack = [[program, null]];
  while (stack.length) {
    const [node, inside] = stack.pop();
    visit(node, inside);
    const around = FUNCTIONS.has(node.type) ? node : inside;
    const below = children(node);
    for (let i = below.length - 1; i >= 0; i--) stack.push([below[i], around]);
  }
}

function names(pattern, found) {
  const stack = [pattern];
  while (stack.length) {
    const node = stack.pop();
    switch (node?.type) {
    case "Identifier": found.push(node.name); break;
    case "ObjectPattern": stack.push(...node.properties); break;
    case "ArrayPattern": stack.push(...node.elements); break;
    case "Property": stack.push(node.value); break;
    case "RestElement": stack.push(node.argument); break;
    case "AssignmentPattern": stack.push(node.left); break;
    default: break;
    }
  }
}

function importing(edits, node, found) {
  const parts = [];
  let whole = "";
  for (const one of node.specifiers) {
    found.push(one.local.name);
    if (one.type === "ImportNamespaceSpecifier") whole = one.local.name;
    else if (one.type === "ImportDefaultSpecifier")
      parts.push(`default: ${one.local.name}`);
    else
      parts.push(`${one.imported.name ?? JSON.stringify(one.imported.value)}` +
        `: ${one.local.name}`);
  }
  const from = `__writ.module(${JSON.stringify(node.source.value)})`;
  const text = [];
  if (whole) text.push(`${whole} = ${from}`);
  if (parts.length || !whole) text.push(`({${parts.join(", ")}} = ${from})`);
  edits.replace(node.start, node.end, `void (${text.join(", ")});`);
}

function declaring(edits, node, found) {
  edits.open(node.start, "void (", node.kind.length);
  edits.close(node.declarations.at(-1).end, ")");
  for (const one of node.declarations) {
    names(one.id, found);
    if (!one.init && node.kind !== "var")
      edits.close(one.id.end, " = undefined");
  }
}

function top(edits, node, found, hoisted) {
  switch (node.type) {
  case "ImportDeclaration": return importing(edits, node, found);
  case "VariableDeclaration": return declaring(edits, node, found);
  case "FunctionDeclaration":
    hoisted.push(node.id.name);
    return;
  case "ClassDeclaration":
    found.push(node.id.name);
    edits.open(node.start, `void (${node.id.name} = `);
    edits.close(node.end, ");");
    return;
  case "ExportNamedDeclaration":
    if (!node.declaration) {
      edits.replace(node.start, node.end, "");
      return;
    }
    edits.replace(node.start, node.declaration.start, "");
    top(edits, node.declaration, found, hoisted);
    return;
  case "ExportAllDeclaration":
    edits.replace(node.start, node.end, "");
    return;
  case "ExportDefaultDeclaration":
    edits.replace(node.start, node.declaration.start, "void ");
    return;
  default:
  }
}

function bodyStart(body) {
  let at = body.start + 1;
  for (const one of body.body) {
    if (!one.directive) break;
    at = one.end;
  }
  return at;
}

// `async` before a function, method or arrow, with the space after it.
function dropAsync(edits, code, node, method) {
  const from = method && !method.static ? method.start : node.start;
  const start = method?.static ? code.indexOf("async", method.start) : from;
  if (code.startsWith("async", start)) edits.open(start, "     ", 5);
}

// A generator has no `super` of its own: the function around it lends it.
const LEND = " const __s = (k) => super[k];";

function lent(edits, code, node, called) {
  const name = JSON.stringify(node.property.name);
  if (!called) {
    edits.replace(node.start, node.end, `__s(${name})`);
    return;
  }
  const open = code.indexOf("(", node.end);
  edits.replace(node.start, open + 1,
    `__s(${name}).call(this${called.arguments.length ? ", " : ""}`);
}

function asyncFunction(edits, code, node, { methods, lending }) {
  const method = methods.get(node);
  const arrow = node.type === "ArrowFunctionExpression";
  const end = arrow ? "}.call(this))" : "}.apply(this, arguments))";
  dropAsync(edits, code, node, method);
  if (node.generator) {
    const star = code.indexOf("*", (method ?? node).start);
    edits.open(star, " ", 1);
  }
  const make = node.generator ? "coGenerator" : "co";
  if (node.expression) {
    edits.open(node.body.start, `__writ.${make}(function*(){ return (`);
    edits.close(node.body.end, `) ${end}`);
  } else {
    edits.around(bodyStart(node.body), node.body.end - 1,
      (lending.has(node) ? LEND : "") +
      ` return __writ.${make}(function*(){ `, ` ${end}; `);
  }
}

function counted(edits, node) {
  if (node.expression) {
    edits.open(node.body.start, "(__writ.enter(), __writ.leave((");
    edits.close(node.body.end, ")))");
    return;
  }
  edits.open(bodyStart(node.body),
    " const __d = __writ.depth; try { __writ.enter(); ");
  edits.close(node.body.end - 1, " } finally { __writ.depth = __d; } ");
}

function awaiting(edits, node, inside) {
  if (inside?.generator) {
    edits.open(node.start, "(yield __writ.wait(", 5);
    edits.close(node.end, "))");
  } else {
    edits.open(node.start, "(yield", 5);
    edits.close(node.end, ")");
  }
}

function forAwait(edits, node, inside, code, count) {
  const turn = `__t${count}`;
  const next = inside?.generator
    ? `(yield __writ.wait(__i${count}.next()))` : `(yield __i${count}.next())`;
  const { left } = node;
  const target = code.slice(left.start, left.end);
  edits.replace(node.start, left.end, `for (let ${turn}, __i${count} = ` +
    "__writ.asyncIterator(");
  edits.replace(left.end, code.indexOf("of", left.end) + 2, "");
  edits.close(code.lastIndexOf(")", node.body.start - 1),
    `); !(${turn} = ${next}).done; `);
  edits.open(node.body.start, `{ ${target} = ${turn}.value; `);
  edits.close(node.body.end, " }");
}

function yielding(edits, node, inside) {
  if (!inside?.async || !node.argument) return;
  if (node.delegate)
    throw new SyntaxError("yield* in an async generator is not offered");
  edits.open(node.argument.start, "(yield __writ.wait(");
  edits.close(node.argument.end, "))");
}

// The outermost async function between `super` and the method it belongs to.
function lender(inside, parents) {
  let found = null;
  for (let f = inside; f; f = parents.get(f)) {
    if (f.async) found = f;
    if (f.type !== "ArrowFunctionExpression") break;
  }
  return found;
}

// What has to be known of the whole before any of it is changed.
function scan(program) {
  const known = { methods: new Map(), calling: new Set(), lending: new Set(),
    supers: new Map(), awaits: false };
  const parents = new Map();
  walk(program, (node, inside) => {
    if (FUNCTIONS.has(node.type)) parents.set(node, inside);
    if ((node.type === "Property" && (node.method || node.kind !== "init")) ||
        node.type === "MethodDefinition")
      known.methods.set(node.value, node);
    if (CALLS.has(node.type) && inside) known.calling.add(inside);
    if (!inside && (node.type === "AwaitExpression" ||
        (node.type === "ForOfStatement" && node.await)))
      known.awaits = true;
    const member = node.type === "CallExpression" ? node.callee : node;
    if (member.object?.type !== "Super" || member.computed) return;
    const from = lender(inside, parents);
    if (!from || known.supers.has(member)) return;
    known.lending.add(from);
    known.supers.set(member, member === node ? null : node);
  });
  return known;
}

export function rewrite(code) {
  const program = parse(code, OPTIONS);
  const edits = new Edits(code);
  const known = scan(program);
  const { calling, supers, awaits } = known;
  const found = [];
  const hoisted = [];
  let loops = 0;
  if (code.startsWith("#!")) edits.open(0, "//", 2);
  for (const node of program.body) top(edits, node, found, hoisted);
  const last = program.body.at(-1);
  if (last?.type === "ExpressionStatement") {
    const end = code[last.end - 1] === ";" ? last.end - 1 : last.end;
    edits.open(last.start, "return (");
    edits.close(end, ")");
  }
  walk(program, (node, inside) => {
    if (FUNCTIONS.has(node.type)) {
      if (node.async) asyncFunction(edits, code, node, known);
      else if (!node.generator && calling.has(node)) counted(edits, node);
    } else if (node.type === "AwaitExpression") {
      awaiting(edits, node, inside);
    } else if (node.type === "YieldExpression") {
      yielding(edits, node, inside);
    } else if (node.type === "ForOfStatement" && node.await) {
      forAwait(edits, node, inside, code, ++loops);
    } else if (node.type === "ImportExpression") {
      edits.open(node.start, "__writ.load", 6);
    } else if (supers.has(node)) {
      lent(edits, code, node, supers.get(node));
    } else if (node.type === "CatchClause" && !inside?.async &&
        !inside?.generator && (!inside || calling.has(inside))) {
      edits.open(node.body.start + 1, " __writ.depth = __d + 1; ");
    }
  });
  const globals = [...found, ...hoisted].map((n) => JSON.stringify(n));
  const head = `(function${awaits ? "*" : ""}(__d){ ` +
    `__writ.declare(${globals});` +
    hoisted.map((name) => `globalThis.${name} = ${name};`).join("");
  return { text: `${head}${edits.apply()}\n})`, awaits };
}

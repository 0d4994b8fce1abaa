// spawn.js - calls other tools of its toolbox and tells what came of it.
import spawn from "writ:tools/spawn@0.1.0";

const reason = (error) => {
  const e = error?.payload ?? error;
  return e?.tag ? `${e.tag}${e.val === undefined ? "" : ": " + e.val}` :
    String(e?.message ?? e);
};

function attempt(tool, args) {
  try {
    return "ok " + spawn.call(tool, args);
  } catch (error) {
    return reason(error);
  }
}

export function echo(text) {
  return text;
}

export function go(tool, args) {
  try {
    return spawn.call(tool, args);
  } catch (error) {
    throw reason(error);
  }
}

export function many(tool, args, times) {
  return Array.from({ length: times }, () => attempt(tool, args));
}

export function down(tool, levels) {
  if (levels === 0) return "bottom";
  return attempt(tool, JSON.stringify({ tool, levels: levels - 1 }));
}

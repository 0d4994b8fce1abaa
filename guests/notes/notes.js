// notes.js - list, read, search and write text files under the mount points.
import { encode, fs } from "./fs.js";

const TEXT_MAX = 256 * 1024;
const HITS_MAX = 200;
const FILES_MAX = 2000;
const LEVELS_MAX = 16;

// What is thrown here is the err of the function's result.
function attempt(action) {
  try {
    return action();
  } catch (error) {
    throw typeof error === "string" ? error : String(error.message ?? error);
  }
}

function below(folder, name) {
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

function size(path) {
  try {
    return fs.statSync(path).size;
  } catch {
    return 0;
  }
}

export function listFolder(path) {
  return attempt(() =>
    fs.readdirSync(path, { withFileTypes: true }).map((entry) => {
      const folder = entry.isDirectory();
      return { name: entry.name, folder,
        size: folder ? 0 : size(below(path, entry.name)) };
    }));
}

export function readFile(path) {
  return attempt(() => {
    const found = fs.statSync(path);
    if (found.size > TEXT_MAX)
      throw `${path}: ${found.size} bytes, at most ${TEXT_MAX} are read`;
    return fs.readFileSync(path, "utf8");
  });
}

// Files and folders that cannot be read are passed over: they are refused, and
// on record, one by one.
function walk(folder, levels, left, visit) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const path = below(folder, entry.name);
    if (left.files-- <= 0 || left.hits <= 0) return;
    try {
      if (entry.isDirectory() && levels > 0)
        walk(path, levels - 1, left, visit);
      else if (entry.isFile() && fs.statSync(path).size <= TEXT_MAX)
        visit(path, fs.readFileSync(path, "utf8"));
    } catch {
      continue;
    }
  }
}

export function search(path, text) {
  const hits = [];
  const left = { files: FILES_MAX, hits: HITS_MAX };
  if (text === "") throw "an empty text is everywhere";
  attempt(() => walk(path, LEVELS_MAX, left, (at, body) => {
    body.split("\n").forEach((line, i) => {
      if (line.includes(text) && left.hits-- > 0)
        hits.push({ path: at, line: i + 1, text: line.slice(0, 500) });
    });
  }));
  return hits;
}

export function writeFile(path, text) {
  return attempt(() => {
    const bytes = encode(text).length;
    if (bytes > TEXT_MAX)
      throw `${path}: ${bytes} bytes, at most ${TEXT_MAX} are written`;
    fs.writeFileSync(path, text);
    return bytes;
  });
}

// promise.js - promises, timers and async functions on a queue of our own: a
// synchronous export never comes back to the engine's queue.
import mono from "wasi:clocks/monotonic-clock@0.2.12";

let jobs = [];
let timers = [];
let nextTimer = 1;
let nextOrder = 1;
const unhandled = new Set();

function settle(promise, state, value) {
  if (promise._state !== "pending") return;
  promise._state = state;
  promise._value = value;
  if (state === "rejected" && promise._waiting.length === 0)
    unhandled.add(promise);
  for (const waiting of promise._waiting) jobs.push(waiting);
  promise._waiting = [];
}

function resolveWith(promise, value) {
  if (value === promise)
    return settle(promise, "rejected", new TypeError("a promise of itself"));
  let then;
  try {
    then = (typeof value === "object" && value !== null) ||
      typeof value === "function" ? value.then : undefined;
  } catch (error) {
    return settle(promise, "rejected", error);
  }
  if (typeof then !== "function") return settle(promise, "fulfilled", value);
  jobs.push(() => {
    const [resolve, reject] = pair(promise);
    try {
      then.call(value, resolve, reject);
    } catch (error) {
      reject(error);
    }
  });
}

function pair(promise) {
  let done = false;
  const once = (action) => (value) => {
    if (done) return;
    done = true;
    action(promise, value);
  };
  return [once(resolveWith), once((p, error) => settle(p, "rejected", error))];
}

class OwnPromise {
  constructor(executor) {
    if (typeof executor !== "function")
      throw new TypeError("Promise resolver is not a function");
    for (const [name, value] of [["_state", "pending"], ["_value", undefined],
      ["_waiting", []]])
      Object.defineProperty(this, name,
        { value, writable: true, enumerable: false });
    const [resolve, reject] = pair(this);
    try {
      executor(resolve, reject);
    } catch (error) {
      reject(error);
    }
  }

  then(onFulfilled, onRejected) {
    const next = new OwnPromise(() => {});
    const job = () => {
      const handler = this._state === "fulfilled" ? onFulfilled : onRejected;
      if (typeof handler !== "function") {
        if (this._state === "fulfilled") resolveWith(next, this._value);
        else settle(next, "rejected", this._value);
        return;
      }
      try {
        resolveWith(next, handler(this._value));
      } catch (error) {
        settle(next, "rejected", error);
      }
    };
    unhandled.delete(this);
    if (this._state === "pending") this._waiting.push(job);
    else jobs.push(job);
    return next;
  }

  catch(onRejected) {
    return this.then(undefined, onRejected);
  }

  finally(action) {
    return this.then(
      (value) => OwnPromise.resolve(action()).then(() => value),
      (error) => OwnPromise.resolve(action()).then(() => {
        throw error;
      }));
  }

  static resolve(value) {
    return value instanceof OwnPromise ? value
      : new OwnPromise((resolve) => resolve(value));
  }

  static reject(error) {
    return new OwnPromise((_, reject) => reject(error));
  }

  static withResolvers() {
    const made = {};
    made.promise = new OwnPromise((resolve, reject) =>
      Object.assign(made, { resolve, reject }));
    return made;
  }

  static try(action, ...given) {
    return new OwnPromise((resolve) => resolve(action(...given)));
  }

  static race(values) {
    return new OwnPromise((resolve, reject) => {
      for (const value of values)
        OwnPromise.resolve(value).then(resolve, reject);
    });
  }

  static all(values) {
    return gather(values, (slot, promise, fail) =>
      promise.then(slot, fail));
  }

  static allSettled(values) {
    return gather(values, (slot, promise) => promise.then(
      (value) => slot({ status: "fulfilled", value }),
      (reason) => slot({ status: "rejected", reason })));
  }

  static any(values) {
    return new OwnPromise((resolve, reject) => {
      gather(values, (slot, promise) => promise.then(resolve, slot)).then(
        (errors) => reject(new AggregateError(errors,
          "All promises were rejected")), reject);
    });
  }

  get [Symbol.toStringTag]() {
    return "Promise";
  }
}
Object.defineProperty(OwnPromise, "name", { value: "Promise" });

function gather(values, watch) {
  return new OwnPromise((resolve, reject) => {
    const results = [];
    let left = 1;
    const done = () => {
      if (--left === 0) resolve(results);
    };
    let at = 0;
    for (const value of values) {
      const index = at++;
      left++;
      watch((result) => {
        results[index] = result;
        done();
      }, OwnPromise.resolve(value), reject);
    }
    done();
  });
}

// What an async function became: a generator that yields what it awaits.
export function co(generator) {
  return new OwnPromise((resolve, reject) => {
    const step = (how, value) => {
      let turn;
      try {
        turn = generator[how](value);
      } catch (error) {
        reject(error);
        return;
      }
      if (turn.done) resolve(turn.value);
      else
        OwnPromise.resolve(turn.value).then(
          (v) => step("next", v), (e) => step("throw", e));
    };
    step("next");
  });
}

class Await {
  constructor(value) {
    this.value = value;
  }
}

export const wait = (value) => new Await(value);

// What an async generator became: it yields an Await for what it awaits.
export function coGenerator(generator) {
  let last = OwnPromise.resolve();
  const step = (how, value) => {
    const turn = generator[how](value);
    if (!turn.done && turn.value instanceof Await)
      return OwnPromise.resolve(turn.value.value).then(
        (v) => step("next", v), (e) => step("throw", e));
    return turn;
  };
  const ask = (how) => (value) => {
    last = last.then(() => step(how, value), () => step(how, value));
    return last;
  };
  return {
    next: ask("next"), return: ask("return"), throw: ask("throw"),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

export function asyncIterator(values) {
  const own = values[Symbol.asyncIterator];
  if (own) return own.call(values);
  const iterator = values[Symbol.iterator]();
  return {
    next() {
      const turn = iterator.next();
      return OwnPromise.resolve(turn.value).then((value) =>
        ({ value, done: turn.done }));
    },
  };
}

function addTimer(action, delay, given, every) {
  const after = Math.max(1, Math.min(Number(delay) || 0, 2 ** 31 - 1));
  const timer = { id: nextTimer++, order: nextOrder++, action, given, after,
    every, due: Number(mono.now()) / 1e6 + after };
  timers.push(timer);
  return timer.id;
}

function clearTimer(id) {
  timers = timers.filter((timer) => timer.id !== id);
}

function runTimer() {
  timers.sort((a, b) => a.due - b.due || a.order - b.order);
  const timer = timers[0];
  const left = timer.due - Number(mono.now()) / 1e6;
  if (left > 0) mono.subscribeDuration(Math.ceil(left * 1e6)).block();
  timers.shift();
  if (timer.every) {
    timer.due = Number(mono.now()) / 1e6 + timer.after;
    timer.order = nextOrder++;
    timers.push(timer);
  }
  if (typeof timer.action === "function") timer.action(...timer.given);
}

// Runs jobs and timers until none is left.
export function drain() {
  for (;;) {
    for (let at = 0; at < jobs.length; at++) {
      const job = jobs[at];
      jobs[at] = undefined;
      job();
      if (at > 1024) {
        jobs = jobs.slice(at + 1);
        at = -1;
      }
    }
    jobs = [];
    if (timers.length === 0) return;
    runTimer();
  }
}

// Forgets what a call left behind; what was rejected and never looked at.
export function settleUp() {
  jobs = [];
  timers = [];
  const [first] = unhandled;
  unhandled.clear();
  return first;
}

export const globals = {
  Promise: OwnPromise,
  setTimeout: (action, delay, ...given) =>
    addTimer(action, delay, given, false),
  setInterval: (action, delay, ...given) =>
    addTimer(action, delay, given, true),
  setImmediate: (action, ...given) => addTimer(action, 0, given, false),
  clearTimeout: clearTimer,
  clearInterval: clearTimer,
  clearImmediate: clearTimer,
  queueMicrotask: (action) => {
    jobs.push(action);
  },
};

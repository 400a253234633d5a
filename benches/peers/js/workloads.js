// The workloads, as programs of JavaScript's promises. Each takes the class, a size and a stopwatch, and returns a number
// that proves that the work was done. `native: true` marks those that measure the host and not the class.
'use strict';

const add = (state) => (value) => {
  state.sum += value;
};

const pending = (P) => {
  let resolve;
  const promise = new P((fulfill) => {
    resolve = fulfill;
  });
  return { promise, resolve };
};

const soon = (P, value) => new P((resolve) => queueMicrotask(() => resolve(value)));

const turn = () => new Promise((resolve) => setImmediate(resolve));

const increment = (value) => value + 1;

const W1 = (P, size) => {
  let tail = P.resolve(0);
  for (let i = 0; i < size; i++) tail = tail.then(increment);
  return tail;
};

const W1b = (P, size) => {
  const head = pending(P);
  let tail = head.promise;
  for (let i = 0; i < size; i++) tail = tail.then(increment);
  head.resolve(0);
  return tail;
};

const W2 = (P, size) =>
  new P((finish) => {
    let sum = 0;
    let done = 0;
    const next = () => {
      const round = done;
      new P((resolve) => queueMicrotask(() => resolve(round))).then((value) => {
        sum += value;
        done += 1;
        if (done < size) next();
        else finish(sum);
      });
    };
    next();
  });

const W3 = (P, size) => {
  const state = { sum: 0 };
  const { promise, resolve } = pending(P);
  const handler = add(state);
  for (let i = 0; i < size; i++) promise.then(handler);
  const last = promise.then(() => state.sum);
  resolve(1);
  return last;
};

const W4 = (P, size) => {
  const promises = [];
  const resolves = [];
  for (let i = 0; i < size; i++) {
    const { promise, resolve } = pending(P);
    promises.push(promise);
    resolves.push(resolve);
  }
  const all = P.all(promises);
  for (let i = 0; i < size; i++) resolves[i](i);
  return all.then((values) => values.reduce((sum, value) => sum + value, 0));
};

const W5 = (P, size) => {
  let tail = P.resolve(0);
  for (let i = 0; i < size; i++) tail = tail.then((value) => P.resolve(value + 1));
  return tail;
};

const W5p = async (P, size) => {
  const state = { sum: 0 };
  const handler = add(state);
  const resolves = [];
  for (let i = 0; i < size; i++) {
    const inner = pending(P);
    resolves.push(inner.resolve);
    new P((resolve) => resolve(inner.promise)).then(handler);
  }
  await turn();
  for (let i = 0; i < size; i++) resolves[i](i);
  await turn();
  return state.sum;
};

const W6 = async (_, size) => {
  const state = { sum: 0 };
  const callback = () => {
    state.sum += 1;
  };
  for (let i = 0; i < size; i++) queueMicrotask(callback);
  await turn();
  return state.sum;
};

const W6s = async (_, size) => {
  const state = { sum: 0 };
  const task = async () => {
    await undefined;
    state.sum += 1;
  };
  for (let i = 0; i < size; i++) task();
  await turn();
  return state.sum;
};

// The delays of W7 and W7c: 1 to 1000 ms, the same in every program.
const delays = () => {
  let seed = 1;
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return 1 + ((seed >>> 16) % 1000);
  };
};

const W7 = (_, size) =>
  new Promise((finish) => {
    const delay = delays();
    let fired = 0;
    const callback = () => {
      fired += 1;
      if (fired === size) finish(fired);
    };
    for (let i = 0; i < size; i++) setTimeout(callback, delay());
  });

const W7c = async (_, size) => {
  const delay = delays();
  const timers = [];
  let cleared = 0;
  const callback = () => {
    throw new Error('it was cleared');
  };
  for (let i = 0; i < size; i++) timers.push(setTimeout(callback, delay()));
  for (const timer of timers) {
    clearTimeout(timer);
    cleared += 1;
  }
  return cleared;
};

const W8 = async (P, size, watch) => {
  const state = { sum: 0 };
  const handler = add(state);
  const resolves = new Array(size).fill(null);
  const before = watch.heap();
  for (let i = 0; i < size; i++) {
    const { promise, resolve } = pending(P);
    promise.then(handler);
    resolves[i] = resolve;
  }
  watch.bytes((watch.heap() - before) / size);
  for (let i = 0; i < size; i++) resolves[i](i);
  await turn();
  return state.sum;
};

// The steps of W9. Without timers each is a promise that has settled; with timers it settles after 1 ms.
const settledStep = (P) => (value) => P.resolve(value);
const timedStep = (P) => (value) => new P((resolve) => setTimeout(resolve, 1, value));

// One request of doxbee-sequential: an upload. Eight steps one after the other, one of them two queries joined.
const upload = (P, step, request) =>
  step(request) // Begin the transaction.
    .then((transaction) => step(transaction + 1)) // Store the blob.
    .then((blob) => step(blob + 1)) // Find the file.
    .then((file) => step(file + 1)) // Insert the version.
    .then((version) => P.all([step(version), step(1)])) // Insert the file and the link to its version.
    .then(([file, link]) => step(file + link)) // Update the file.
    .then((file) => step(file + 1)) // Write the log.
    .then((entry) => step(entry + 1)); // Commit.

const uploadAwaiting = async (P, step, request) => {
  const transaction = await step(request);
  const blob = await step(transaction + 1);
  const found = await step(blob + 1);
  const version = await step(found + 1);
  const [inserted, link] = await P.all([step(version), step(1)]);
  const updated = await step(inserted + link);
  const entry = await step(updated + 1);
  return step(entry + 1);
};

// One request of madeup-parallel: 25 queries at once.
const query = (P, step, request) => {
  const queries = [];
  for (let i = 0; i < 25; i++) queries.push(step(request + i));
  return P.all(queries).then((answers) => answers.reduce((sum, answer) => sum + answer, 0));
};

const requests = (makeStep, request) => async (P, size) => {
  const state = { sum: 0 };
  const handler = add(state);
  const step = makeStep(P);
  const served = [];
  for (let i = 0; i < size; i++) served.push(request(P, step, i).then(handler));
  await P.all(served);
  return state.sum;
};

const W10 = (_, size, watch) =>
  new Promise((finish) => {
    const { Worker } = require('node:worker_threads');
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads');
       parentPort.on('message', (size) => { for (let i = 0; i < size; i++) parentPort.postMessage(i); });
       parentPort.postMessage(-1);`,
      { eval: true },
    );
    const state = { sum: 0, done: 0 };
    const resolves = [];
    const handler = (value) => {
      state.sum += value;
      state.done += 1;
      if (state.done === size) {
        watch.stop();
        worker.terminate().then(() => finish(state.sum));
      }
    };
    worker.on('message', (index) => {
      if (index >= 0) return resolves[index](index);
      // The worker is up: from here on it is measured.
      watch.start();
      for (let i = 0; i < size; i++) {
        const { promise, resolve } = pending(Promise);
        promise.then(handler);
        resolves.push(resolve);
      }
      worker.postMessage(size);
    });
  });

const W11 = async (_, size) => {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += await Promise.resolve(i);
  return sum;
};

const W12t = (P, size) => {
  let tail = P.resolve(0);
  for (let i = 0; i < size; i++) tail = tail.then((value) => soon(P, value + 1));
  return tail;
};

const W12a = async (P, size) => {
  let value = 0;
  for (let i = 0; i < size; i++) value = await soon(P, value + 1);
  return value;
};

const ofTheClass = {
  W1,
  W1b,
  W2,
  W3,
  W4,
  W5,
  W5p,
  W8,
  W9d: requests(settledStep, upload),
  W9dt: requests(timedStep, upload),
  W9m: requests(settledStep, query),
  W9mt: requests(timedStep, query),
  W12t,
};

const ofTheHost = {
  W6,
  W6s,
  W7,
  W7c,
  W9da: requests(settledStep, uploadAwaiting),
  W10,
  W11,
  W12a,
};

module.exports = { ofTheClass, ofTheHost };

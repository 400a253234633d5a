'use strict';
// What the addon owes to JavaScript: every value passes as it is, exceptions arrive, and what nobody holds is
// collected.

const assert = require('node:assert');
const { once } = require('node:events');
const { test } = require('node:test');
const { setImmediate: macrotask } = require('node:timers/promises');
const { Worker } = require('node:worker_threads');

const Promise = require('./promise.js');

test('every value passes as it is', async () => {
  const values = [
    undefined, null, true, false, 0, -0, NaN, 1.5, '', 'text', 'nul\0, lone \ud800', 10n, Symbol('s'), Symbol.iterator,
    {}, [], () => {}, class {}, new Date(0), new Proxy({}, {}), new Proxy(() => {}, {}), Object.create(null),
    Object.freeze({}),
  ];
  const seen = [];
  for (const value of values) {
    Promise.resolve(value).then((v) => seen.push(v));
    Promise.reject(value).then(undefined, (v) => seen.push(v));
    Promise.resolve().then(() => value).then((v) => seen.push(v));
    Promise.resolve().then(() => { throw value; }).catch((v) => seen.push(v));
  }
  await macrotask();
  assert.equal(seen.length, 4 * values.length);
  for (const value of values) assert.equal(seen.filter((v) => Object.is(v, value)).length, 4, String(typeof value));
});

test('a setter in Object.prototype is not called', async () => {
  const fail = () => assert.fail();
  Object.defineProperty(Object.prototype, 'value', { configurable: true, get: fail, set: fail });
  try {
    const seen = [];
    Promise.resolve(1).then((v) => seen.push(v));
    await macrotask();
    assert.deepEqual(seen, [1]);
  } finally {
    delete Object.prototype.value;
  }
});

test('what is used wrongly throws', () => {
  const { then } = Promise.prototype;
  const promise = Promise.resolve(1);
  for (const object of [{}, [], () => {}, 1, undefined, new Proxy(promise, {}), Object.create(promise)]) {
    assert.throws(() => then.call(object, () => {}), TypeError);
  }
  assert.throws(() => new Promise(), TypeError);
  const loadAgain = () => process.dlopen({ exports: {} }, process.env.THENABLE_ADDON);
  assert.throws(loadAgain, /loaded in this thread already/);
});

/** Collects garbage until `isDone`, or until it has had every chance. */
async function collect(isDone) {
  for (let round = 0; round < 50 && !isDone(); round++) {
    await macrotask();
    globalThis.gc();
  }
  return isDone();
}

test('values are collected when the promises that hold them are', async () => {
  const held = [];
  const watch = () => {
    const value = {};
    held.push(new WeakRef(value));
    return value;
  };
  const isFreed = () => held.every((value) => value.deref() === undefined);

  (() => {
    for (let i = 0; i < 100; i++) {
      const pending = new Promise(() => {});
      Promise.resolve(watch()).then(watch());
      const handler = watch();
      pending.then(() => handler);
      const chained = watch();
      Promise.resolve().then(() => { throw chained; }).catch(() => {});
      const inner = watch();
      new Promise((resolve) => resolve({ then(r) { r(inner); } }));
    }
  })();
  assert.equal(held.length, 500);
  assert.ok(await collect(isFreed), `${held.filter((value) => value.deref()).length} of ${held.length} are left`);
});

test('a value is kept as long as its promise is', async () => {
  let promise;
  const value = (() => {
    const value = { name: 'kept' };
    promise = Promise.resolve(value);
    return new WeakRef(value);
  })();
  assert.equal(await collect(() => value.deref() === undefined), false);
  const seen = [];
  promise.then((v) => seen.push(v));
  await macrotask();
  assert.deepEqual(seen, [{ name: 'kept' }]);
});

test('functions outlive the promise that they resolve', async () => {
  let resolve, reject;
  (() => { new Promise((...functions) => { [resolve, reject] = functions; }); })();
  await collect(() => false);
  resolve(1);
  reject(2);
});

/** How the thread of a worker ends while promises are pending: the code in a handler, and the exit code. */
const ENDINGS = {
  'of itself': { handler: '', exitCode: 0 },
  'by process.exit in a handler': { handler: 'process.exit(7);', exitCode: 7 },
  'by terminate while a handler runs': { handler: 'for (;;);', exitCode: 1 },
};

test('a worker has promises of its own', async (t) => {
  for (const [how, { handler, exitCode }] of Object.entries(ENDINGS)) {
    await t.test(`and ends ${how}`, async () => {
      const code = `
        const { parentPort, workerData } = require('node:worker_threads');
        const Promise = require(workerData);
        globalThis.kept = [new Promise(() => {}), Promise.resolve({}), Promise.reject({})];
        for (const p of kept) p.then(() => {}).catch(() => {});
        const last = Promise.resolve('from a handler').then((text) => { parentPort.postMessage(text); ${handler} });
        last.then(() => {}).catch(() => {});
      `;
      const worker = new Worker(code, { eval: true, workerData: require.resolve('./promise.js') });
      const exited = once(worker, 'exit');
      const [message] = await once(worker, 'message');
      assert.equal(message, 'from a handler');
      if (handler.startsWith('for')) await worker.terminate();
      assert.deepEqual(await exited, [exitCode]);
    });
  }
});

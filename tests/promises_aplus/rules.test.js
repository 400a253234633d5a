'use strict';
// The suite does not see ticks, so this does: the same snippets give the same traces with our promises as with Node's,
// and the jobs of both interleave in the one microtask queue.

const assert = require('node:assert');
const { test } = require('node:test');
const { setImmediate: macrotask } = require('node:timers/promises');

const Ours = require('./promise.js');
const rules = require('./rules.js');

const Native = globalThis.Promise;
const KINDS = { Native, Ours };

/** How many ticks are counted: more than any snippet takes. */
const TICKS = 30;

/**
 * Runs snippets in one macrotask, each in a kind of promise. Returns the lines of all, each after the name of its snippet.
 */
async function trace(snippets) {
  const lines = [];
  let tick = 0;
  const count = () => { if (++tick < TICKS) queueMicrotask(count); };
  const g = () => tick;

  // In a macrotask of its own, where the microtask queue is empty.
  setImmediate(() => {
    queueMicrotask(count);
    for (const [name, { run }, Promise, Inner] of snippets) {
      const log = (line) => lines.push(name + line);
      const c = (handler) => () => log(`${handler}@${tick}`);
      run({ Promise, Inner, log, c, g });
    }
  });
  await macrotask();
  await macrotask();
  assert.equal(tick, TICKS);
  return lines;
}

for (const [name, rule] of Object.entries(rules)) {
  test(`${name}, ${rule.about}`, async (t) => {
    for (const [outer, Promise] of Object.entries(KINDS)) {
      for (const [inner, Inner] of Object.entries(KINDS)) {
        await t.test(`${outer}, resolved with ${inner}`, async () => {
          assert.equal((await trace([['', rule, Promise, Inner]])).join('  '), rule.expected);
        });
      }
    }

    const twice = (First, Second) => trace([['1 ', rule, First, First], ['2 ', rule, Second, Second]]);
    const expected = await twice(Native, Native);
    for (const [first, First] of Object.entries(KINDS)) {
      for (const [second, Second] of Object.entries(KINDS)) {
        await t.test(`${first} beside ${second}`, async () => {
          assert.deepEqual(await twice(First, Second), expected);
        });
      }
    }
  });
}

test('jobs of both kinds run in turns', async () => {
  const log = [];
  const chain = (name, Promise) => {
    let p = Promise.resolve();
    for (let link = 1; link <= 4; link++) p = p.then(() => log.push(name + link));
  };
  chain('ours', Ours);
  chain('native', Native);
  chain('ours too', Ours);
  await macrotask();
  assert.deepEqual(log, [1, 2, 3, 4].flatMap((link) => [`ours${link}`, `native${link}`, `ours too${link}`]));
});

test('microtasks run between two jobs, and ticks after all of them', async () => {
  const log = [];
  setImmediate(() => {
    Ours.resolve().then(() => {
      process.nextTick(() => log.push('tick'));
      queueMicrotask(() => log.push('microtask 2'));
    }).then(() => log.push('ours 2'));
    queueMicrotask(() => log.push('microtask 1'));
    Ours.resolve().then(() => log.push('ours 1'));
  });
  await macrotask();
  await macrotask();
  assert.deepEqual(log, ['microtask 1', 'ours 1', 'microtask 2', 'ours 2', 'tick']);
});

test('an async function awaits one of ours in the ticks of a thenable', async () => {
  const ticksOf = async (promise) => {
    let ticks = 0, isDone = false;
    const count = () => { if (!isDone) { ticks++; queueMicrotask(count); } };
    queueMicrotask(count);
    await promise;
    isDone = true;
    return ticks;
  };
  const thenable = { then: (resolve) => Native.resolve().then(resolve) };
  assert.equal(await ticksOf(Ours.resolve()), await ticksOf(thenable));
  assert.equal(await Ours.resolve('a value'), 'a value');
  await assert.rejects(async () => { await Ours.reject(new RangeError('a reason')); }, RangeError);
});

test('a promise that was resolved with itself has one reason', async () => {
  let resolve;
  const promise = new Ours((r) => { resolve = r; });
  resolve(promise);
  const adopting = new Ours((r) => r(promise));
  const reasons = [];
  for (const p of [promise, promise, promise.then(), adopting]) p.catch((reason) => reasons.push(reason));
  await macrotask();
  assert.equal(reasons.length, 4);
  assert.equal(new Set(reasons).size, 1);
  assert.match(reasons[0].message, /resolved with itself/);
});

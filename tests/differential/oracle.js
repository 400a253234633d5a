'use strict';
// The oracle: runs programs in Node and says what they logged.
//
// One JSON value a line comes in on the standard input, a list of { source, counted }, and one goes out on the standard
// output, a list of traces, each a list of words. `source` is the body of a function over the names in `api`. Every
// macrotask begins when the loop has nothing left to do. The clock is that of `clock.c`.

const fs = require('node:fs');
const os = require('node:os');
const { addAbortListener } = require('node:events');
const { AsyncLocalStorage } = require('node:async_hooks');
const { internalBinding } = require('internal/test/binding');
const { getPromiseDetails, constants: { kPending, kRejected } } = internalBinding('util');

const store = new AsyncLocalStorage();
const outside = AsyncLocalStorage.snapshot();

// For how many ticks after the last logged word ticks are counted. It is bounded so that the queues run empty.
const COUNTED_TICKS = 12;

// Milliseconds, of a clock that jumps.
const BEYOND_ALL_TIMERS = 1_000;

// ECMA-262 has them; Node 20 has not.
Promise.withResolvers ??= function () {
  const functions = {};
  functions.promise = new this((resolve, reject) => Object.assign(functions, { resolve, reject }));
  return functions;
};
Promise.try ??= function (f) {
  return new this((resolve) => resolve(f()));
};

let program;

function show(value) {
  if (value === undefined) return 'u';
  if (value instanceof TypeError) return 'T';
  if (value?.name === 'TimeoutError') return 'X';
  if (value instanceof AggregateError) return 'A' + show(value.errors);
  if (Array.isArray(value)) return `[${value.map(show)}]`;
  if (value.status === 'fulfilled') return '=' + show(value.value);
  if (value.status === 'rejected') return '!' + show(value.reason);
  return String(value);
}

function state(promise) {
  if (promise === undefined) return '-';
  const [state, result] = getPromiseDetails(promise);
  if (state === kPending) return '?';
  return (state === kRejected ? '!' : '=') + show(result);
}

// A chain of microtasks that counts the ticks. It goes on for a while after each logged word.
function count() {
  program.tick += 1;
  program.ticksLeft -= 1;
  if (program.ticksLeft > 0) queueMicrotask(count);
}

function keepCounting() {
  if (!program.counted) return;
  if (program.ticksLeft === 0) queueMicrotask(count);
  program.ticksLeft = COUNTED_TICKS;
}

function word(text) {
  if (program.hasEnded) return;
  const kept = store.getStore();
  const place = kept === undefined ? '' : `#${kept}`;
  program.trace.push(text + place + (program.counted ? `@${program.tick}` : ''));
  keepCounting();
}

const unused = setTimeout(() => {});
clearTimeout(unused);
const Timeout = unused.constructor;

// The next program must not meet what is left of cleared timers: Node forgets when it wanted to look at its timers only by
// looking at them.
function forgetTimers() {
  setTimeout(() => {}, BEYOND_ALL_TIMERS);
}

forgetTimers();

function now() {
  return Math.round(performance.now() - program.start);
}

const api = {
  store,
  // A `then` that is called in the context in which it is handed over, as AsyncContext has it. Node 20 calls it in that
  // in which the promise was made.
  bound: (then) => AsyncLocalStorage.bind(then),
  now,
  busy: (ms) => os.getPriority(0 - ms),
  // The callback of an interval: runs a block in each call, and after the last one `end`.
  nth: (label, blocks, end) => () => {
    word(`${label}(${now()})`);
    blocks.shift()?.();
    if (blocks.length === 0) end();
  },
  clear: (timer) => (timer instanceof Timeout ? clearTimeout(timer) : clearImmediate(timer)),
  // Only what is active: Node would revive a timeout that has fired, and its callback has run already.
  refresh: (timer) => {
    if (timer instanceof Timeout && timer._onTimeout && (timer._repeat || timer._idleNext)) timer.refresh();
  },
  timers: (timers) => (program.timers = timers),
  macrotask: (task) => program.tasks.push(task),
  onUnhandled: (block) => program.unhandled.push(block),
  onHandled: (block) => program.handled.push(block),
  names: (names) => (program.names = names),
  states: (states) => (program.states = states),
  log: (label, ...values) => word(values.length > 0 ? `${label}(${show(values[0])})` : label),
  // A fault among the reasons of `any` is what the crate faults with.
  logErrors: (label, error) => {
    const fault = error instanceof AggregateError && error.errors.find((reason) => reason instanceof TypeError);
    if (fault) return fault;
    word(`${label}(${show(error)})`);
    return error;
  },
  timeoutSignal: (ms) => {
    program.lastTimeout = Math.max(program.lastTimeout, now() + ms + 1);
    return AbortSignal.timeout(ms);
  },
  anySignal: (signals) => AbortSignal.any(signals.filter((signal) => signal !== undefined)),
  // Returns what takes the listener off. In Node one of a signal that is aborted already is called all the same.
  onAbort: (signal, listener) => {
    if (signal === undefined) return undefined;
    const late = signal.aborted;
    let isGone = false;
    const registration = addAbortListener(signal, () => {
      if (!program.hasEnded && (!late || !isGone)) listener(signal.reason);
    });
    return () => {
      isGone = true;
      registration[Symbol.dispose]();
    };
  },
  // A promise that settles as another one does, unless the signal is aborted before.
  abortable: (promise, signal) => {
    if (promise === undefined || signal === undefined) return undefined;
    if (signal.aborted) {
      promise.then(() => {}, () => {});
      return Promise.reject(signal.reason);
    }
    return new Promise((resolve, reject) => {
      const registration = addAbortListener(signal, () => reject(signal.reason));
      const settle = (settle) => (result) => {
        registration[Symbol.dispose]();
        settle(result);
      };
      promise.then(settle(resolve), settle(reject));
    });
  },
  lookAtSignal: (label, signal) => {
    if (signal === undefined) return word(`${label}-`);
    word(label + (signal.aborted ? `!${show(signal.reason)}` : '?'));
  },
  look: (label, promise) => word(label + state(promise)),
  same: (a, b) => word(a === b ? 'same' : 'different'),
};

function nameOf(promise) {
  const entry = program.names().find(([, known]) => known === promise);
  return entry ? entry[0] : '?';
}

// The listeners are called without a store. Node calls them with that of the promise.
process.on('unhandledRejection', (reason, promise) => {
  outside(() => {
    word(`U${nameOf(promise)}(${show(reason)})`);
    if (!program.hasEnded) program.unhandled.shift()?.();
  });
});

process.on('rejectionHandled', (promise) => {
  outside(() => {
    word(`H${nameOf(promise)}`);
    if (!program.hasEnded) program.handled.shift()?.();
  });
});

let input = Buffer.alloc(0);

function readLine() {
  const chunk = Buffer.alloc(1 << 16);
  let end;
  while ((end = input.indexOf('\n')) < 0) {
    const length = fs.readSync(0, chunk);
    if (length === 0) return undefined;
    input = Buffer.concat([input, chunk.subarray(0, length)]);
  }
  const line = input.toString('utf8', 0, end);
  input = input.subarray(end + 1);
  return line;
}

// What the loop does next, when it has nothing left to do.
let next = nextBatch;

process.on('beforeExit', () => next());

function nextBatch() {
  const line = readLine();
  if (line !== undefined) nextProgram(JSON.parse(line), []);
}

function nextProgram(requests, traces) {
  if (requests.length === 0) {
    fs.writeSync(1, JSON.stringify(traces) + '\n');
    return nextBatch();
  }
  const { source, counted } = requests.shift();
  const trace = [];
  traces.push(trace);
  program = {
    counted, trace, tick: 0, ticksLeft: 0, tasks: [], unhandled: [], handled: [], names: () => [], states: () => [],
    timers: () => [], start: performance.now(), lastTimeout: 0, hasEnded: false,
  };
  new Function(...Object.keys(api), `'use strict';\n${source}`)(...Object.values(api));
  const nextTask = () => {
    const task = program.tasks.shift();
    if (task === undefined) {
      return finish(() => nextProgram(requests, traces));
    }
    setImmediate(() => {
      program.tick = 0;
      keepCounting();
      task();
    });
  };
  next = nextTask;
  nextTask();
}

function finish(then) {
  for (const [id, promise] of program.states()) {
    if (promise !== undefined) program.trace.push(`s${id}${state(promise)}`);
  }
  program.hasEnded = true;
  next = () => clearTimers(then);
  // The timers of signals cannot be cleared, and do not keep the loop alive. So that the next program does not meet them,
  // they come to their end, which is no part of the trace.
  const left = program.lastTimeout - now();
  if (left > 0) setTimeout(() => {}, left);
  else next();
}

function clearTimers(then) {
  next = then;
  const timers = program.timers();
  if (timers.length === 0) return then();
  // Those that do not keep the loop alive may be pending.
  timers.forEach(api.clear);
  forgetTimers();
}

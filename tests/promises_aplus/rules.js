'use strict';
// The rules of order for promises, T1 to T13: snippets, each with what Node prints for its own promises.
//
// `Promise` is the kind under test, and `Inner` the kind of the promises that others are resolved with: it may be
// another one. `log(x)` appends to the trace, `c('A')` is a handler that appends `A@k` where k is the tick, and `g()`
// is the tick.

exports.T1 = {
  about: 'then on a settled promise',
  expected: 'sync  A@1  B@2',
  run({ Promise, log, c }) {
    Promise.resolve(1).then(c('A')).then(c('B'));
    log('sync');
  },
};

exports.T2 = {
  about: 'then on a pending promise',
  expected: 'settled@1  A@2  B@2  C@2',
  run({ Promise, log, c, g }) {
    let r; const p = new Promise((x) => { r = x; });
    p.then(c('A')); p.catch(c('no')); p.then(c('B'), c('no'));
    queueMicrotask(() => { r(1); log('settled@' + g()); p.then(c('C')); });
  },
};

exports.T3 = {
  about: 'jobs are queued in the order of settling',
  expected: 'p2@1  p1@1',
  run({ Promise, c }) {
    let r1, r2; const p1 = new Promise((x) => { r1 = x; }), p2 = new Promise((x) => { r2 = x; });
    p1.then(c('p1')); p2.then(c('p2'));
    r2(); r1();
  },
};

exports.T4 = {
  about: 'a missing handler costs a tick',
  expected: 'C2@2  A3@3  B3@3',
  run({ Promise, c }) {
    Promise.resolve(1).catch(c('no')).catch(c('no')).then(c('A3'));
    Promise.reject(1).then(c('no')).then(c('no')).catch(c('B3'));
    Promise.resolve(1).then(null, null).then(c('C2'));
  },
};

exports.T5 = {
  about: 'resolving with a fulfilled promise',
  expected: 'resolve(1)@1  resolve(q)@3',
  run({ Promise, Inner, c }) {
    const q = Inner.resolve(1);
    new Promise((r) => r(q)).then(c('resolve(q)'));
    new Promise((r) => r(1)).then(c('resolve(1)'));
  },
};

exports.T6 = {
  about: 'resolving with a thenable that answers at once',
  expected: 'then called@1  then called@1  A@2  B@2',
  run({ Promise, log, c, g }) {
    const t = { then(r) { log('then called@' + g()); r(1); } };
    new Promise((r) => r(t)).then(c('A'));
    Promise.resolve(t).then(c('B'));
  },
};

exports.T7 = {
  about: 'what a handler returns',
  expected: 'value@2  throw@2  thenable@3  promise@4',
  run({ Promise, Inner, c }) {
    const q = Inner.resolve(1), t = { then(r) { r(1); } };
    Promise.resolve().then(() => 1).then(c('value'));
    Promise.resolve().then(() => t).then(c('thenable'));
    Promise.resolve().then(() => q).then(c('promise'));
    Promise.resolve().then(() => { throw 1; }).catch(c('throw'));
  },
};

exports.T8 = {
  about: 'resolving with a pending promise',
  expected: 'settle@3  inner@4  outer@5',
  run({ Promise, Inner, log, c, g }) {
    let r; const inner = new Inner((x) => { r = x; });
    new Promise((x) => x(inner)).then(c('outer')); inner.then(c('inner'));
    queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => { r(1); log('settle@' + g()); })));
  },
};

exports.T9 = {
  about: 'Promise.resolve gives a promise back',
  expected: 'true  A@1',
  run({ Promise, log, c }) {
    const p = Promise.resolve(1);
    log(Promise.resolve(p) === p);
    Promise.resolve(p).then(c('A'));
  },
};

exports.T10 = {
  about: 'the first call counts',
  expected: 'A@3',
  run({ Promise, Inner, c }) {
    let r, j, r2; const inner = new Inner((x) => { r2 = x; });
    const p = new Promise((a, b) => { r = a; j = b; }); r(inner); r(2); j(3);
    p.then(c('A'), c('no')); r2(7);
  },
};

exports.T11 = {
  about: 'an executor that throws',
  expected: 'ok@1  rej@1',
  run({ Promise, c }) {
    new Promise((r) => { r(1); throw 2; }).then(c('ok'), c('no'));
    new Promise(() => { throw 3; }).then(c('no'), c('rej'));
  },
};

exports.T12 = {
  about: 'a promise resolved with itself',
  expected: 'TypeError@1  TypeError@2',
  run({ Promise, log, g }) {
    let r; const p = new Promise((x) => { r = x; }); r(p);
    p.catch((e) => log(e.constructor.name + '@' + g()));
    const q = Promise.resolve().then(() => q); q.catch((e) => log(e.constructor.name + '@' + g()));
  },
};

exports.T13 = {
  about: 'a thenable that calls several functions, and throws',
  expected: 'A@2  B@2',
  run({ Promise, c }) {
    const t = { then(r, j) { r(1); j(2); r(3); throw 4; } };
    Promise.resolve(t).then(c('A'), c('no'));
    Promise.resolve({ then() { throw 5; } }).then(c('no'), c('B'));
  },
};

'use strict';
// The crate's promise as a class of JavaScript. The addon does everything but make the objects.

const path = process.env.THENABLE_ADDON;
if (!path) throw new Error('THENABLE_ADDON, the path of the addon, is not set: start this through the script `run`');
const addon = { exports: {} };
process.dlopen(addon, path);
const native = addon.exports;

class Promise {
  constructor(executor) {
    if (typeof executor !== 'function') throw new TypeError('the executor is not a function');
    native.construct(this, executor);
  }

  then(onFulfilled, onRejected) {
    const derived = empty();
    native.then(this, derived, onFulfilled, onRejected);
    return derived;
  }

  catch(onRejected) {
    return this.then(undefined, onRejected);
  }

  static resolve(x) {
    if (native.isPromise(x)) return x;
    const promise = empty();
    native.resolve(promise, x);
    return promise;
  }

  static reject(reason) {
    const promise = empty();
    native.reject(promise, reason);
    return promise;
  }
}

/** An object for the addon to put a promise into. */
function empty() {
  return Object.create(Promise.prototype);
}

module.exports = Promise;

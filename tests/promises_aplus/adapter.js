'use strict';
// What the suite asks of an implementation.

const Promise = require('./promise.js');

exports.resolved = (value) => Promise.resolve(value);
exports.rejected = (reason) => Promise.reject(reason);
exports.deferred = () => {
  const deferred = {};
  deferred.promise = new Promise((resolve, reject) => Object.assign(deferred, { resolve, reject }));
  return deferred;
};

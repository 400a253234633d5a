'use strict';
// Runs the Promises/A+ suite. It is a success if every one of its tests has run and passed.

const runSuite = require('promises-aplus-tests');
const adapter = require('./adapter.js');

/** How many tests version 2.1.2 has. A test that does not run is a failure too. */
const TESTS = 872;

const counts = { passed: 0, failed: 0, pending: 0 };

/** A reporter of mocha that counts. */
function Counter(runner) {
  runner.on('pass', () => counts.passed++);
  runner.on('pending', () => counts.pending++);
  runner.on('fail', (test, error) => {
    counts.failed++;
    console.error(`FAILED ${test.fullTitle()}\n    ${error && error.message}`);
  });
}

// Until it is known better: a process that ends before the suite does has failed.
process.exitCode = 1;

// The suite's own limit of 200 ms for a test fails at random where the machine is busy.
runSuite(adapter, { reporter: Counter, timeout: 3000 }, (error) => {
  const { passed, failed, pending } = counts;
  console.log(`promises-aplus-tests: ${passed} passed, ${failed} failed, ${pending} pending`);
  const isComplete = passed === TESTS && failed === 0 && pending === 0;
  if (isComplete && !error) process.exitCode = 0;
  else console.error(`expected: ${TESTS} passed, 0 failed, 0 pending`);
});

// Runs one workload and prints what was measured:
//   node run.js list
//   node run.js run native|bluebird WORKLOAD SIZE ROUNDS
// It runs in Node and in Bun. PEERS_MODULES names the folder that holds the installed packages.
'use strict';

const { readFileSync } = require('node:fs');
const path = require('node:path');
const { performance } = require('node:perf_hooks');
const { ofTheClass, ofTheHost } = require('./workloads.js');

const libraries = {
  native: { workloads: { ...ofTheClass, ...ofTheHost }, load: () => Promise },
  bluebird: { workloads: ofTheClass, load: () => require(path.join(process.env.PEERS_MODULES, 'bluebird')) },
};

const isBun = process.versions.bun !== undefined;

// Where timers run on a real clock, the time that the loop sleeps is no work. Node tells how long that was.
const sleeping = new Set(['W7', 'W9dt', 'W9mt']);
const idleSince = (then) => performance.eventLoopUtilization(then).idle * 1e6;

// Bun does not tell. What all of its threads together have worked is at least what the loop has.
const cpuSince = (then) => {
  const { user, system } = process.cpuUsage(then);
  return (user + system) * 1e3;
};

const heapBytes = () => {
  if (isBun) {
    Bun.gc(true);
    return require('bun:jsc').heapStats().heapSize;
  }
  global.gc();
  return process.memoryUsage().heapUsed;
};

class Stopwatch {
  constructor(sleeps) {
    this.sleeps = sleeps;
  }

  start() {
    this.begin = process.hrtime.bigint();
    this.loop = performance.eventLoopUtilization();
    this.cpu = process.cpuUsage();
    this.elapsed = undefined;
  }

  stop() {
    const wall = Number(process.hrtime.bigint() - this.begin);
    this.elapsed = this.sleeps ? this.awake(wall) : wall;
  }

  awake(wall) {
    return isBun ? Math.min(wall, cpuSince(this.cpu)) : wall - idleSince(this.loop);
  }

  heap() {
    return heapBytes();
  }

  bytes(perPromise) {
    this.bytesEach = perPromise;
  }
}

const sample = async (workload, P, size, sleeps) => {
  const watch = new Stopwatch(sleeps);
  watch.start();
  const checksum = await workload(P, size, watch);
  if (watch.elapsed === undefined) watch.stop();
  return { nanoseconds: watch.elapsed, checksum, bytes: watch.bytesEach };
};

const series = async (workload, P, { size, rounds, sleeps }) => {
  const total = { nanoseconds: 0, checksum: 0, bytes: undefined };
  for (let round = 0; round < rounds; round++) {
    const { nanoseconds, checksum, bytes } = await sample(workload, P, size, sleeps);
    total.nanoseconds += nanoseconds;
    total.checksum = checksum;
    total.bytes = bytes;
  }
  return total;
};

const peakKib = () => {
  try {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return Number(line[1]);
  } catch {
    return process.resourceUsage().maxRSS;
  }
};

const run = async (library, name, size, rounds) => {
  const { workloads, load } = libraries[library];
  const P = load();
  const workload = workloads[name];
  const plan = { size, rounds, sleeps: sleeping.has(name) };
  await series(workload, P, plan); // The warm-up: all of it once.
  const { nanoseconds, checksum, bytes } = await series(workload, P, plan);
  const result = { nanoseconds: Math.round(nanoseconds), checksum, peak_kib: peakKib(), bytes };
  console.log(JSON.stringify(result));
};

const [command, library, workload, size, rounds] = process.argv.slice(2);
if (command === 'list') {
  const names = ([library, { workloads }]) => [library, Object.keys(workloads)];
  console.log(JSON.stringify(Object.fromEntries(Object.entries(libraries).map(names))));
} else {
  run(library, workload, Number(size), Number(rounds)).catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
}

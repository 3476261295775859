// How many bytes does JavaScript keep for each turn of a loop whose callback returns the next turn's promise?
//
//     node --expose-gc benches/compare/turns.mjs
//
// Each turn is a promise that is resolved from outside. The first promise waits for the last, and all those
// between have to be kept for it.

const TURNS = 1_000_000;

let pending;

function turn() {
  return new Promise((resolve) => { pending = resolve; }).then((left) => (left ? turn() : 7));
}

async function run(turns) {
  for (let n = 0; n < turns; n += 1) {
    const resolve = pending;
    resolve(1);
    // The next turn is made in a job of its own.
    while (pending === resolve) await null;
  }
}

function held() {
  gc();
  return process.memoryUsage().heapUsed;
}

const end = turn();
// So that the code is compiled, and what is made once is there.
await run(10_000);
const before = held();
await run(TURNS);
const after = held();

console.log(`JavaScript promises, Node ${process.versions.node}`);
console.log(`bytes kept per turn: ${((after - before) / TURNS).toFixed(0)}`);
// Whoever waits for the loop's end keeps what is between.
pending(0);
await end;

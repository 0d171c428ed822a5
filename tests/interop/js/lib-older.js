// What the topics for clients of older releases share. Environment: HAPPN_CLIENT is the name of
// the package, HAPPN_CLIENT_VERSION its release, HAPPN_PORT the server's port. Callbacks only: not
// every old client has promises for all calls.
'use strict';
const assert = require('assert');
const readline = require('readline');
const Client = require(`${process.env.HAPPN_CLIENT}/lib/client`);

const release = process.env.HAPPN_CLIENT_VERSION;
const major = Number(release.split('.')[0]);
const port = Number(process.env.HAPPN_PORT);
const patience = 15000; // ms; bounds every wait, used up only by a failure

const cases = [];
const opened = [];

// test adds a case for the clients from a release on.
const test = (from, name, body) => major >= from && cases.push({ name, body });

const same = (actual, expected, message) => assert.deepStrictEqual(structuredClone(actual), expected, message);

const within = (promise, what) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${patience} ms: ${what}`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

// call calls a method with a callback, which may be given more than a result.
const call = (client, method, ...args) =>
  within(
    new Promise((resolve, reject) => client[method](...args, (e, ...results) => (e ? reject(e) : resolve(results)))),
    `${method} ${args[0]}`
  );
const ask = async (client, method, ...args) => (await call(client, method, ...args))[0];

// server has the test that started this script do something to the server.
const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const server = async (what) => {
  console.log(`@@ ${what}`);
  assert.strictEqual((await within(answers.next(), what)).value, 'done');
};

const connect = async (more = {}) => {
  const where = { host: '127.0.0.1', port, reconnect: { min: 20, max: 200 }, ...more };
  const options = { ...where, config: where, Logger: silent, utils: { logLevel: 'off' } };
  const client = await within(
    new Promise((resolve, reject) => Client.create(options, (e, c) => (e ? reject(e) : resolve(c)))),
    'connect'
  );
  opened.push(client);
  return client;
};

const log = () => {};
['info', 'debug', 'trace', 'error', 'warn', 'fatal', '$$TRACE'].forEach((level) => (log[level] = () => {}));
const silent = { createLogger: () => log };

class Events {
  constructor() {
    this.seen = [];
    this.waiting = [];
    this.handler = (data, meta) => {
      this.seen.push({ data, meta });
      this.waiting.splice(0).forEach((wake) => wake());
    };
  }
  async take(n) {
    const all = (async () => {
      while (this.seen.length < n) await new Promise((wake) => this.waiting.push(wake));
    })();
    await within(all, `${n} events, ${this.seen.length} came`);
    return this.seen.splice(0, n);
  }
  // none makes sure that nothing came: what the server has sent before it
  // answers one more request would be here.
  async none(client) {
    await ask(client, 'get', '/none/of/this', {});
    same(this.seen, []);
  }
}

const plain = (item) => {
  if (Array.isArray(item)) return item.map(plain);
  const { _meta, ...data } = item;
  return data;
};

const fails = async (promise, message) => {
  const e = await promise.then(
    () => assert.fail(`no error, wanted ${message}`),
    (e) => e
  );
  assert.strictEqual(e.message, message);
};

const run = async () => {
  let failed = 0;
  for (const { name, body } of cases) {
    try {
      await body();
      console.log(`ok - ${name}`);
    } catch (e) {
      failed++;
      console.log(`not ok - ${name}\n${(e && e.stack) || e}`);
    }
    for (const c of opened.splice(0)) await Promise.race([call(c, 'disconnect', {}).catch(() => {}), new Promise((r) => setTimeout(r, 1000))]);
  }
  console.log(`# ${cases.length - failed} of ${cases.length} passed with ${release}`);
  process.exit(failed ? 1 : 0);
};

process.on('unhandledRejection', (e) => {
  console.log(`not ok - unhandled rejection\n${(e && e.stack) || e}`);
  process.exit(1);
});


module.exports = { Events, ask, assert, call, connect, fails, major, plain, port, release, run, same, server, test, within };

// What the topics share: clients of the server under test, named cases, and
// events that can be waited for. Environment: HAPPN_PORT is the server's port;
// HAPPN_REFERENCE is set when that server is the npm reference.
'use strict';
const assert = require('assert');
const readline = require('readline');
const happn = require('happn-3');

const port = Number(process.env.HAPPN_PORT);
const reference = Boolean(process.env.HAPPN_REFERENCE);
const patience = 15000; // ms; bounds every wait, used up only by a failure

const cases = [];
const opened = [];

const test = (name, body) => cases.push({ name, body });

// same compares deeply. The client's transport parses JSON in a context of its
// own, whose objects are clones of ours and not equal to them for assert.
const same = (actual, expected, message) => assert.deepStrictEqual(structuredClone(actual), expected, message);

// within fails when the promise has not settled in time.
const within = (promise, what) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${patience} ms: ${what}`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

// connect opens a client that is closed at the end of its case, or of the
// topic if it is kept.
const connect = async (options = {}, keep = false) => {
  const client = await happn.client.create({
    host: '127.0.0.1',
    port,
    utils: { logLevel: 'off', log_level: 'off' },
    Logger: silent,
    ...options,
  });
  if (!keep) opened.push(client);
  return client;
};

const silent = {
  createLogger: () => {
    const log = () => {};
    ['info', 'debug', 'trace', 'error', 'warn', 'fatal'].forEach((level) => (log[level] = () => {}));
    log.$$TRACE = () => {};
    return log;
  },
};

// Events is a handler that remembers what it was called with.
class Events {
  constructor() {
    this.seen = [];
    this.waiting = [];
    this.handler = (data, meta) => {
      this.seen.push({ data, meta });
      this.waiting.splice(0).forEach((wake) => wake());
    };
  }
  // take waits for the next n events and forgets them.
  async take(n = 1) {
    const all = (async () => {
      while (this.seen.length < n) await new Promise((wake) => this.waiting.push(wake));
    })();
    await within(all, `${n} events, ${this.seen.length} came`);
    return this.seen.splice(0, n);
  }
  async next() {
    return (await this.take(1))[0];
  }
  // none makes sure that nothing came: whatever the server has sent to the
  // client before it answers one more request would be here.
  async none(client) {
    await client.get('/none/of/this');
    await client.get('/none/of/this');
    same(this.seen, []);
  }
}

// subscribe resolves to the handle and the initial values, which the promise
// form of on does not give.
const subscribe = (client, path, options, handler) =>
  within(
    new Promise((resolve, reject) => {
      client.on(path, options, handler, (e, id, initial) => (e ? reject(e) : resolve({ id, initial })));
    }),
    `on ${path}`
  );

// setAndReport sets and resolves to the answer and to the report of what became
// of the publication.
const setAndReport = async (client, path, data, options) => {
  let onPublished;
  const report = new Promise((resolve) => (onPublished = (error, result) => resolve({ error, result })));
  const answer = await client.set(path, data, { ...options, onPublished });
  return { answer, ...(await within(report, `the report of a publication on ${path}`)) };
};

// plain drops the members of a document that the client adds.
const plain = (item) => {
  if (Array.isArray(item)) return item.map(plain);
  const { _meta, ...data } = item;
  return data;
};

const rejects = async (promise, want) => {
  const e = await within(
    promise.then(
      () => {
        throw new assert.AssertionError({ message: `no error, wanted ${JSON.stringify(want)}` });
      },
      (e) => e
    ),
    'an error'
  );
  if (e instanceof assert.AssertionError) throw e;
  for (const key of Object.keys(want)) same(e[key], want[key], `${key} of ${e}`);
  return e;
};

// ask has the test that started this script do something to the server.
const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const ask = async (what) => {
  console.log(`@@ ${what}`);
  const { value } = await within(answers.next(), `the answer to ${what}`);
  assert.strictEqual(value, 'done');
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
    await Promise.all(opened.splice(0).map((c) => Promise.race([c.disconnect({ reconnect: false }).catch(() => {}), new Promise((r) => setTimeout(r, 1000))])));
  }
  console.log(`# ${cases.length - failed} of ${cases.length} passed`);
  process.exit(failed ? 1 : 0);
};

process.on('unhandledRejection', (e) => {
  console.log(`not ok - unhandled rejection\n${(e && e.stack) || e}`);
  process.exit(1);
});

module.exports = { Events, ask, assert, connect, patience, plain, port, reference, rejects, run, same, setAndReport, subscribe, test, within };

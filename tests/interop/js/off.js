// Every way to unsubscribe.
'use strict';
const { Events, assert, connect, reference, rejects, run, test } = require('./lib');

const watch = async (client, path, options = {}) => {
  const events = new Events();
  events.id = await client.on(path, options, events.handler);
  return events;
};

test('off ends one subscription', async () => {
  const [a, b] = [await connect(), await connect()];
  const [gone, stays] = [await watch(b, '/off/one'), await watch(b, '/off/*')];
  await b.off(gone.id);
  await a.set('/off/one', 1);
  await stays.next();
  await gone.none(b);
});

test('two listeners of one subscription end one by one', async () => {
  const [a, b] = [await connect(), await connect()];
  const [first, second] = [await watch(b, '/off/shared'), await watch(b, '/off/shared')];
  await b.off(first.id);
  await a.set('/off/shared', { v: 1 });
  assert.strictEqual((await second.next()).data.v, 1);
  await b.off(second.id);
  await a.set('/off/shared', { v: 2 });
  await first.none(b);
  await second.none(b);
});

test('different options on one channel end one by one', async () => {
  const [a, b] = [await connect(), await connect()];
  const [first, second] = [await watch(b, '/off/options', { meta: { n: 1 } }), await watch(b, '/off/options', { meta: { n: 2 } })];
  await b.off(first.id);
  await a.set('/off/options', { v: 1 });
  assert.strictEqual((await second.next()).data.v, 1);
  await first.none(b);
});

test('offPath ends all of a path and nothing else', async () => {
  const [a, b] = [await connect(), await connect()];
  const gone = [await watch(b, '/off/path/1'), await watch(b, '/off/path/1', { event_type: 'set' })];
  const stays = await watch(b, '/off/path/*');
  await b.offPath('/off/path/1');
  await a.set('/off/path/1', 1);
  await stays.next();
  for (const events of gone) await events.none(b);
});

test('offAll ends everything of this client only', async () => {
  const [a, b] = [await connect(), await connect()];
  const gone = await Promise.all(['/off/all', '/off/*', '/off/**', '*'].map((p) => watch(b, p)));
  const other = await watch(a, '/off/all');
  await b.offAll();
  await a.set('/off/all', 1);
  await other.next();
  for (const events of gone) await events.none(b);
  const again = await watch(b, '/off/all');
  await a.set('/off/all', 2);
  await again.next();
});

test('off of /** ends it at every depth', async () => {
  const [a, b] = [await connect(), await connect()];
  const depth = reference ? 5 : 7; // the reference leaves the levels below five alive
  const events = await watch(b, '/off/deep/**', { depth });
  await b.off(events.id);
  for (const path of ['/off/deep/1', '/off/deep/1/2/3/4/5', '/off/deep/1/2/3/4/5/6', '/off/deep/1/2/3/4/5/6/7']) await a.set(path, 1);
  await events.none(b);
});

test('off of one depth keeps the other', async () => {
  const [a, b] = [await connect(), await connect()];
  const [two, four] = [await watch(b, '/off/depths/**', { depth: 2 }), await watch(b, '/off/depths/**', { depth: 4 })];
  await b.off(two.id);
  await a.set('/off/depths/1/2/3', { n: 3 });
  assert.strictEqual((await four.next()).data.n, 3);
  await two.none(b);
});

test('off of everything-listeners keeps the rest', async () => {
  const [a, b] = [await connect(), await connect()];
  const keep = await watch(b, '/off/keep');
  const all = [await watch(b, '*'), await watch(b, '*')];
  // Two listeners share the subscription, so the client names no reference.
  for (const events of all) await b.off(events.id);
  await a.set('/off/keep', { v: 1 });
  for (const events of all) await events.none(b);
  if (!reference) assert.strictEqual((await keep.next()).data.v, 1);
});

test('a bad handle is refused, an unknown one ignored', async () => {
  const c = await connect();
  await rejects(c.off('x'), { message: 'handle must be a number' });
  await c.offPath('/off/never');
});

test('a client that left gets nothing and disturbs nobody', async () => {
  const [a, b, c] = [await connect(), await connect(), await connect()];
  await watch(b, '/off/left');
  const stays = await watch(c, '/off/left');
  await b.disconnect();
  const answer = await a.set('/off/left', 1, { publishResults: true });
  await stays.next();
  assert.strictEqual(answer._meta.publishResults.failed, 0);
});

run();

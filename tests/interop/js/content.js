// What happn-host does with a client's options beyond what happn-3 does: criteria
// of subscriptions, tags, siblings, and what upsertType means.
'use strict';
const { Events, assert, connect, plain, rejects, run, same, subscribe, test } = require('./lib');

test('a listener with criteria hears what satisfies them', async () => {
  const c = await connect();
  const events = new Events();
  await c.on('/content/heard/*', { event_type: 'set', criteria: { 'o.n': { $gte: 2 } } }, events.handler);
  await c.set('/content/heard/1', { o: { n: 1 } });
  await c.set('/content/heard/2', { o: { n: 2 } });
  await c.set('/content/heard/3', { n: 3 });
  await c.remove('/content/heard/2');
  same((await events.take(1)).map((e) => e.meta.path), ['/content/heard/2']);
  await events.none(c);
});

test('initial values are searched like documents, with options at both levels', async () => {
  const c = await connect();
  for (const n of [1, 2, 3, 4, 5]) await c.set(`/content/initial/${n}`, { n, odd: n % 2 === 1 });
  const initial = async (options) => (await subscribe(c, '/content/initial/*', { ...options, initialCallback: true }, () => {})).initial.map((i) => [i.n, i.odd]);
  same(await initial({ criteria: { odd: true }, sort: { n: -1 } }), [[5, true], [3, true], [1, true]]);
  same(await initial({ criteria: { odd: true }, options: { sort: { n: -1 }, skip: 1, limit: 1 } }), [[3, true]]);
  same(await initial({ sort: { n: -1 }, options: { sort: { n: 1 }, limit: 2 } }), [[5, true], [4, false]]);
  same(await initial({ fields: { n: 1 }, options: { limit: 1 } }), [[1, undefined]]);
  same(await initial({ options: { fields: { odd: 1 }, sort: { n: -1 }, limit: 1 } }), [[undefined, true]]);
  const events = new Events();
  await c.on('/content/initial/*', { initialEmit: true, criteria: { odd: false }, options: { sort: { n: -1 } } }, events.handler);
  same((await events.take(2)).map((e) => e.data.n), [4, 2]);
  await events.none(c);
});

test('criteria, depth and initial values together', async () => {
  const c = await connect();
  for (const path of ['1', '1/2', '1/2/3']) await c.set(`/content/deep/${path}`, { path, wanted: path !== '1' });
  const events = new Events();
  const { initial } = await subscribe(c, '/content/deep/**', { depth: 2, criteria: { wanted: true }, initialCallback: true }, events.handler);
  same(initial.map((item) => item.path), ['1/2']);
  await c.set('/content/deep/1/2', { wanted: false });
  await c.set('/content/deep/1/2/3', { wanted: true });
  await c.set('/content/deep/1/4', { wanted: true });
  assert.strictEqual((await events.next()).meta.path, '/content/deep/1/4');
  await events.none(c);
});

test('criteria outlive a listener that is taken back', async () => {
  const c = await connect();
  const gone = new Events();
  const stays = new Events();
  const { id } = await subscribe(c, '/content/off/*', { criteria: { n: 1 }, meta: { first: 1 } }, gone.handler);
  await subscribe(c, '/content/off/*', { criteria: { n: 1 }, meta: { second: 1 } }, stays.handler);
  await c.off(id);
  await c.set('/content/off/1', { n: 1 });
  await c.set('/content/off/1', { n: 2 });
  await stays.take(1);
  await stays.none(c);
  await gone.none(c);
});

test('criteria that cannot be read are refused', async () => {
  const c = await connect();
  await rejects(subscribe(c, '/content/bad', { criteria: { n: { $bogus: 1 } } }, () => {}), { name: 'SystemError', code: 500 });
});

test('siblings and tags', async () => {
  const c = await connect();
  const one = await c.set('/content/sibling', { n: 1 }, { set_type: 'sibling' });
  const two = await c.set('/content/sibling', { n: 2 }, { set_type: 'sibling' });
  assert.notStrictEqual(one._meta.path, two._meta.path);
  assert.strictEqual((await c.get('/content/sibling*')).length, 2);
  await c.set('/content/tagged', { n: 1 });
  const snapshot = await c.set('/content/tagged', null, { tag: 'first' });
  assert.strictEqual(snapshot._meta.tag, 'first');
  await c.set('/content/tagged', { n: 2 });
  const [found] = await c.get('/_TAGS/content/tagged/*');
  assert.strictEqual(found._meta.tag, 'first');
  assert.strictEqual(found._meta.path, snapshot._meta.path);
  same(found.data, { n: 1 });
  await rejects(c.set('/content/tagged', { n: 3 }, { tag: 'x' }), { message: 'Cannot set tag with new data.' });
  await rejects(c.set('/content/untagged', null, { tag: 'x' }), { message: "Attempt to tag something that doesn't exist in the first place" });
});

test('update and insert', async () => {
  const c = await connect();
  await rejects(c.set('/content/upsert', { n: 1 }, { upsertType: 1 }), { name: 'SystemError' });
  same(plain(await c.set('/content/upsert', { n: 1 }, { upsertType: 2 })), { n: 1 });
  await rejects(c.set('/content/upsert', { n: 2 }, { upsertType: 2 }), { name: 'SystemError' });
  same(plain(await c.set('/content/upsert', { n: 3 }, { upsertType: 1 })), { n: 3 });
});

run();

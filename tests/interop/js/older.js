// What applications with a client of an older release do, see lib-older.js.
'use strict';
const { Events, ask, assert, call, connect, fails, plain, run, same, server, test, within } = require('./lib-older');

test(0, 'the session speaks the protocol of its client', async () => {
  const c = await connect();
  assert.match(c.session.id, /^[0-9a-f-]{36}$/);
  assert.strictEqual(c.session.happn.secure, false);
  same(plain(await ask(c, 'set', '/older/first', { a: 1 }, {})), { a: 1 });
});

test(0, 'what is set can be read, listed, searched and removed', async () => {
  const c = await connect();
  const first = await ask(c, 'set', '/older/data/1', { n: 1, s: 'x' }, {});
  assert.strictEqual(first._meta.path, '/older/data/1');
  assert.strictEqual(first._meta.created, first._meta.modified);
  await ask(c, 'set', '/older/data/2', { n: 2, s: 'y' }, {});
  await ask(c, 'set', '/older/data/3', { n: 3, s: 'x' }, {});
  same(plain(await ask(c, 'get', '/older/data/1', {})), { n: 1, s: 'x' });
  assert.strictEqual(await ask(c, 'get', '/older/data/4', {}), null);
  const all = await ask(c, 'get', '/older/data/*', {});
  same(all.map((item) => item._meta.path), ['/older/data/1', '/older/data/2', '/older/data/3']);
  same(plain(await ask(c, 'get', '/older/data/*', { criteria: { s: 'x' }, options: { sort: { n: -1 } } })), [
    { n: 3, s: 'x' },
    { n: 1, s: 'x' },
  ]);
  same(plain(await ask(c, 'get', '/older/data/*', { criteria: { n: { $gte: 2 } }, fields: { s: 1 } })), [{ s: 'y' }, { s: 'x' }]);
  same(plain(await ask(c, 'remove', '/older/data/1', {})), { removed: 1 });
  same(plain(await ask(c, 'remove', '/older/data/*', {})), { removed: 2 });
  same(await ask(c, 'get', '/older/data/*', {}), []);
});

test(0, 'paths can be listed alone', async () => {
  const c = await connect();
  await ask(c, 'set', '/older/paths/1', { n: 1 }, {});
  const paths = await ask(c, 'getPaths', '/older/paths/*');
  same(paths.map((item) => item._meta ? item._meta.path : item.path), ['/older/paths/1']);
});

test(0, 'values are wrapped, and merged', async () => {
  const c = await connect();
  same(plain(await ask(c, 'set', '/older/wrapped', 'text', {})), { value: 'text' });
  same(plain(await ask(c, 'set', '/older/wrapped', [1, 2], {})), { value: [1, 2] });
  await ask(c, 'set', '/older/merged', { a: 1, b: 1 }, {});
  same(plain(await ask(c, 'set', '/older/merged', { b: 2 }, { merge: true })), { a: 1, b: 2 });
  same(plain(await ask(c, 'get', '/older/merged', {})), { a: 1, b: 2 });
});

test(0, 'subscribers get sets and removes of what they asked for', async () => {
  const c = await connect();
  const all = new Events();
  const sets = new Events();
  const removes = new Events();
  await call(c, 'on', '/older/sub/*', {}, all.handler);
  await call(c, 'on', '/older/sub/*', { event_type: 'set' }, sets.handler);
  await call(c, 'on', '/older/sub/*', { event_type: 'remove' }, removes.handler);
  await ask(c, 'set', '/older/sub/1', { v: 1 }, {});
  await ask(c, 'remove', '/older/sub/1', {});
  const [set, remove] = await all.take(2);
  same(plain(set.data), { v: 1 });
  assert.strictEqual(set.meta.path, '/older/sub/1');
  assert.strictEqual(set.meta.action, '/SET@/older/sub/1');
  same(plain(remove.data), { removed: 1 });
  assert.strictEqual(remove.meta.action, '/REMOVE@/older/sub/1');
  assert.strictEqual((await sets.take(1))[0].meta.path, '/older/sub/1');
  assert.strictEqual((await removes.take(1))[0].meta.path, '/older/sub/1');
  await sets.none(c);
});

test(0, 'publications of what is not stored', async () => {
  const c = await connect();
  const events = new Events();
  await call(c, 'on', '/older/passing', {}, events.handler);
  await ask(c, 'set', '/older/passing', { v: 1 }, { noStore: true });
  same(plain((await events.take(1))[0].data), { v: 1 });
  assert.strictEqual(await ask(c, 'get', '/older/passing', {}), null);
  await ask(c, 'set', '/older/passing', { v: 2 }, { noPublish: true });
  await events.none(c);
});

test(0, 'a listener that counts ends by itself', async () => {
  const c = await connect();
  const once = new Events();
  await call(c, 'on', '/older/once', { count: 1 }, once.handler);
  await ask(c, 'set', '/older/once', { v: 1 }, {});
  await once.take(1);
  await ask(c, 'set', '/older/once', { v: 2 }, {});
  await once.none(c);
});

test(0, 'off by handle ends one listener', async () => {
  const c = await connect();
  const gone = new Events();
  const stays = new Events();
  const other = new Events();
  await call(c, 'on', '/older/off/other', { event_type: 'set' }, other.handler);
  const [handle] = await call(c, 'on', '/older/off/*', { event_type: 'set', meta: { first: true } }, gone.handler);
  await call(c, 'on', '/older/off/*', { event_type: 'set' }, stays.handler);
  await call(c, 'off', handle);
  await ask(c, 'set', '/older/off/1', { v: 1 }, {});
  await stays.take(1);
  await gone.none(c);
  await ask(c, 'set', '/older/off/other', { v: 1 }, {});
  await other.take(1);
});

test(0, 'off by path ends all listeners on it', async () => {
  const c = await connect();
  const gone = new Events();
  const stays = new Events();
  await call(c, 'on', '/older/offpath/*', {}, gone.handler);
  await call(c, 'on', '/older/offpath/*', {}, gone.handler);
  await call(c, 'on', '/older/offpath/1', { event_type: 'set' }, stays.handler);
  await call(c, 'offPath', '/older/offpath/*');
  // The clients end everything that the path matches, also the third one.
  await ask(c, 'set', '/older/offpath/1', { v: 1 }, {});
  await gone.none(c);
  await stays.none(c);
  await call(c, 'on', '/older/offpath/1', { event_type: 'set' }, stays.handler);
  await ask(c, 'set', '/older/offpath/1', { v: 1 }, {});
  await stays.take(1);
});

test(0, 'offAll ends everything', async () => {
  const c = await connect();
  const events = new Events();
  await call(c, 'on', '/older/offall/*', {}, events.handler);
  await call(c, 'onAll', events.handler);
  await call(c, 'offAll');
  await ask(c, 'set', '/older/offall/1', { v: 1 }, {});
  await events.none(c);
});

test(0, 'initial values by callback', async () => {
  const c = await connect();
  await ask(c, 'set', '/older/initial/1', { v: 1 }, {});
  await ask(c, 'set', '/older/initial/2', { v: 2 }, {});
  const events = new Events();
  const [, values] = await call(c, 'on', '/older/initial/*', { event_type: 'set', initialCallback: true }, events.handler);
  same(values.map((item) => item.v).sort(), [1, 2]);
  await ask(c, 'set', '/older/initial/3', { v: 3 }, {});
  same(plain((await events.take(1))[0].data), { v: 3 });
});

test(0, 'initial values by events', async () => {
  const c = await connect();
  await ask(c, 'set', '/older/emitted/1', { v: 1 }, {});
  await ask(c, 'set', '/older/emitted/2', { v: 2 }, {});
  const events = new Events();
  await call(c, 'on', '/older/emitted/*', { event_type: 'all', initialEmit: true }, events.handler);
  same((await events.take(2)).map((e) => e.data.v).sort(), [1, 2]);
  await ask(c, 'set', '/older/emitted/3', { v: 3 }, {});
  same(plain((await events.take(1))[0].data), { v: 3 });
  await events.none(c);
});

test(0, 'siblings get paths of their own', async () => {
  const c = await connect();
  const events = new Events();
  await call(c, 'on', '/older/siblings/*', { event_type: 'set' }, events.handler);
  const first = await ask(c, 'setSibling', '/older/siblings', { v: 1 });
  const second = await ask(c, 'setSibling', '/older/siblings', { v: 2 });
  assert.match(first._meta.path, /^\/older\/siblings\/[A-Za-z0-9_-]+$/);
  assert.notStrictEqual(first._meta.path, second._meta.path);
  same((await events.take(2)).map((e) => e.meta.path), [first._meta.path, second._meta.path]);
  same((await ask(c, 'get', '/older/siblings*', {})).map((item) => item.v).sort(), [1, 2]);
});

test(0, 'tags are snapshots', async () => {
  const c = await connect();
  await fails(ask(c, 'set', '/older/tagged', null, { tag: 'none' }), "Attempt to tag something that doesn't exist in the first place");
  const doc = await ask(c, 'set', '/older/tagged', { v: 1, w: 1 }, {});
  await fails(ask(c, 'set', '/older/tagged', { v: 2 }, { tag: 'new' }), 'Cannot set tag with new data.');
  const snapshot = await ask(c, 'set', '/older/tagged', null, { tag: 'before' });
  assert.match(snapshot._meta.path, /^\/_TAGS\/older\/tagged\/[A-Za-z0-9_-]+$/);
  assert.strictEqual(snapshot._meta.tag, 'before');
  same(snapshot.data, { v: 1, w: 1 });
  await ask(c, 'set', '/older/tagged', { v: 2 }, {});
  const found = await ask(c, 'get', '/_TAGS/older/tagged/*', {});
  assert.strictEqual(found.length, 1);
  same(found[0].data, { v: 1, w: 1 });
  assert.strictEqual(found[0]._meta.path, snapshot._meta.path);
  assert.strictEqual(found[0]._meta.tag, 'before');
  same(plain(await ask(c, 'get', '/older/tagged', {})), { v: 2 });
  assert(doc._meta.created > 0);
});

test(0, 'a merge subscriber gets what was sent', async () => {
  const c = await connect();
  const [sent, whole] = [new Events(), new Events()];
  await ask(c, 'set', '/older/merging', { a: 1 }, {});
  await call(c, 'on', '/older/merging', { merge: true }, sent.handler);
  await call(c, 'on', '/older/*', {}, whole.handler);
  await ask(c, 'set', '/older/merging', { b: 2 }, { merge: true });
  same(plain((await sent.take(1))[0].data), { b: 2 });
  same(plain((await whole.take(1))[0].data), { a: 1, b: 2 });
});

test(0, 'the client comes back when the server does', async () => {
  const [c, other] = [await connect(), await connect()];
  const events = new Events();
  await call(other, 'on', '/older/back/*', {}, events.handler);
  await ask(c, 'set', '/older/back/1', { v: 1 }, {});
  await events.take(1);
  const back = [c, other].map((each) => new Promise((resolve) => each.onEvent('reconnect-successful', resolve)));
  await server('kill');
  await server('start');
  await within(Promise.all(back), 'the reconnect');
  same(plain(await ask(c, 'get', '/older/back/1', {})), { v: 1 });
  await ask(c, 'set', '/older/back/2', { v: 2 }, {});
  same((await events.take(1)).map((e) => e.data.v), [2]);
});

test(7, 'increments count', async () => {
  const c = await connect();
  await ask(c, 'increment', '/older/counter', 'visits', 3);
  assert.strictEqual((await ask(c, 'increment', '/older/counter', 'visits', 4)).value, 7);
  same(plain(await ask(c, 'get', '/older/counter', {})), { visits: { value: 7 } });
});

test(10, 'documents are counted', async () => {
  const c = await connect();
  for (const n of [1, 2, 3]) await ask(c, 'set', `/older/count/${n}`, { n }, {});
  assert.strictEqual((await ask(c, 'count', '/older/count/*', { criteria: { n: { $gt: 1 } } })).value, 2);
});

test(10, 'subscriptions of variable depth', async () => {
  const c = await connect();
  const two = new Events();
  const five = new Events();
  await call(c, 'on', '/older/deep/**', { depth: 2 }, two.handler);
  await call(c, 'on', '/older/deep/**', {}, five.handler);
  await ask(c, 'set', '/older/deep/1', { v: 1 }, {});
  await ask(c, 'set', '/older/deep/1/2/3', { v: 3 }, {});
  same((await five.take(2)).map((e) => e.data.v), [1, 3]);
  same((await two.take(1)).map((e) => e.data.v), [1]);
  await two.none(c);
});

test(10, 'publications can be acknowledged', async () => {
  const c = await connect();
  const events = new Events();
  await call(c, 'on', '/older/acked', {}, events.handler);
  let published;
  const report = new Promise((resolve) => (published = (e, results) => resolve({ e, results })));
  await ask(c, 'set', '/older/acked', { v: 1 }, { consistency: 3, onPublished: published });
  const { e, results } = await within(report, 'the report');
  assert(!e, String(e));
  assert.strictEqual(results.acknowledged, 1);
});

test(11, 'publish and once', async () => {
  const c = await connect();
  const events = new Events();
  await within(c.once('/older/published', events.handler), 'once');
  await within(c.publish('/older/published', { v: 1 }), 'publish');
  same(plain((await events.take(1))[0].data), { v: 1 });
  await within(c.publish('/older/published', { v: 2 }), 'publish');
  await events.none(c);
});

test(0, 'errors have the texts that applications know', async () => {
  const c = await connect();
  await assert.rejects(ask(c, 'set', '/older/*', { v: 1 }, {}), /[Bb]ad path/);
});

run();

// Every way to subscribe.
'use strict';
const { Events, assert, connect, plain, rejects, run, same, subscribe, test } = require('./lib');

const pair = async () => [await connect(), await connect()];

test('an event carries data and meta', async () => {
  const [a, b] = await pair();
  const events = new Events();
  await b.on('/on/one', events.handler);
  const set = await a.set('/on/one', { v: 1 });
  const { data, meta } = await events.next();
  same(data, { v: 1 });
  same(meta, {
    action: '/SET@/on/one', type: 'data', sessionId: a.session.id, consistency: 2,
    publicationId: `${a.session.id}-${set._meta.eventId}`, path: '/on/one',
    created: set._meta.created, modified: set._meta.modified, channel: '/ALL@/on/one',
  });
});

test('a remove is an event too', async () => {
  const [a, b] = await pair();
  const events = new Events();
  await a.set('/on/removed', 1);
  await b.on('/on/removed', events.handler);
  await a.remove('/on/removed');
  const { data, meta } = await events.next();
  same(data, { removed: 1 });
  assert.strictEqual(meta.action, '/REMOVE@/on/removed');
  assert.strictEqual(meta.path, '/on/removed');
});

test('a client hears itself before its answer', async () => {
  const c = await connect();
  const events = new Events();
  await c.on('/on/self', events.handler);
  await c.set('/on/self', { v: 1 });
  assert.strictEqual(events.seen.length, 1);
});

test('event types are kept apart', async () => {
  const [a, b] = await pair();
  const [sets, removes, all, star] = [new Events(), new Events(), new Events(), new Events()];
  await b.on('/on/types', { event_type: 'set' }, sets.handler);
  await b.on('/on/types', { event_type: 'remove' }, removes.handler);
  await b.on('/on/types', { event_type: 'all' }, all.handler);
  await b.on('/on/types', { event_type: '*' }, star.handler);
  await a.set('/on/types', { v: 1 });
  await a.remove('/on/types');
  assert.strictEqual((await sets.next()).meta.channel, '/SET@/on/types');
  assert.strictEqual((await removes.next()).meta.channel, '/REMOVE@/on/types');
  await all.take(2);
  await star.take(2);
  for (const e of [sets, removes, all, star]) await e.none(b);
});

test('wildcards match one segment', async () => {
  const [a, b] = await pair();
  const watch = {};
  for (const p of ['/on/w/*', '/on/*/x', '/*/w/*', '/on/w/*/*', '/on/w/pre*', '/on/*']) {
    watch[p] = new Events();
    await b.on(p, watch[p].handler);
  }
  await a.set('/on/w/x', { v: 1 });
  await a.set('/on/w/prefix/y', { v: 2 });
  const counts = {};
  await b.get('/none');
  for (const p of Object.keys(watch)) counts[p] = watch[p].seen.map((e) => e.data.v);
  same(counts, { '/on/w/*': [1], '/on/*/x': [1], '/*/w/*': [1], '/on/w/*/*': [2], '/on/w/pre*': [], '/on/*': [] });
});

test('subscriptions do not mind the leading slash', async () => {
  const [a, b] = await pair();
  const events = new Events();
  await b.on('on/slash', events.handler);
  await a.set('/on/slash', { v: 1 });
  await a.set('on/slash', { v: 2 });
  const [one, two] = await events.take(2);
  same([one.data.v, two.data.v], [1, 2]);
  assert.strictEqual(one.meta.channel, '/ALL@on/slash');
  assert.strictEqual(two.meta.path, 'on/slash');
});

test('an @ in a path is part of it', async () => {
  const [a, b] = await pair();
  const events = new Events();
  await b.on('/on/a@b/c@d', events.handler);
  await a.set('/on/a@b/c@d', { v: 1 });
  assert.strictEqual((await events.next()).meta.channel, '/ALL@/on/a@b/c@d');
});

test('a wildcard remove is seen by wildcards of its shape', async () => {
  const [a, b] = await pair();
  const [wild, exact] = [new Events(), new Events()];
  await a.set('/on/wr/1', { v: 1 });
  await b.on('/on/wr/*', wild.handler);
  await b.on('/on/wr/1', exact.handler);
  await a.remove('/on/wr/*');
  const { data, meta } = await wild.next();
  same(data, { removed: 1 });
  assert.strictEqual(meta.path, '/on/wr/*');
  await exact.none(b);
});

test('/** goes as deep as told', async () => {
  const [a, b] = await pair();
  const [five, two] = [new Events(), new Events()];
  await b.on('/on/deep/**', five.handler);
  const c = await connect();
  await c.on('/on/deep/**', { depth: 2 }, two.handler);
  const path = '/on/deep';
  await a.set(path, { n: 0 });
  let p = path;
  for (let n = 1; n <= 7; n++) await a.set((p += `/${n}`), { n });
  same((await five.take(5)).map((e) => e.data.n), [1, 2, 3, 4, 5]);
  const [one] = await two.take(2);
  assert.strictEqual(one.meta.channel, '/ALL@/on/deep/**');
  assert.strictEqual(one.meta.depth, 2);
  await five.none(b);
  await two.none(c);
});

test('** alone is everything to its depth', async () => {
  const [a, b] = await pair();
  const events = new Events();
  await b.on('**', { depth: 3 }, events.handler);
  await a.set('/on/all/3', { n: 3 });
  await a.set('/on/all/4/4', { n: 4 });
  assert.strictEqual((await events.next()).data.n, 3);
  await events.none(b);
});

test('several depths on one channel all get their events', async () => {
  const [a, b] = await pair();
  const [two, four] = [new Events(), new Events()];
  await b.on('/on/depths/**', { depth: 2 }, two.handler);
  await b.on('/on/depths/**', { depth: 4 }, four.handler);
  await a.set('/on/depths/1/2', { n: 2 });
  await a.set('/on/depths/1/2/3', { n: 3 });
  same((await four.take(2)).map((e) => e.data.n), [2, 3]);
  assert.strictEqual((await two.next()).data.n, 2);
  await two.none(b);
});

test('merge subscribers get what was sent', async () => {
  const [a, b] = await pair();
  const [merged, stored] = [new Events(), new Events()];
  await a.set('/on/merge', { a: 1 });
  await b.on('/on/merge', { merge: true }, merged.handler);
  const c = await connect();
  await c.on('/on/merge', stored.handler);
  await a.set('/on/merge', { b: 2 }, { merge: true });
  same((await merged.next()).data, { b: 2 });
  same((await stored.next()).data, { a: 1, b: 2 });
});

test('merge subscribers get a bare value bare, others get it wrapped', async () => {
  const [a, b] = await pair();
  const [merged, stored] = [new Events(), new Events()];
  await b.on('/on/bare', { merge: true }, merged.handler);
  const c = await connect();
  await c.on('/on/bare', stored.handler);
  await a.set('/on/bare', 5);
  assert.strictEqual((await merged.next()).data, 5);
  same((await stored.next()).data, { value: 5 });
});

test('initialCallback hands over what is there', async () => {
  const [a, b] = await pair();
  for (const v of [2, 1, 3]) {
    await a.set(`/on/ic/${v}`, { v });
    await new Promise((r) => setTimeout(r, 2)); // another millisecond
  }
  const events = new Events();
  const { initial } = await subscribe(b, '/on/ic/*', { initialCallback: true }, events.handler);
  same(initial.map((i) => i.v), [2, 1, 3]);
  assert.strictEqual(initial[0]._meta.path, '/on/ic/2');
  await events.none(b);
  await a.set('/on/ic/4', { v: 4 });
  assert.strictEqual((await events.next()).data.v, 4);
  const single = await subscribe(b, '/on/ic/1', { initialCallback: true }, events.handler);
  same(plain(single.initial), [{ v: 1 }]);
  const nothing = await subscribe(b, '/on/ic/none', { initialCallback: true }, events.handler);
  same([...nothing.initial], []); // the client hangs a _meta on the array
});

test('initialEmit plays what is there as events', async () => {
  const [a, b] = await pair();
  await a.set('/on/ie/1', { v: 1 });
  const events = new Events();
  const { id } = await subscribe(b, '/on/ie/*', { initialEmit: true }, events.handler);
  const first = await events.next();
  assert.strictEqual(first.data.v, 1);
  assert.strictEqual(first.data._meta.path, '/on/ie/1');
  await a.set('/on/ie/2', { v: 2 });
  assert.strictEqual((await events.next()).data.v, 2);
  await b.off(id);
  await a.set('/on/ie/3', { v: 3 });
  await events.none(b);
});

test('initial values of /** stop at the depth', async () => {
  const [a, b] = await pair();
  await a.set('/on/id/1', { n: 1 });
  await a.set('/on/id/1/2', { n: 2 });
  await a.set('/on/id/1/2/3', { n: 3 });
  const { initial } = await subscribe(b, '/on/id/**', { depth: 2, initialCallback: true }, () => {});
  same(initial.map((i) => i.n).sort(), [1, 2]);
});

test('count and once end by themselves', async () => {
  const [a, b] = await pair();
  const [once, twice] = [new Events(), new Events()];
  await b.once('/on/once', once.handler);
  await b.on('/on/once', { count: 2 }, twice.handler);
  for (let v = 1; v <= 4; v++) await a.set('/on/once', { v });
  same((await once.take(1)).map((e) => e.data.v), [1]);
  same((await twice.take(2)).map((e) => e.data.v), [1, 2]);
  await once.none(b);
  await twice.none(b);
});

test('onAll hears sets and removes everywhere', async () => {
  const [a, b] = await pair();
  const events = new Events();
  await b.onAll(events.handler);
  await a.set('/on/any/1', { v: 1 });
  await a.set('on/any', { v: 2 });
  await a.remove('/on/any/1');
  const seen = await events.take(3);
  same(seen.map((e) => e.meta.action), ['/SET@/on/any/1', '/SET@on/any', '/REMOVE@/on/any/1']);
  assert.strictEqual(seen[0].meta.channel, '/ALL@*');
});

test('meta given to on keeps subscriptions apart and changes nothing else', async () => {
  const [a, b] = await pair();
  const [one, two] = [new Events(), new Events()];
  await b.on('/on/meta', { meta: { my: 1 } }, one.handler);
  await b.on('/on/meta', { meta: { my: 2 } }, two.handler);
  await a.set('/on/meta', { v: 1 });
  assert.strictEqual((await one.next()).data.v, 1);
  assert.strictEqual((await two.next()).data.v, 1);
  await one.none(b);
});

test('several channels of one client each get the event', async () => {
  const [a, b] = await pair();
  const all = ['/on/ch/1', '/on/ch/*', '/on/*/1', '/on/**', '*'].map((path) => ({ path, events: new Events() }));
  for (const { path, events } of all) await b.on(path, events.handler);
  await a.set('/on/ch/1', { v: 1 });
  for (const { path, events } of all) assert.strictEqual((await events.next()).meta.channel, `/ALL@${path}`);
});

test('events of one publisher come in order', async () => {
  const [a, b] = await pair();
  const events = new Events();
  await b.on('/on/order/*', events.handler);
  await Promise.all(Array.from({ length: 200 }, (_, n) => a.set(`/on/order/${n % 7}`, { n })));
  same((await events.take(200)).map((e) => e.data.n), Array.from({ length: 200 }, (_, n) => n));
});

test('a bad path is refused', async () => {
  const c = await connect();
  await rejects(c.on('/on/bad#', () => {}), { name: 'Error' });
  await rejects(c.on(5, () => {}), { message: 'Bad path [5], must be a string' });
});

run();

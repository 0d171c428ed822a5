// Every call of the client that needs no security.
'use strict';
const { Events, assert, connect, plain, rejects, run, same, test } = require('./lib');

test('a session has what applications read', async () => {
  const c = await connect({ info: { my: 'info' } });
  assert.match(c.session.id, /^[0-9a-f-]{36}$/);
  assert.strictEqual(c.session.protocol, 'happn_4');
  assert.strictEqual(c.session.version, '13.12.1');
  assert.strictEqual(c.session.happn.secure, false);
  assert.strictEqual(typeof c.session.happn.name, 'string');
  same(c.session.info, { my: 'info', _browser: false, _local: false });
  assert.strictEqual(c.session.encrypted, false);
  assert.strictEqual(c.session.address.ip, '127.0.0.1');
  assert.strictEqual(typeof c.session.address.port, 'number');
  assert.match(c.session.url, /^\/primus\?_primuscb=/);
  assert.strictEqual(c.session.headers['sec-websocket-version'], '13');
});

test('set answers the stored document with its meta', async () => {
  const c = await connect();
  const first = await c.set('/calls/set', { a: 1, b: { c: [1, 2] } });
  same(plain(first), { a: 1, b: { c: [1, 2] } });
  assert.strictEqual(first._meta.path, '/calls/set');
  assert.strictEqual(first._meta.created, first._meta.modified);
  assert.strictEqual(first._meta.published, true);
  assert.strictEqual(first._meta.status, 'ok');
  assert.strictEqual(first._meta.type, 'response');
  assert.strictEqual(first._meta.action, 'set');
  assert.strictEqual(first._meta.sessionId, c.session.id);
  assert.strictEqual(typeof first._meta.eventId, 'number');
  const second = await c.set('/calls/set', { z: 1 });
  same(plain(second), { z: 1 });
  assert.strictEqual(second._meta.created, first._meta.created);
  assert(second._meta.modified >= first._meta.modified);
});

for (const [name, value] of [['a string', 's'], ['a number', 1.5], ['true', true], ['false', false], ['an array', [1, { a: null }, 'x']], ['an empty string', ''], ['zero', 0]]) {
  test(`${name} is stored under value`, async () => {
    const c = await connect();
    same(plain(await c.set('/calls/wrapped', value)), { value });
    same(plain(await c.get('/calls/wrapped')), { value });
  });
}

test('null is stored under value', async () => {
  const c = await connect();
  same(plain(await c.set('/calls/null', null, {})), { value: null });
  same(plain(await c.get('/calls/null')), { value: null });
});

test('get of nothing is null', async () => {
  const c = await connect();
  assert.strictEqual(await c.get('/calls/nothing'), null);
  same(await c.get('/calls/nothing/*'), []);
});

test('get with a wildcard lists by path, through slashes', async () => {
  const c = await connect();
  for (const p of ['b', 'a', 'a/1', 'B', '_x']) await c.set(`/calls/list/${p}`, { p });
  const list = await c.get('/calls/list/*');
  same(list.map((i) => i._meta.path), ['B', '_x', 'a', 'a/1', 'b'].map((p) => `/calls/list/${p}`));
  for (const i of list) same(Object.keys(i._meta).sort(), ['created', 'modified', 'path']);
  assert.strictEqual((await c.get('/calls/li*/a*')).length, 2);
  assert.strictEqual((await c.get('/calls/list')), null);
});

test('paths differ by slashes and case', async () => {
  const c = await connect();
  await c.set('/calls/p', { n: 1 });
  for (const path of ['calls/p', '/calls/p/', '//calls/p', '/Calls/p']) assert.strictEqual(await c.get(path), null, path);
  await c.set('calls/p', { n: 2 });
  assert.strictEqual((await c.get('/calls/p')).n, 1);
  assert.strictEqual((await c.get('calls/p')).n, 2);
});

test('getPaths lists paths only', async () => {
  const c = await connect();
  await c.set('/calls/paths/1', { a: 1 });
  await c.set('/calls/paths/2', { a: 2 });
  const list = await c.getPaths('/calls/paths/*');
  same(list, [{ _meta: { path: '/calls/paths/1' } }, { _meta: { path: '/calls/paths/2' } }]);
  same(await c.getPaths('/calls/paths/none*'), []);
});

test('count counts', async () => {
  const c = await connect();
  for (let i = 0; i < 4; i++) await c.set(`/calls/count/${i}`, { i });
  assert.strictEqual((await c.count('/calls/count/*')).value, 4);
  assert.strictEqual((await c.count('/calls/count/*', { criteria: { i: { $gt: 1 } } })).value, 2);
  assert.strictEqual((await c.count('/calls/count/1')).value, 1);
  assert.strictEqual((await c.count('/calls/count/none')).value, 0);
  assert.strictEqual((await c.count('/calls/count/*', { options: { skip: 1, limit: 2 } })).value, 2);
});

test('remove says how many', async () => {
  const c = await connect();
  for (let i = 0; i < 4; i++) await c.set(`/calls/remove/${i}`, { i });
  const one = await c.remove('/calls/remove/0');
  assert.strictEqual(one.removed, 1);
  assert.strictEqual(one._meta.path, '/calls/remove/0');
  assert.strictEqual(typeof one._meta.timestamp, 'number');
  assert.strictEqual(one._meta.published, true);
  assert.strictEqual((await c.remove('/calls/remove/0')).removed, 0);
  assert.strictEqual((await c.remove('/calls/remove/*', { criteria: { i: 3 } })).removed, 1);
  assert.strictEqual((await c.remove('/calls/remove/*')).removed, 2);
  assert.strictEqual((await c.remove('/calls/remove/*')).removed, 0);
});

test('a document that was removed and set again is a new one', async () => {
  const c = await connect();
  const before = await c.set('/calls/again', { a: 1 });
  await c.remove('/calls/again');
  await new Promise((r) => setTimeout(r, 2)); // another millisecond
  const after = await c.set('/calls/again', { a: 1 });
  assert(after._meta.created > before._meta.created);
});

test('publish reaches subscribers and stores nothing', async () => {
  const [a, b] = [await connect(), await connect()];
  const events = new Events();
  await b.on('/calls/publish', events.handler);
  const answer = await a.publish('/calls/publish', { p: 1 }, {});
  assert.strictEqual(answer._meta.status, 'ok');
  assert.strictEqual(answer.data, undefined);
  const { data, meta } = await events.next();
  same(data, { p: 1 });
  assert.strictEqual(meta.created, undefined);
  assert.strictEqual(await a.get('/calls/publish'), null);
});

test('increment counts gauges', async () => {
  const c = await connect();
  const increment = (...args) => new Promise((resolve, reject) => c.increment('/calls/gauge', ...args, (e, r) => (e ? reject(e) : resolve(r))));
  same(plain(await increment()), { value: 1, gauge: 'counter' });
  same(plain(await increment(3)), { value: 4, gauge: 'counter' });
  same(plain(await increment('g2', 1.5)), { value: 1.5, gauge: 'g2' });
  same(plain(await increment('g2', -1)), { value: 0.5, gauge: 'g2' });
  same(plain(await c.get('/calls/gauge')), { counter: { value: 4 }, g2: { value: 0.5 } });
  await rejects(increment('g2', 'x'), { message: 'increment must be a number' });
});

test('getCreatedBetween finds by creation time', async () => {
  const c = await connect();
  const item = await c.set('/calls/between/1', { a: 1 });
  const at = item._meta.created;
  assert.strictEqual((await c.getCreatedBetween('/calls/between/*', at, at)).length, 1);
  assert.strictEqual((await c.getCreatedBetween('/calls/between/*', at + 1, at + 1000)).length, 0);
});

test('merge keeps the other members', async () => {
  const c = await connect();
  await c.set('/calls/merge', { a: 1, b: { c: 1 } });
  same(plain(await c.set('/calls/merge', { b: { d: 2 }, e: 3 }, { merge: true })), { a: 1, b: { d: 2 }, e: 3 });
  same(plain(await c.set('/calls/merge/new', { n: 1 }, { merge: true })), { n: 1 });
});

test('calls for secure servers say so', async () => {
  const c = await connect();
  await rejects(c.changePassword({ oldPassword: 'a', newPassword: 'b' }), { message: 'Cannot change-password Not Secure' });
  await rejects(c.revokeToken(), { message: 'Cannot revoke-token Not Secure' });
});

test('disconnect ends the session, also with its children', async () => {
  const c = await connect();
  await c.disconnect();
  await rejects(c.get('/calls'), { message: 'client is disconnected' });
  const d = await connect();
  await d.disconnect({ disconnectChildSessions: true });
});

test('many requests at once are all answered', async () => {
  const c = await connect();
  const n = 500;
  await Promise.all(Array.from({ length: n }, (_, i) => c.set(`/calls/many/${i}`, { i })));
  const got = await Promise.all(Array.from({ length: n }, (_, i) => c.get(`/calls/many/${i}`)));
  got.forEach((item, i) => assert.strictEqual(item.i, i));
});

run();

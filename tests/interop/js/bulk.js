// Bulk writes: what happn-host makes of options.bulk, which happn-3 does not know.
'use strict';
const { Events, assert, connect, plain, rejects, run, same, test } = require('./lib');

test('a bulk write stores and publishes each document', async () => {
  const [writer, reader] = [await connect(), await connect()];
  const events = new Events();
  await reader.on('/bulk/one/*', events.handler);
  const documents = [3, 1, 2].map((n) => ({ path: `/bulk/one/${n}`, data: { n } }));
  const answer = await writer.set('/bulk/one', documents, { bulk: true });
  same(plain(answer), { written: 3 });
  assert.strictEqual(answer._meta.path, '/bulk/one');
  same((await events.take(3)).map((e) => [e.meta.path, e.data.n]), [['/bulk/one/3', 3], ['/bulk/one/1', 1], ['/bulk/one/2', 2]]);
  same((await writer.get('/bulk/one/*')).map((d) => d.n), [1, 2, 3]);
  await writer.set('/bulk/one', documents, { bulk: true, noPublish: true });
  await events.none(reader);
});

test('of a bulk write that fails nothing is left', async () => {
  const c = await connect();
  await c.set('/bulk/two/old', { n: 1 });
  const documents = ['new', 'old'].map((name) => ({ path: `/bulk/two/${name}`, data: { n: 2 } }));
  await rejects(c.set('/bulk/two', documents, { bulk: true, upsertType: 2 }), { name: 'SystemError' });
  await rejects(c.set('/bulk/two/new', documents, { bulk: true }), { name: 'SystemError' });
  same((await c.get('/bulk/two/*')).map((d) => d.n), [1]);
});

test('every document of a bulk write is acknowledged', async () => {
  const [writer, reader] = [await connect(), await connect()];
  const events = new Events();
  await reader.on('/bulk/three/*', events.handler);
  const documents = [1, 2, 3].map((n) => ({ path: `/bulk/three/${n}`, data: { n } }));
  const outcome = await new Promise((resolve, reject) => {
    const onPublished = (e, results) => (e ? reject(e) : resolve(results));
    writer.set('/bulk/three', documents, { bulk: true, consistency: 3, onPublished }).catch(reject);
  });
  same(outcome, { successful: 3, failed: 0, skipped: 0, acknowledged: 3, queued: 3 });
  same((await events.take(3)).map((e) => e.data.n), [1, 2, 3]);
});

test('an array without the option is one document, as in happn-3', async () => {
  const c = await connect();
  await c.set('/bulk/four', [{ path: '/bulk/four/1', data: {} }], { upsertType: 3 });
  same((await c.get('/bulk/four')).value, [{ path: '/bulk/four/1', data: {} }]);
  assert.strictEqual(await c.get('/bulk/four/1'), null);
});

run();

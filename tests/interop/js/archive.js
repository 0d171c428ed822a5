// Archives, which the operator makes and clients read.
'use strict';
const { ask, assert, connect, plain, reference, rejects, run, same, test } = require('./lib');

const listed = { options: { queryArchiveCollection: true } };
const within = (id, parameters = {}) => ({ ...parameters, options: { ...parameters.options, archiveId: id } });

test('archived documents have left the store and are found in the archive', async () => {
  const c = await connect();
  const stored = await c.set('/arc/1', { v: 1 });
  await c.set('/arc/2', { v: 2 });
  await ask('archive');
  same(await c.get('/arc/*'), []);
  await c.set('/arc/1', { v: 10 });
  await c.set('/arc/3', { v: 3 });
  await ask('archive');
  await c.set('/arc/4', { v: 4 });

  same(plain(await c.get('/arc/*')), [{ v: 4 }]);
  same(plain(await c.get('/arc/*', within(1))), [{ v: 1 }, { v: 2 }]);
  same(plain(await c.get('/arc/*', within(2))), [{ v: 10 }, { v: 3 }]);
  const one = await c.get('/arc/1', within(1));
  same(plain(one), { v: 1 });
  same([one._meta.path, one._meta.created, one._meta.modified], ['/arc/1', stored._meta.created, stored._meta.modified]);
  assert.strictEqual(await c.get('/arc/3', within(1)), null);
});

test('archives are searched like the store', async () => {
  const c = await connect();
  same(plain(await c.get('/arc/*', within(1, { criteria: { v: { $gte: 2 } } }))), [{ v: 2 }]);
  same(plain(await c.get('/arc/*', within(1, { sort: { v: -1 } }))), [{ v: 2 }, { v: 1 }]);
  same(plain(await c.get('/arc/*', within(1, { options: { sort: { v: -1 }, limit: 1 } }))), [{ v: 2 }]);
  same(plain(await c.get('/arc/*', within(1, { options: { skip: 1 } }))), [{ v: 2 }]);
  same((await c.count('/arc/*', within(1))).value, 2);
  same((await c.count('/arc/*', within(2, { criteria: { v: 3 } }))).value, 1);
  same((await c.getPaths('/arc/*', within(1))).map((item) => item._meta.path), ['/arc/4']);
  same(plain(await c.get('/arc/*', within(1, { fields: { v: 1 } }))), [{ v: 1 }, { v: 2 }]);
});

test('the archives are listed', async () => {
  const c = await connect();
  const all = await c.get('*', listed);
  same(all.map((a) => a.sequence), [1, 2]);
  all.forEach((a) => assert.strictEqual(typeof a.archive, 'string'));
  same(all.map((a) => structuredClone(a._meta)), [{}, {}]);
  same((await c.get('*', { ...listed, criteria: { sequence: 2 } })).map((a) => a.sequence), [2]);
  same((await c.get('*', { options: { ...listed.options, sort: { sequence: -1 }, limit: 1 } })).map((a) => a.sequence), [2]);
  same(plain(await c.get('*', { ...listed, fields: { sequence: 1 } })), [{ sequence: 1 }, { sequence: 2 }]);
  same((await c.count('*', listed)).value, 2);
  same(await c.get('/arc/*', listed), []);
  assert.strictEqual(await c.get('/arc/1', listed), null);
});

test('an archive that does not exist is an error', async () => {
  const c = await connect();
  await rejects(c.get('/arc/*', within(9)), { name: 'SystemError', code: 500, message: 'Archive ID does not exist' });
  await rejects(c.count('/arc/*', within(9)), { message: 'Archive ID does not exist' });
  same(plain(await c.get('/arc/*', within(0))), [{ v: 4 }]);
  same(plain(await c.get('/arc/*', { archiveId: 1 })), [{ v: 4 }]); // at this level it means nothing
});

test('an archive is only read', async () => {
  if (reference) return; // its process ends
  const c = await connect();
  const refused = { message: 'an archive can be read, not written to; leave archiveId out of the options' };
  await rejects(c.set('/arc/1', { v: 5 }, { archiveId: 1 }), refused);
  await rejects(c.increment('/arc/1', 'g', 1, { archiveId: 1 }), refused);
  await rejects(c.remove('/arc/*', { archiveId: 1 }), refused);
  await rejects(c.remove('/arc/*', within(1)), refused);
  await rejects(c.get('/arc/*', within(1, { options: { explain: true } })), { code: 500 });
  same(plain(await c.get('/arc/*')), [{ v: 4 }]);
  same(plain(await c.get('/arc/*', within(1))), [{ v: 1 }, { v: 2 }]);
});

test('aggregations and initial values of an archive', async () => {
  if (reference) return; // its default store knows no aggregation
  const c = await connect();
  const sum = await c.get('/arc/*', within(2, { aggregate: [{ $group: { _id: null, sum: { $sum: '$data.v' } } }] }));
  same(sum.value, [{ _id: null, sum: 13 }]);
});

run();

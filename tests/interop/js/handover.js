// A collection of MongoDB goes from happn-3 to the host and back: HAPPN_PHASE is before (happn-3),
// host, or after (happn-3 again). HAPPN_STATE is a file by which a phase tells the next one what it
// saw; HAPPN_SECURE says that clients log in. MONGO_URL, MONGO_DATABASE and MONGO_COLLECTION are where
// it is, for looks and writes that no happn makes.
'use strict';
const fs = require('fs');
const { MongoClient } = require('mongodb');
const { Events, assert, connect, plain: withoutMeta, rejects, run, same, test } = require('./lib');

const { HAPPN_PHASE: phase, HAPPN_STATE: stateFile } = process.env;
const secure = Boolean(process.env.HAPPN_SECURE);
const admin = secure ? '_ADMIN' : undefined; // who writes

const root = () => connect(secure ? { username: '_ADMIN', password: process.env.ADMIN_PASSWORD } : {});
const load = () => JSON.parse(fs.readFileSync(stateFile, 'utf8'));
const save = (more) => fs.writeFileSync(stateFile, JSON.stringify({ ...(fs.existsSync(stateFile) && load()), ...more }));

// plain is what lib has, and can be expected: it is of this context, not of the client's transport.
const plain = (item) => structuredClone(withoutMeta(item));

// collection lets f use the collection itself.
const collection = async (f) => {
  const client = new MongoClient(process.env.MONGO_URL);
  try {
    return await f(client.db(process.env.MONGO_DATABASE).collection(process.env.MONGO_COLLECTION));
  } finally {
    await client.close();
  }
};

// write stores documents of all kinds below a path.
const write = async (c, below) => {
  const documents = {
    nested: { a: { b: { c: [1, { d: 'x', e: [] }] } }, n: null, t: true, f: false },
    empty: { o: {}, a: [], s: '' },
    texts: { text: 'Ünïcödé \u{1F600} "quoted" \\ </script>', lines: 'a\r\n\tb', list: ['a', '日本'] },
    numbers: {
      zero: 0, negative: -1, int: 2147483647, long: 2147483648, safe: Number.MAX_SAFE_INTEGER, beyond: 2 ** 60, unsafe: 2 ** 64,
      fraction: 0.1, third: 1 / 3, tiny: 1e-7, least: 5e-324, huge: 1.7976931348623157e308, list: [1, 1.5, 2 ** 60],
    },
    date: { at: new Date(1700000000123) },
    'a+b(1)=x@y:%&_-': { v: 1 },
    'names-like-ours': { path: 'p', created: 1, modified: 'x', data: { data: 1 }, _id: 'mine', id: 3, modifiedBy: 'me' },
  };
  for (const [name, data] of Object.entries(documents)) await c.set(`${below}/${name}`, data);
  await c.set(`${below}/text`, 'a text');
  await c.set(`${below}/list`, [1, { a: 2 }]);
  await c.set(`${below}/number`, 5.5);
  for (let i = 0; i < 4; i++) {
    const name = ['Ann', 'Bob', 'Cid', 'Dee'][i];
    await c.set(`${below}/people/${name}`, { name, age: [30, 20, 40, 20][i], tags: ['a', 'b', 'c'].slice(0, i), at: { city: i % 2 ? 'Oslo' : 'Rome' } });
  }
  await c.set(`${below}/overwritten`, { v: 1, gone: true });
  await c.set(`${below}/overwritten`, { v: 2 });
  await c.set(`${below}/merged`, { a: 1, b: { c: 1 } });
  await c.set(`${below}/merged`, { b: { d: 2 }, e: 3 }, { merge: true });
  for (const by of [3, -1, 0.5]) await c.set(`${below}/gauges`, 'first', { increment: by });
  await c.set(`${below}/gauges`, 'second', { increment: 7 });
  await c.set(`${below}/removed`, { v: 1 });
  await c.remove(`${below}/removed`);
};

const searches = [
  ['/*/people/*', { sort: { 'data.age': 1, path: 1 } }],
  ['/*/people/*', { criteria: { age: { $gt: 20, $lt: 40 } }, sort: { path: 1 } }],
  ['/*/people/*', { criteria: { $or: [{ 'at.city': 'Oslo' }, { age: { $in: [40] } }] }, sort: { path: -1 }, options: { limit: 3, skip: 1 } }],
  ['/*/people/*', { criteria: { tags: 'b' }, sort: { path: 1 } }],
  ['/*/people/*', { criteria: { name: { $regex: '^[AB]' } }, sort: { path: 1 } }],
  ['/*/people/*', { criteria: { '_meta.created': { $gt: 0 }, age: 20 }, sort: { path: 1 } }],
  ['/*/people/*', { fields: { 'data.name': 1, 'data.at.city': 1 }, sort: { path: 1 } }],
  ['/*/numbers', { criteria: { beyond: { $gt: 2 ** 59 }, safe: Number.MAX_SAFE_INTEGER }, sort: { path: 1 } }],
  ['/*/people/*', { options: { aggregate: [{ $group: { _id: '$data.at.city', n: { $sum: '$data.age' } } }, { $sort: { _id: 1 } }] } }],
];
if (secure) searches.push(['/*/people/*', { criteria: { modifiedBy: '_ADMIN' }, sort: { path: 1 } }]);

// seen is all that a client sees, but for what only one of the two servers can show.
const seen = async (c) => {
  const documents = (await c.get('*')).filter((d) => /^\/(npm|host|raw)\//.test(d._meta.path) && !/\/only\//.test(d._meta.path));
  documents.sort((a, b) => (a._meta.path < b._meta.path ? -1 : 1));
  const results = [];
  for (const [path, options] of searches) {
    const found = await c.get(path, structuredClone(options));
    results.push(Array.isArray(found) ? found : plain(found)); // of a pipeline, where _meta is the answer's
  }
  const { value } = await c.count('/*/people/*', { criteria: { age: 20 } });
  return JSON.parse(JSON.stringify({ documents, results, value }));
};

const showsWhatTheOtherDid = async () => {
  const [want, got] = [load().seen, await seen(await root())];
  assert.ok(want.documents.length > 20);
  for (const d of want.documents) {
    same(got.documents.find((other) => other._meta.path === d._meta.path), d, d._meta.path);
  }
  want.results.forEach((result, i) => same(got.results[i], result, JSON.stringify(searches[i])));
  same(got, want);
};

// changed makes sure that a change leaves who made it and when, and when the document was made.
const changed = async (c, path, before, change) => {
  const began = Date.now();
  await change();
  const { _meta } = await c.get(path);
  same([_meta.created, _meta.modifiedBy], [before._meta.created, admin], path);
  assert.ok(_meta.modified >= began && _meta.modified <= Date.now(), `modified of ${path}: ${_meta.modified}`);
};

// changesWhatTheOtherWrote goes through all kinds of writes.
const changesWhatTheOtherWrote = async (below) => {
  const [c, listener] = [await root(), await root()];
  const events = new Events();
  for (const pattern of ['*', 'people/*']) await listener.on(`${below}/${pattern}`, events.handler);
  const at = (name) => c.get(`${below}/${name}`);
  const [overwritten, merged, nested] = [await at('overwritten'), await at('merged'), await at('nested')];
  await changed(c, `${below}/overwritten`, overwritten, () => c.set(`${below}/overwritten`, { v: 3 }));
  same(plain(await at('overwritten')), { v: 3 });
  await changed(c, `${below}/merged`, merged, () => c.set(`${below}/merged`, { e: 4, f: [5] }, { merge: true }));
  same(plain(await at('merged')), { ...plain(merged), e: 4, f: [5] });
  await changed(c, `${below}/nested`, nested, () => c.set(`${below}/nested`, { more: 2 ** 60 }, { merge: true }));
  same(plain(await at('nested')), { ...plain(nested), more: 2 ** 60 });
  const before = await at('gauges');
  same((await c.set(`${below}/gauges`, 'first', { increment: 2 })).value, before.first.value + 2);
  same(plain(await at('gauges')), { ...plain(before), first: { value: before.first.value + 2 } });
  same((await c.remove(`${below}/people/Bob`)).removed, 1);
  same((await c.remove(`${below}/people/*`, { criteria: { age: { $gte: 40 } } })).removed, 1);
  same((await c.get(`${below}/people/*`)).map((p) => p.name).sort(), ['Ann', 'Dee']);
  same((await events.take(6)).map((e) => e.meta.action.split('@')[0]), ['/SET', '/SET', '/SET', '/SET', '/REMOVE', '/REMOVE']);
};

if (phase === 'before') {
  test('happn-3 writes documents of all kinds', async () => write(await root(), '/npm'));

  test('arrays in arrays', async () => {
    const c = await root();
    await c.set('/npm/arrays', { nested: [[1, [2]], [{ a: [[3]] }]] });
    same(plain(await c.get('/npm/arrays')), { nested: [[1, [2]], [{ a: [[3]] }]] });
  });

  test('names with dots and dollars', async () => {
    const c = await root();
    await c.set('/npm/names', { in: { 'a.b': 1, $c: 2 } });
    same(plain(await c.get('/npm/names')), { in: { 'a.b': 1, $c: 2 } });
  });

  test('a field beside those of happn is no trouble for happn-3', async () => {
    const now = Date.now();
    const document = (n) => ({ path: `/raw/writer/${n}`, data: { n, s: 'x' }, created: now - 1000, modified: now - 1000, _writer: 'one' });
    await collection((c) => c.insertMany([1, 2, 3].map(document)));
    const c = await root();
    const first = await c.get('/raw/writer/1');
    same(plain(first), { n: 1, s: 'x' });
    same([first._meta.created, first._meta.modified], [now - 1000, now - 1000]);
    assert.ok(!JSON.stringify(await c.get('/raw/writer/*')).includes('_writer'));
    await c.set('/raw/writer/1', { n: 10 });
    await c.set('/raw/writer/2', { t: 'y' }, { merge: true });
    same((await c.get('/raw/writer/*', { criteria: { n: { $lt: 10 } }, sort: { path: 1 } })).map(plain), [{ n: 2, s: 'x', t: 'y' }, { n: 3, s: 'x' }]);
    same((await c.get('/raw/writer/1'))._meta.created, now - 1000);
    await c.remove('/raw/writer/3');
    same((await c.count('/raw/writer/*')).value, 2);
  });

  test('documents that no client can write', async () => {
    const now = Date.now();
    const document = (path, data) => ({ path, data, created: now, modified: now });
    await collection((c) => c.insertMany([
      document('/raw/date', { at: new Date(1700000000123), list: [new Date(0)] }),
      document('/raw/ü.b^$[c] d', { v: 1 }),
    ]));
    same(plain(await (await root()).get('/raw/date')), { at: '2023-11-14T22:13:20.123Z', list: ['1970-01-01T00:00:00.000Z'] });
  });
}

if (phase === 'host') {
  test('the host shows what happn-3 wrote as happn-3 does', showsWhatTheOtherDid);
  test('the host changes what happn-3 wrote', () => changesWhatTheOtherWrote('/npm'));
  test('the host writes documents of all kinds', async () => write(await root(), '/host'));

  test('a date that happn-3 has stays one', async () => {
    const c = await root();
    await c.set('/raw/date', { more: 1 }, { merge: true });
    same(plain(await c.get('/raw/date')).at, '2023-11-14T22:13:20.123Z');
    assert.ok((await collection((docs) => docs.findOne({ path: '/raw/date' }))).data.at instanceof Date);
  });

  test('names that happn-3 cannot store are stored', async () => {
    const c = await root();
    const data = { 'a.b': 1, $c: { 'd.e': [{ $f: 2 }] }, plain: 3 };
    await c.set('/host/only/names', data);
    same(plain(await c.get('/host/only/names')), data);
  });
}

if (phase === 'after') {
  test('happn-3 shows what the host did as the host does', showsWhatTheOtherDid);

  test('names that happn-3 cannot store are shown as they are stored', async () => {
    same(plain(await (await root()).get('/host/only/names')), { '％a%2Eb': 1, '％%24c': { '％d%2Ee': [{ '％%24f': 2 }] }, plain: 3 });
  });

  test('what the host stored has the fields of happn-3', () =>
    collection(async (docs) => {
      const fields = ['_id', 'created', 'data', 'modified', ...(secure ? ['modifiedBy'] : []), 'path'];
      for (const name of ['nested', 'merged', 'overwritten', 'text', 'people/Ann']) {
        const document = await docs.findOne({ path: `/host/${name}` });
        same(Object.keys(document).sort(), fields, name);
        same([document._id._bsontype, typeof document.created, typeof document.modified], ['ObjectID', 'number', 'number'], name);
      }
    }));

  test('the index on path is unique, and recorded once', () =>
    collection(async (docs) => {
      const index = (await docs.indexes()).find((x) => JSON.stringify(x.key) === '{"path":1}');
      assert.ok(index && index.unique, JSON.stringify(index));
      same(await docs.countDocuments({ path: '/_SYSTEM/INDEXES/happn_path_index' }), 1);
      await rejects(docs.insertOne({ path: '/host/nested', data: {} }), { code: 11000 });
    }));

  test('happn-3 changes what the host wrote', () => changesWhatTheOtherWrote('/host'));
}

if (secure) require('./handover-secure')(phase, { load, save });

if (phase !== 'after') test('what is seen is told to the next one', async () => save({ seen: await seen(await root()) }));

run();

// Criteria, fields, sort and paging, as far as loki and MongoDB agree on them.
'use strict';
const { assert, connect, plain, reference, rejects, run, same, test } = require('./lib');

const people = [
  { name: 'Ann', age: 30, tags: ['a', 'b'], at: { city: 'Rome', zip: 1 } },
  { name: 'Bob', age: 20, tags: ['b'], at: { city: 'Oslo', zip: 2 } },
  { name: 'Cid', age: 40, tags: [], at: { city: 'Rome', zip: 3 } },
  { name: 'Dee', age: 20, tags: ['c', 'd', 'e'], at: { city: 'Bonn', zip: 4 }, extra: true },
];

let c; // one client for the whole topic
const find = async (options) => (await c.get('/search/*', options)).map((p) => p.name).join(' ');

test('the people are there', async () => {
  c = await connect({}, true);
  for (const p of people) await c.set(`/search/${p.name}`, p);
});

const criteria = {
  'a value': [{ age: 20 }, 'Bob Dee'],
  'a string is not a number': [{ age: '20' }, ''],
  'two members are both needed': [{ age: 20, 'at.city': 'Oslo' }, 'Bob'],
  'a dotted member': [{ 'at.city': 'Rome' }, 'Ann Cid'],
  $eq: [{ age: { $eq: 40 } }, 'Cid'],
  $ne: [{ age: { $ne: 20 } }, 'Ann Cid'],
  $gt: [{ age: { $gt: 30 } }, 'Cid'],
  $gte: [{ age: { $gte: 30 } }, 'Ann Cid'],
  $lt: [{ age: { $lt: 30 } }, 'Bob Dee'],
  $lte: [{ age: { $lte: 30 } }, 'Ann Bob Dee'],
  $in: [{ name: { $in: ['Ann', 'Dee', 'Zoe'] } }, 'Ann Dee'],
  $nin: [{ name: { $nin: ['Ann', 'Dee'] } }, 'Bob Cid'],
  '$nin of a missing member': [{ extra: { $nin: [true] } }, 'Ann Bob Cid'],
  $exists: [{ extra: { $exists: true } }, 'Dee'],
  '$exists false': [{ extra: { $exists: false } }, 'Ann Bob Cid'],
  $regex: [{ name: { $regex: '^[AB]' } }, 'Ann Bob'],
  '$regex with flags': [{ name: { $regex: ['^a', 'i'] } }, 'Ann'],
  $not: [{ age: { $not: { $gt: 20 } } }, 'Bob Dee'],
  $size: [{ tags: { $size: 3 } }, 'Dee'],
  $contains: [{ tags: { $contains: 'b' } }, 'Ann Bob'],
  $and: [{ $and: [{ age: { $gt: 20 } }, { age: { $lt: 40 } }] }, 'Ann'],
  $or: [{ $or: [{ name: 'Ann' }, { age: 40 }] }, 'Ann Cid'],
  'nested $and and $or': [{ $or: [{ $and: [{ age: 20 }, { extra: true }] }, { name: 'Cid' }] }, 'Cid Dee'],
  'a path': [{ path: '/search/Bob' }, 'Bob'],
  '_meta.path': [{ '_meta.path': { $in: ['/search/Bob', '/search/Cid'] } }, 'Bob Cid'],
  '_data': [{ '_data.age': 40 }, 'Cid'],
  'data': [{ 'data.age': 40 }, 'Cid'],
  'nothing': [{}, 'Ann Bob Cid Dee'],
};
for (const [name, [query, want]] of Object.entries(criteria)) {
  test(`criteria: ${name}`, async () => assert.strictEqual(await find({ criteria: query }), want));
}

if (!reference) {
  const better = {
    'two operators on one member': [{ age: { $gt: 20, $lt: 40 } }, 'Ann'],
    'a value in an array': [{ tags: 'b' }, 'Ann Bob'],
    'an array': [{ tags: ['b'] }, 'Bob'],
    'an object': [{ at: { city: 'Oslo', zip: 2 } }, 'Bob'],
    $nor: [{ $nor: [{ age: 20 }, { name: 'Ann' }] }, 'Cid'],
    $all: [{ tags: { $all: ['a', 'b'] } }, 'Ann'],
    $mod: [{ age: { $mod: [20, 0] } }, 'Bob Cid Dee'],
    '$options': [{ name: { $regex: '^a', $options: 'i' } }, 'Ann'],
    'null is missing': [{ extra: null }, 'Ann Bob Cid'],
  };
  for (const [name, [query, want]] of Object.entries(better)) {
    test(`criteria, where loki fails: ${name}`, async () => assert.strictEqual(await find({ criteria: query }), want));
  }
}

const sorted = {
  'by age down, then name': [{ age: -1, name: 1 }, 'Cid Ann Bob Dee'],
  'by a dotted member': [{ 'at.zip': -1 }, 'Dee Cid Bob Ann'],
  'by path down': [{ path: -1 }, 'Dee Cid Bob Ann'],
  'by name up': [{ name: 1 }, 'Ann Bob Cid Dee'],
};
for (const [name, [sort, want]] of Object.entries(sorted)) {
  test(`sort ${name}`, async () => {
    assert.strictEqual(await find({ options: { sort } }), want);
    assert.strictEqual(await find({ sort }), want);
  });
}

const pages = {
  'limit': [{ limit: 2 }, 'Ann Bob'],
  'skip': [{ skip: 3 }, 'Dee'],
  'both': [{ skip: 1, limit: 2 }, 'Bob Cid'],
  'no limit': [{ limit: 0 }, 'Ann Bob Cid Dee'],
  'text': [{ limit: '1' }, 'Ann'],
  'beyond': [{ skip: 9 }, ''],
  'sorted': [{ sort: { age: -1, name: 1 }, skip: 1, limit: 1 }, 'Ann'],
};
for (const [name, [options, want]] of Object.entries(pages)) {
  test(`page: ${name}`, async () => assert.strictEqual(await find({ options }), want));
}

test('limit and skip outside of options do nothing', async () => {
  assert.strictEqual(await find({ limit: 1, skip: 1 }), 'Ann Bob Cid Dee');
});

test('fields choose members', async () => {
  const some = await c.get('/search/Ann*', { fields: { name: 1, 'at.city': 1 } });
  same(some.map(plain), [{ name: 'Ann', at: { city: 'Rome' } }]);
  const other = await c.get('/search/Ann*', { options: { fields: { age: 1 } } });
  same(other.map(plain), [{ age: 30 }]);
  const meta = await c.get('/search/Ann*', { fields: { name: 1, path: 1, '_meta.created': 1 } });
  assert.strictEqual(meta[0]._meta.path, '/search/Ann');
  assert.strictEqual(typeof meta[0]._meta.created, 'number');
});

test('a single document is filtered too', async () => {
  assert.strictEqual((await c.get('/search/Ann', { criteria: { age: 30 } })).name, 'Ann');
  assert.strictEqual(await c.get('/search/Ann', { criteria: { age: 31 } }), null);
});

test('a single document is paged too', async () => {
  assert.strictEqual((await c.get('/search/Ann', { options: { limit: 1 } })).name, 'Ann');
  assert.strictEqual(await c.get('/search/Ann', { options: { skip: 1 } }), null);
});

test('remove takes criteria', async () => {
  assert.strictEqual((await c.remove('/search/*', { criteria: { age: { $lt: 30 } } })).removed, 2);
  assert.strictEqual(await find({}), 'Ann Cid');
});

if (!reference) {
  test('aggregate, count and explain', async () => {
    for (const [n, kind] of ['a', 'b', 'a'].entries()) await c.set(`/aggregated/${n}`, { n, kind });
    const groups = await c.get('/aggregated/*', {
      criteria: { n: { $gte: 0 } },
      options: { aggregate: [{ $group: { _id: '$data.kind', n: { $sum: '$data.n' } } }, { $sort: { _id: 1 } }] },
    });
    same(groups.value, [{ _id: 'a', n: 2 }, { _id: 'b', n: 1 }]);
    assert.strictEqual((await c.get('/aggregated/*', { criteria: { kind: 'a' }, options: { count: true } })).value, 2);
    assert.strictEqual((await c.get('/aggregated/*', { criteria: { kind: 'A' }, options: { count: true, collation: { locale: 'en', strength: 2 } } })).value, 2);
    assert.strictEqual(typeof (await c.get('/aggregated/*', { criteria: { kind: 'a' }, options: { explain: true } })).plan, 'string');
  });
}

test('what cannot be done is refused', async () => {
  await rejects(c.get('/search/*', { criteria: { name: { $regex: 5 } } }), { name: 'SystemError', code: 500, message: '$regex parameter value must be an Array or a string' });
  await rejects(c.get('/search/*', { options: { aggregate: reference ? [] : [{ $bogus: 1 }] } }), { name: 'SystemError', code: 500 });
  const e = await rejects(c.get('/search/*', { criteria: { name: { $bogus: 1 } } }), { name: 'SystemError', code: 500 });
  if (!reference) assert.match(e.message, /\$bogus/);
});

run();

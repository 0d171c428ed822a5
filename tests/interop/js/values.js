// Data and paths of every kind go through unchanged.
'use strict';
const { Events, assert, connect, plain, run, same, test } = require('./lib');

// through stores a document and reads it back by answer, get, wildcard get and
// event.
const through = async (path, data) => {
  const [a, b] = [await connect(), await connect()];
  const events = new Events();
  await b.on(path, events.handler);
  same(plain(await a.set(path, data)), data);
  same((await events.next()).data, data);
  same(plain(await b.get(path)), data);
  const [item] = await b.get(`${path}*`);
  same(plain(item), data);
};

const texts = {
  'line separators': 'a\u2028b\u2029c',
  emoji: '\u{1F600} \u{1F468}\u200D\u{1F469}',
  accents: 'äöü ß éè ñ 中文 日本語 العربية',
  'control characters': '\u0000\u0001\u001f\u007f\t\r\n\b\f',
  'quotes and slashes': '"\\/\'</script>',
  'a byte order mark': '\ufeffx',
  'not characters': '\ufffe\uffff\ufffd',
};
for (const [name, text] of Object.entries(texts)) {
  test(`text with ${name}`, () => through('/val/text', { text, [text]: text, list: [text] }));
}

test('lone surrogates, escaped as JSON.stringify does', async () => {
  // A WebSocket text cannot hold them; JSON escapes can.
  await through('/val/lone', { low: '\udc00', high: '\ud800', mixed: 'a\ud83db' });
});

test('numbers', () =>
  through('/val/numbers', {
    zero: 0, negative: -1, fraction: 0.1, tiny: 5e-324, huge: 1.7976931348623157e308,
    safe: Number.MAX_SAFE_INTEGER, unsafe: 2 ** 64, exponent: 1e21, small: 1e-7,
  }));

test('members with the names of our own', () =>
  through('/val/names', {
    path: 'p', created: 1, modified: 'x', id: 3, _id: '4', data: { data: { value: 1 } }, value: 1, type: 'response',
    status: 'error', eventId: 99, action: 'get', protocol: 'x', meta: null, constructor: 1, toString: 'x', '': 'empty', 'a.b': 1, $gt: 2,
  }));

test('a member named _meta is dropped', async () => {
  const c = await connect();
  same(plain(await c.set('/val/meta', { a: 1, _meta: { b: 1 } })), { a: 1 });
  const got = await c.get('/val/meta');
  assert.strictEqual(got._meta.b, undefined);
  same(plain(await c.set('/val/meta', { inner: { _meta: 1 } })), { inner: { _meta: 1 } });
});

test('empty things', () => through('/val/empty', { o: {}, a: [], s: '', n: null, nested: [[], [{}]] }));

test('deep things', () => {
  let deep = { end: true };
  for (let i = 0; i < 60; i++) deep = i % 2 ? [deep] : { deep };
  return through('/val/deep', { deep });
});

test('a document of a thousand members', () =>
  through('/val/wide', Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, { i }]))));

test('a document of nine megabytes', () => through('/val/big', { text: 'x'.repeat(9 * 1024 * 1024) }));

test('a message over ten megabytes ends the connection, and the client comes back', async () => {
  const c = await connect({ reconnect: { min: 20, max: 100 } });
  const back = new Promise((resolve) => c.onEvent('reconnect-successful', resolve));
  c.set('/val/toobig', { text: 'x'.repeat(10 * 1024 * 1024) }).catch(() => {});
  await back;
  await c.set('/val/after', { ok: 1 });
  assert.strictEqual(await c.get('/val/toobig'), null);
});

test('paths with every character that is allowed', async () => {
  const path = '/val/azAZ09(x){y}+=&:%@._-/two words/tab\tx';
  const [a, b] = [await connect(), await connect()];
  const events = new Events();
  await b.on(path, events.handler);
  await a.set(path, { v: 1 });
  const { meta } = await events.next();
  assert.strictEqual(meta.path, path);
  assert.strictEqual(meta.channel, `/ALL@${path}`);
  assert.strictEqual((await b.get(path)).v, 1);
});

test('a path of many segments', async () => {
  const path = '/val' + '/s'.repeat(400);
  const c = await connect();
  await c.set(path, { v: 1 });
  assert.strictEqual((await c.get(path))._meta.path, path);
});

run();

// What goes wrong is said, and the connection goes on.
'use strict';
const WebSocket = require(require.resolve('ws', { paths: [require.resolve('happn-3')] }));
const { assert, connect, port, reference, rejects, run, same, test, within } = require('./lib');

const badPath =
  'Bad path, can only contain characters a-z A-Z 0-9 / & + = : @ % * ( ) _ -, ie: factory1@I&J(western-cape)/plant1:conveyer_2/stats=true/capacity=10%/*';

// raw talks without the client, whose own checks stop most mistakes.
const raw = (path = '/primus') =>
  within(
    new Promise((resolve, reject) => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false });
      const frames = [];
      let wake = () => {};
      ws.on('message', (data) => {
        frames.push(JSON.parse(data.toString()));
        wake();
      });
      ws.on('error', reject);
      ws.on('open', () => resolve(ws));
      ws.request = async (message) => {
        ws.send(JSON.stringify(message));
        while (frames.length === 0) await within(new Promise((r) => (wake = r)), JSON.stringify(message));
        return frames.shift();
      };
    }),
    'a raw connection'
  );

const refused = async (message, error) => {
  const ws = await raw();
  await ws.request({ action: 'configure-session', eventId: 1, data: { protocol: 'happn_4', version: 'x', browser: false } });
  const answer = await ws.request({ eventId: 2, ...message });
  assert.strictEqual(answer.data, null);
  assert.strictEqual(answer._meta.status, 'error');
  assert.strictEqual(answer._meta.eventId, 2);
  for (const key of Object.keys(error)) assert.strictEqual(answer._meta.error[key], error[key]);
  if (!reference) assert.strictEqual(answer._meta.error.stack, undefined);
  const after = await ws.request({ action: 'describe', eventId: 3, data: null });
  assert.strictEqual(after._meta.status, 'ok');
  ws.close();
};

test('the client refuses bad paths itself', async () => {
  const c = await connect();
  await rejects(c.set('/err/#', 1), { message: badPath });
  await rejects(c.set('/err/*', 1), { message: "Bad path, if the action is 'set' the path cannot contain the * wildcard character" });
  await rejects(c.remove('/err/#'), { message: badPath });
});

test('a set path with a character that is not allowed', () => refused({ action: 'set', path: '/a#', data: 1 }, { name: 'Error', message: badPath }));
test('a remove path with a character that is not allowed', () => refused({ action: 'remove', path: '/a#' }, { message: badPath }));
test('an on path with a character that is not allowed', () => refused({ action: 'on', path: '/ALL@/a#' }, { message: badPath }));
test('a set path with a wildcard', () =>
  refused({ action: 'set', path: '/a/*', data: 1 }, { message: "Bad path, if the action is 'set' the path cannot contain the * wildcard character" }));
test('a set without a path', () => refused({ action: 'set', data: 1 }, { message: 'Bad path [undefined], must be a string' }));
test('a set with a number for a path', () => refused({ action: 'set', path: 5, data: 1 }, { message: 'Bad path [5], must be a string' }));
test('a remove without a path', () => refused({ action: 'remove' }, { message: 'Bad path [undefined], must be a string' }));
test('an on without a path', () => refused({ action: 'on' }, { message: 'Bad path [undefined], must be a string' }));
test('an empty set path', () => refused({ action: 'set', path: '', data: 1 }, { name: 'Error', message: badPath }));
test('an encrypted payload', () => refused({ action: 'set', path: '/a', data: { encrypted: 'x' } }, { message: 'Encrypted payloads are no longer supported' }));

test('a get with any character is only not found', async () => {
  const c = await connect();
  assert.strictEqual(await c.get('/err/#'), null);
});

if (!reference) {
  test('an unknown action is refused', () => refused({ action: 'bogus', path: '/a' }, { name: 'Error' }));
}

test('an unconfigured session is served by the oldest protocol', async () => {
  const ws = await raw();
  const answer = await ws.request({ action: 'set', eventId: 1, path: '/err/old', data: { a: 1 } });
  assert.strictEqual(answer.protocol, 'happn');
  same(answer.data, { a: 1 });
  ws.close();
});

test('a request without an event id is answered without one', async () => {
  const ws = await raw();
  const answer = await ws.request({ action: 'get', path: '/err/none' });
  assert.strictEqual(answer.data, null);
  assert(!('eventId' in answer._meta));
  ws.close();
});

test('any path below the transport is upgraded', async () => {
  for (const path of ['/primusXYZ', '/primus/a/b', '/primus?x=1']) {
    const ws = await raw(path);
    const answer = await ws.request({ action: 'describe', eventId: 1, data: null });
    assert.strictEqual(answer._meta.status, 'ok', path);
    ws.close();
  }
});

run();

// permessage-deflate, when the server was started with it.
'use strict';
const WebSocket = require(require.resolve('ws', { paths: [require.resolve('happn-3')] }));
const { Events, assert, connect, port, run, test, within } = require('./lib');

test('the client and the server agree on compression', async () => {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/primus?_primuscb=x`);
  await within(new Promise((resolve, reject) => ws.on('open', resolve).on('error', reject)), 'a connection');
  assert.match(ws.extensions, /permessage-deflate/);
  ws.close();
});

test('small and large messages go through', async () => {
  const [a, b] = [await connect(), await connect()];
  assert.match(a.session.headers['sec-websocket-extensions'], /permessage-deflate/);
  const events = new Events();
  await b.on('/deflate/*', events.handler);
  for (const size of [0, 1, 125, 126, 1024, 65535, 65536, 1 << 20]) {
    const text = Array.from({ length: size }, (_, i) => String.fromCharCode(97 + ((i * 7919) % 26))).join('');
    await a.set('/deflate/x', { text });
    assert.strictEqual((await events.next()).data.text, text);
    assert.strictEqual((await b.get('/deflate/x')).text, text);
  }
});

test('a client that does not compress is served beside them', async () => {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/primus`, { perMessageDeflate: false });
  await within(new Promise((resolve, reject) => ws.on('open', resolve).on('error', reject)), 'a connection');
  assert.strictEqual(ws.extensions, '');
  const answer = within(new Promise((resolve) => ws.on('message', (data) => resolve(JSON.parse(data.toString())))), 'an answer');
  ws.send(JSON.stringify({ action: 'describe', eventId: 1, data: null }));
  assert.strictEqual((await answer)._meta.eventId, 1);
  ws.close();
});

run();

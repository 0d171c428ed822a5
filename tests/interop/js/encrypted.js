// What applications with a client of an older release do on a server that asks for encrypted
// payloads, see lib-older.js. PASSWORD is _ADMIN's; HAPPN_LATER is the folder of the present
// client, which does not encrypt. What goes over the wire is seen by a proxy.
'use strict';
const net = require('net');
const { Events, ask, assert, call, connect, major, plain, port, run, same, server, test, within } = require('./lib-older');
const Later = require(`${process.env.HAPPN_LATER}/node_modules/happn-3`);
const Crypto = require(require.resolve('happn-util-crypto', { paths: [require.resolve(`${process.env.HAPPN_CLIENT}/package.json`)] }));

const password = process.env.PASSWORD;
const address = `http://127.0.0.1:${port}`;
const as = (more = {}) => connect({ username: '_ADMIN', password, loginRetry: 1, ...more });

// api asks the management API.
const api = async (method, path, body) => {
  const query = new URLSearchParams({ username: '_ADMIN', password });
  const token = (await (await fetch(`${address}/auth/login?${query}`)).json()).data;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${address}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, await answer.text());
};

// Frames reads the texts of a websocket in one direction.
class Frames {
  constructor() {
    this.rest = null; // null until the upgrade is over
    this.head = '';
    this.texts = [];
  }
  take(chunk) {
    if (!this.rest) {
      this.head += chunk.toString('latin1');
      const end = this.head.indexOf('\r\n\r\n');
      if (end < 0) return;
      chunk = Buffer.from(this.head.slice(end + 4), 'latin1');
      this.rest = Buffer.alloc(0);
    }
    this.rest = Buffer.concat([this.rest, chunk]);
    while (this.frame());
  }
  frame() {
    const b = this.rest;
    if (b.length < 2) return false;
    assert.ok(!(b[0] & 0x40), 'the capture cannot read compressed frames');
    let size = b[1] & 0x7f;
    let at = 2;
    if (size === 126) (size = b.length < 4 ? Infinity : b.readUInt16BE(2)), (at = 4);
    else if (size === 127) (size = b.length < 10 ? Infinity : Number(b.readBigUInt64BE(2))), (at = 10);
    const masked = b[1] & 0x80;
    if (masked) at += 4;
    if (b.length < at + size) return false;
    const text = Buffer.from(b.subarray(at, at + size));
    if (masked) text.forEach((byte, i) => (text[i] = byte ^ b[at - 4 + (i % 4)]));
    if ((b[0] & 0x0f) === 1) this.texts.push(text.toString());
    this.rest = b.subarray(at + size);
    return true;
  }
}

// proxy listens for clients, hands everything on, and keeps what it saw.
const proxy = async () => {
  const p = { texts: () => p.seen.flatMap((f) => f.texts), seen: [], sockets: [] };
  p.server = net.createServer((client) => {
    const upstream = net.connect(port, '127.0.0.1');
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      const frames = new Frames();
      p.seen.push(frames);
      from.on('data', (chunk) => (frames.take(chunk), to.write(chunk)));
      from.on('close', () => to.destroy());
      from.on('error', () => {});
    }
    p.sockets.push(client);
  });
  await new Promise((resolve) => p.server.listen(0, '127.0.0.1', resolve));
  p.port = p.server.address().port;
  p.cut = () => p.sockets.splice(0).forEach((s) => s.destroy());
  return p;
};

// tamper changes what a client writes, once.
const tamper = (c, change) => {
  const write = c.socket.write;
  c.socket.write = (message) => {
    c.socket.write = write;
    return write.call(c.socket, change(message));
  };
};

test(0, 'a login with a password gives a secret', async () => {
  const c = await as();
  assert.strictEqual(c.session.isEncrypted, true);
  assert.match(c.session.secret, /^[0-9a-f]{32}$/);
  assert.strictEqual(c.session.user.username, '_ADMIN');
  assert.strictEqual(c.session.happn.encryptPayloads, true);
  assert.strictEqual(c.serverInfo.publicKey, c.session.happn.publicKey);
});

test(0, 'what is set can be read, heard of, and removed', async () => {
  const c = await as();
  const events = new Events();
  await call(c, 'on', '/enc/data/*', {}, events.handler);
  same(plain(await ask(c, 'set', '/enc/data/1', { text: 'é€😀', encrypted: true }, {})), { text: 'é€😀', encrypted: true });
  await ask(c, 'set', '/enc/data/2', { large: 'x'.repeat(200000) }, {});
  const seen = await events.take(2);
  assert.strictEqual(seen[0].data.text, 'é€😀');
  assert.strictEqual(seen[1].data.large.length, 200000);
  same((await ask(c, 'get', '/enc/data/*', {})).map((item) => item._meta.path), ['/enc/data/1', '/enc/data/2']);
  assert.strictEqual(await ask(c, 'get', '/enc/nothing', {}), null);
  same(plain(await ask(c, 'remove', '/enc/data/1', {})), { removed: 1 });
  await events.take(1);
  await call(c, 'offPath', '/enc/data/*');
  await ask(c, 'set', '/enc/data/3', { v: 1 }, {});
  await events.none(c);
  await assert.rejects(ask(c, 'set', '/enc/*', { v: 1 }, {}), /[Bb]ad path/);
});

test(7, 'publications are acknowledged', async () => {
  const c = await as();
  const events = new Events();
  await call(c, 'on', '/enc/acknowledged', {}, events.handler);
  const results = await within(
    new Promise((resolve, reject) =>
      c.set('/enc/acknowledged', { v: 1 }, { consistency: 3, onPublished: (e, r) => (e ? reject(e) : resolve(r)) }, (e) => e && reject(e))
    ),
    'onPublished'
  );
  assert.strictEqual(results.acknowledged, 1);
  await events.take(1);
});

test(7, 'wrong credentials are refused', async () => {
  const refused = (e) => /AccessDenied/.test(e.name) && e.message === 'Invalid credentials' && e.code === 401;
  await assert.rejects(as({ password: 'wrong' }), refused);
  await assert.rejects(as({ username: 'nobody' }), refused);
});

test(7, 'a token logs in', async () => {
  const c = await as();
  const again = await connect({ token: c.session.token });
  assert.strictEqual(again.session.isEncrypted, true);
  assert.strictEqual(again.session.user.username, '_ADMIN');
  same(plain(await ask(again, 'set', '/enc/token', { v: 1 }, {})), { v: 1 });
});

test(7, 'a key logs in', async () => {
  const crypto = new Crypto();
  const name = `keyed-${major}`;
  const pair = crypto.createKeyPair();
  await api('PUT', `/users/${name}`, { password: 'unused', publicKey: pair.publicKey });
  await api('PUT', `/users/${name}/groups/_ADMIN`, {});
  const c = await connect({ username: name, ...pair });
  assert.strictEqual(c.session.isEncrypted, true);
  assert.strictEqual(c.session.user.username, name);
  const other = crypto.createKeyPair();
  await assert.rejects(connect({ username: name, ...other, loginRetry: 1 }), /Invalid credentials/);
});

test(7, 'what the server says of its own accord is encrypted, and understood', async () => {
  const p = await proxy();
  const name = `told-${major}`;
  await api('PUT', `/users/${name}`, { password: 'told' });
  const c = await connect({ username: name, password: 'told', port: p.port });
  const told = new Events();
  c.onSystemMessage((key, data) => {
    told.handler(key, data);
    return true;
  });
  const next = async () => (await told.take(1))[0];
  if (major >= 10) {
    await api('PUT', `/users/${name}/permissions`, { path: '/enc/told', action: 'get', authorized: true });
    const { data, meta } = await next();
    same([data, meta.whatHappnd], ['security-data-changed', 'permission-upserted']);
  }
  await api('DELETE', `/users/${name}`);
  const { data, meta } = await next();
  same([data, meta.reason], ['server-side-disconnect', 'security directory update: user deleted']);
  assert.ok(!p.texts().some((text) => /security-data-changed|user deleted/.test(text)), 'it was said in clear');
  p.server.close();
});

test(0, 'clients that encrypt and those that do not hear of each other', async () => {
  const old = await as();
  const later = await Later.client.create({ host: '127.0.0.1', port, username: '_ADMIN', password });
  assert.strictEqual(later.session.isEncrypted, undefined);
  const toOld = new Events();
  const toLater = new Events();
  await call(old, 'on', '/enc/mixed/*', {}, toOld.handler);
  await later.on('/enc/mixed/*', toLater.handler);
  await ask(old, 'set', '/enc/mixed/1', { from: 'old' }, {});
  await later.set('/enc/mixed/2', { from: 'later' });
  for (const events of [toOld, toLater]) same((await events.take(2)).map((e) => e.data.from), ['old', 'later']);
  await later.disconnect();
});

test(0, 'nothing is said in clear', async () => {
  const p = await proxy();
  const marker = 'a-word-that-nobody-else-says';
  const c = await as({ port: p.port });
  const events = new Events();
  await call(c, 'on', `/enc/${marker}/*`, {}, events.handler);
  await ask(c, 'set', `/enc/${marker}/1`, { [marker]: marker }, {});
  await ask(c, 'get', `/enc/${marker}/*`, {});
  await assert.rejects(ask(c, 'set', `/enc/${marker}/*`, { v: marker }, {}));
  await events.take(1);
  await ask(c, 'remove', `/enc/${marker}/1`, {});
  await events.take(1);
  const texts = p.texts();
  for (const secret of [marker, '_ADMIN', password, c.session.secret, c.session.token]) {
    assert.ok(!texts.some((text) => text.includes(secret)), `${secret} was said in clear`);
  }
  const encrypted = texts.filter((text) => /"encrypted":"[0-9a-f]+"/.test(text));
  assert.ok(encrypted.length >= 10, `${encrypted.length} encrypted frames were seen`);
  p.server.close();
});

test(0, 'a client whose connection is cut comes back', async () => {
  const p = await proxy();
  const c = await as({ port: p.port });
  const events = new Events();
  await call(c, 'on', '/enc/cut/*', {}, events.handler);
  const before = c.session.secret;
  const back = new Promise((resolve) => c.onEvent('reconnect-successful', resolve));
  p.cut();
  await within(back, 'the reconnect');
  assert.notStrictEqual(c.session.secret, before);
  await ask(c, 'set', '/enc/cut/1', { v: 1 }, {});
  same((await events.take(1)).map((e) => e.data.v), [1]);
  p.server.close();
});

test(10, 'a request that was changed on the way is refused, and so is one that is repeated', async () => {
  const c = await as();
  await ask(c, 'set', '/enc/tampered', { v: 1 }, {});
  const flip = (digits, i) => digits.slice(0, i) + (parseInt(digits[i], 16) ^ 1).toString(16) + digits.slice(i + 1);
  let last;
  for (const change of [
    (m) => ({ ...m, encrypted: flip(m.encrypted, 1) }),
    (m) => ({ ...m, encrypted: m.encrypted.slice(0, -2) }),
    (m) => ({ ...m, encrypted: m.encrypted.slice(0, -1) }),
    (m) => ({ ...m, encrypted: 'not hexadecimal' }),
  ]) {
    tamper(c, change);
    await assert.rejects(ask(c, 'set', '/enc/tampered', { v: 2 }, {}), /encrypted request cannot be read/);
  }
  tamper(c, (m) => (last = m));
  await ask(c, 'set', '/enc/tampered', { v: 3 }, {});
  tamper(c, (m) => ({ ...last, eventId: m.eventId }));
  await assert.rejects(ask(c, 'set', '/enc/tampered', { v: 4 }, {}), /sent twice/);
  same(plain(await ask(c, 'get', '/enc/tampered', {})), { v: 3 });
});

test(0, 'the key of the server outlives it', async () => {
  const c = await as();
  const back = new Promise((resolve) => c.onEvent('reconnect-successful', resolve));
  const before = c.serverInfo.publicKey;
  await server('kill');
  await server('start');
  await within(back, 'the reconnect');
  assert.strictEqual(c.serverInfo.publicKey, before);
  same(plain(await ask(c, 'set', '/enc/restarted', { v: 1 }, {})), { v: 1 });
});

run();

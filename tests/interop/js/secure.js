// The flows of a secure server, driven by the real client (happn-wire.md, 2.4, 4.2 to 4.6, 5.5,
// 5.6, 8). _ADMIN's password is in ADMIN_PASSWORD; users and groups are made over the management
// API, as an operator does.
'use strict';
const crypto = require('crypto');
const { api, permit, withdraw } = require('./api');
const { Events, assert, connect, patience, rejects, run, same, test, within } = require('./lib');

// user makes a user of a group of its own with these permissions.
const user = async (name, permissions = {}, more = {}) => {
  await api('PUT', `/groups/${name}-group`, { permissions });
  await api('PUT', `/users/${name}`, { password: `${name}-password`, ...more });
  await api('PUT', `/users/${name}/groups/${name}-group`, {});
};

const login = (name, more = {}) => connect({ username: name, password: `${name}-password`, loginRetry: 0, ...more });
const admin = () => connect({ username: '_ADMIN', password: process.env.ADMIN_PASSWORD });
const event = (client, name, whose = name) => within(new Promise((resolve) => client.onEvent(name, resolve)), whose);
const pushed = (client) => {
  const seen = new Events();
  client.onSystemMessage((key, data) => key === 'security-data-changed' && seen.handler(data.whatHappnd, data.changedData));
  return seen;
};
const denied = { name: 'AccessDenied', code: 403 };

test('a login with a password gives a session', async () => {
  await user('ann', { '/ann/*': { actions: ['*'] } }, { custom_data: { a: 1 } });
  const c = await login('ann', { info: { my: 'info' } });
  const s = c.session;
  same(s.user.username, 'ann');
  same(s.user.custom_data, { a: 1 });
  assert.ok(!('password' in s.user) && !('groups' in s.user));
  same([s.info.my, s.type, s.parentId, s.cookieName, s.authType], ['info', 1, s.id, 'happn_token', 'default']);
  same(s.policy[1], { ttl: 0, inactivity_threshold: null });
  assert.match(s.token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  same(s.happn.secure, true);
});

test('wrong credentials are refused at once', async () => {
  await user('wrong');
  const invalid = { name: 'AccessDenied', code: 401, message: 'Invalid credentials' };
  await rejects(connect({ username: 'wrong', password: 'no' }), invalid);
  await rejects(connect({ username: 'nobody', password: 'no' }), invalid);
  await rejects(connect({ token: 'x.y.z' }), { code: 401, message: 'Invalid credentials: invalid session token' });
  await rejects(connect({ username: '_ANONYMOUS' }), { code: 401, message: 'Anonymous access is disabled' });
});

test('too many wrong passwords lock a user out, until an operator unlocks it', async () => {
  await user('locked');
  for (let i = 0; i < 4; i++) await rejects(connect({ username: 'locked', password: 'no' }), { code: 401 });
  await rejects(login('locked'), { name: 'AccessDenied', code: 403, message: 'Account locked out' });
  await api('POST', '/users/locked/unlock', {});
  await login('locked');
});

test('a login by a key signs a nonce', async () => {
  const pair = () =>
    crypto.generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    });
  const [own, other] = [pair(), pair()];
  await user('signer', {}, { publicKey: own.publicKey });
  const c = await connect({ username: 'signer', publicKey: own.publicKey, privateKey: own.privateKey, loginType: 'digest' });
  same(c.session.user.username, 'signer');
  await rejects(connect({ username: 'signer', publicKey: own.publicKey, privateKey: other.privateKey, loginType: 'digest' }), { code: 401 });
  await rejects(connect({ username: 'signer', publicKey: other.publicKey, privateKey: other.privateKey, loginType: 'digest' }), { code: 401 });
});

test('permissions decide about every action', async () => {
  await user('actor', {
    '/ok/*': { actions: ['get', 'set', 'on', 'remove'] },
    '/ok/no': { prohibit: ['*'] },
    '/ro/*': { actions: ['get'] },
    '/u/{{user.username}}/*': { actions: ['*'] },
  });
  const [c, root] = [await login('actor'), await admin()];
  for (const path of ['/ok/1', '/ok/no', '/ro/1']) await root.set(path, { path });
  await c.set('/ok/1', { a: 1 });
  same((await c.get('/ok/*')).map((d) => d._meta.path), ['/ok/1']);
  same((await c.count('/ok/*')).value, 1);
  await c.set('/u/actor/1', { a: 1 });
  await c.get('/ro/1');
  const events = new Events();
  await c.on('/ok/*', events.handler);
  for (const refused of [
    () => c.set('/ok/no', {}),
    () => c.set('/ro/1', {}),
    () => c.set('/u/else/1', {}),
    () => c.get('/else'),
    () => c.get('/*'),
    () => c.count('/else/*'),
    () => c.remove('/ro/1'),
    () => c.on('/ro/1', () => {}),
    () => c.on('*', () => {}),
    () => c.get('/_SYSTEM/_SECURITY/_USER/_ADMIN'),
  ])
    await rejects(refused(), { ...denied, message: 'unauthorized' });
  await root.set('/ok/no', {});
  await root.set('/ok/1', { a: 2 });
  const { meta } = await events.next();
  same([meta.path, meta.eventOrigin.username], ['/ok/1', '_ADMIN']);
  same(events.seen, []);
});

test('an administrator acts on behalf of others', async () => {
  await user('other', { '/behalf/*': { actions: ['*'] } });
  const [root, other] = [await admin(), await login('other')];
  const events = new Events();
  await other.on('/behalf/*', events.handler);
  await root.set('/behalf/1', { a: 1 }, { onBehalfOf: 'other' });
  same((await events.next()).meta.eventOrigin.username, 'other');
  await rejects(root.set('/else/1', {}, { onBehalfOf: 'other' }), { ...denied, reason: 'request on behalf of unauthorised user: other' });
  await rejects(root.set('/else/1', {}, { onBehalfOf: 'missing' }), {
    ...denied, reason: 'on behalf of user does not exist request on behalf of unauthorised user: missing',
  });
  await rejects(other.set('/behalf/1', {}, { onBehalfOf: 'ann' }), denied);
});

test('a change of permissions is told, and holds at once', async () => {
  await user('changed', { '/c/*': { actions: ['get', 'on'] } });
  const [c, root] = [await login('changed'), await admin()];
  const [told, events] = [pushed(c), new Events()];
  await c.on('/c/*', events.handler);
  await permit('groups/changed-group', '/c/*', 'set');
  const first = await told.next();
  same([first.data, first.meta], ['permission-upserted', { groupName: 'changed-group', path: '/c/*', action: 'set', authorized: true }]);
  await c.set('/c/1', { a: 1 });
  await events.take(1);
  await withdraw('groups/changed-group', '/c/*', 'set');
  same((await told.next()).data, 'permission-removed');
  await rejects(c.set('/c/1', {}), denied);
  await withdraw('groups/changed-group', '/c/*', 'on');
  await told.next();
  await root.set('/c/1', { a: 2 });
  await c.get('/c/1');
  same(events.seen, []);
  await api('PUT', '/groups/changed-group', { permissions: { '/c/*': { prohibit: ['get'] } } });
  const upserted = await told.next();
  same([upserted.data, upserted.meta.permissions], ['upsert-group', { '/c/*': { prohibit: ['get'] } }]);
  await rejects(c.get('/c/1'), denied);
  await api('DELETE', '/users/changed/groups/changed-group');
  same((await told.next()).data, 'unlink-group');
});

test('a user that is deleted is told and disconnected', async () => {
  await user('gone');
  const c = await login('gone');
  const ended = event(c, 'session-ended');
  await api('DELETE', '/users/gone');
  same(await ended, { reason: 'security directory update: user deleted' });
});

test('a password is changed by who knows it', async () => {
  await user('changer');
  const c = await login('changer');
  await rejects(c.changePassword({ oldPassword: 'no', newPassword: 'new' }), { name: 'SystemError', message: 'Invalid old password' });
  await rejects(c.changePassword({ oldPassword: 'changer-password' }), { message: 'Invalid parameters: oldPassword and newPassword required' });
  await c.changePassword({ oldPassword: 'changer-password', newPassword: 'new' });
  await rejects(login('changer'), { code: 401 });
  await connect({ username: 'changer', password: 'new' });
});

test('a token logs in, and its end is the end of its sessions', async () => {
  await user('parent', { '/p/*': { actions: ['*'] } });
  const [parent, first] = [await login('parent'), await login('parent')];
  const child = await connect({ token: first.session.token });
  same([child.session.parentId, child.session.token], [first.session.id, first.session.token]);
  const childEnded = event(child, 'session-ended', 'the end of the child');
  await first.disconnect({ disconnectChildSessions: true });
  same(await childEnded, { reason: 'token-revoked' });
  const { token } = parent.session;
  const [ended, again] = [event(parent, 'session-ended', 'the end of the parent'), await connect({ token })];
  const againEnded = event(again, 'session-ended', 'the end of another child');
  await parent.logout();
  same([await ended, await againEnded], [{ reason: 'token-revoked' }, { reason: 'token-revoked' }]);
  await rejects(connect({ token }), { ...denied, message: 'token has been revoked' });
});

test('the policy of a profile holds', async () => {
  const every = { '/pol/*': { actions: ['*'] } };
  for (const name of ['short', 'idle', 'used', 'limited', 'tokenless']) await user(name, every);
  const short = await login('short');
  same(await event(short, 'session-ended'), { reason: 'token-expired' });
  const idle = await login('idle');
  await idle.set('/pol/1', {});
  await new Promise((resolve) => setTimeout(resolve, 1100)); // longer than the threshold of the profile
  const idleEnded = event(idle, 'session-ended');
  await rejects(idle.set('/pol/1', {}), { ...denied, message: 'session inactivity threshold reached' });
  same(await idleEnded, { reason: 'inactivity-threshold' });
  const used = await login('used');
  const usedEnded = event(used, 'session-ended');
  for (let i = 0; i < 2; i++) await used.set('/pol/1', {});
  await rejects(used.set('/pol/1', {}), { ...denied, message: 'session usage limit reached' });
  same(await usedEnded, { reason: 'usage-limit' });
  const limited = await login('limited');
  await limited.set('/lim/1', {});
  await rejects(limited.set('/pol/1', {}), { ...denied, message: 'token permissions limited' });
  const tokenless = await login('tokenless');
  await rejects(connect({ token: tokenless.session.token }), { ...denied, message: 'logins with this token are disallowed by policy' });
});

test('with nested permissions ** is what one may have', async () => {
  await user('nested', {
    '/n/1': { actions: ['get', 'on'] },
    '/n/4/*': { actions: ['get', 'on'] },
    '/n/4/no': { prohibit: ['get', 'on'] },
  });
  const [c, root] = [await login('nested'), await admin()];
  const all = ['/n/1', '/n/2', '/n/4/5', '/n/4/5/6', '/n/4/no'];
  for (const path of all) await root.set(path, { path });
  same((await c.get('/n/**')).map((d) => d.path), ['/n/1', '/n/4/5', '/n/4/5/6']);
  await rejects(c.get('/n/*'), denied);
  await rejects(c.get('/zz/**'), denied);
  const events = new Events();
  await c.on('/n/**', events.handler);
  for (const path of all) await root.set(path, { path });
  same((await events.take(3)).map((e) => e.meta.path), ['/n/1', '/n/4/5', '/n/4/5/6']);
  await permit('groups/nested-group', '/n/2', 'on');
  await root.set('/n/2', {});
  same((await events.next()).meta.path, '/n/2');
  await withdraw('groups/nested-group', '/n/1', 'on');
  await root.set('/n/1', {});
  await root.set('/n/4/5', {});
  same((await events.next()).meta.path, '/n/4/5');
});

test('lookup tables grant what their paths name', async () => {
  await user('looker');
  await api('PUT', '/lookup-tables/assets', { paths: ['x/1', 'x/2/y'] });
  await api('PUT', '/groups/looker-group/lookup-permissions', { regex: '^/data/(.*)', actions: ['get'], table: 'assets', path: '/x/{{$1}}' });
  const c = await login('looker');
  await c.get('/data/1');
  await c.get('/data/2/y');
  await rejects(c.get('/data/2'), denied);
  await api('DELETE', '/lookup-tables/assets?path=x/1');
  await rejects(c.get('/data/1'), denied);
});

assert.ok(patience > 0);
run();

// What handover.js does with users, groups, permissions and tokens. happn-3 has made ann and bob, of
// the group staff (handover_test.go), the host makes cid, of the group crew.
'use strict';
const { api, permit, withdraw } = require('./api');
const { assert, connect, rejects, same, test } = require('./lib');

const login = (username, password = `${username}-password`) => connect({ username, password, loginRetry: 0 });
const denied = { name: 'AccessDenied', code: 403, message: 'unauthorized' };
const wrong = { name: 'AccessDenied', code: 401, message: 'Invalid credentials' };
const revoked = { name: 'AccessDenied', code: 403, message: 'token has been revoked' };

// permitted checks what staff may do, but for what the host changes.
const permitted = async (c) => {
  await c.get('/npm/nested');
  await c.set('/npm/by-staff', { v: 1 });
  same((await c.get('/npm/by-staff'))._meta.modifiedBy, 'ann');
  await c.on('/npm/*', () => {});
  await c.set('/own/ann/1', {});
  await c.set('/ann/1', {});
  await c.get('/looked/1');
  for (const refused of [
    () => c.get('/npm/secret'),
    () => c.set('/own/bob/1', {}),
    () => c.remove('/ann/1'),
    () => c.get('/looked/2'),
    () => c.get('/else'),
    () => c.get('/_SYSTEM/_SECURITY/_USER/ann'),
  ])
    await rejects(refused(), denied);
};

const annLogsIn = async (password) => {
  const c = await login('ann', password);
  same([c.session.user.username, c.session.user.custom_data], ['ann', { age: 30 }]);
  await permitted(c);
  return c;
};

const phases = {
  before: ({ save }) => {
    test('happn-3 lets its users in, and revokes a token', async () => {
      const [ann, bob, later] = [await annLogsIn(), await login('bob'), await login('ann')];
      await ann.remove('/npm/by-staff');
      const tokens = { ann: ann.session.token, bob: bob.session.token, later: later.session.token };
      await bob.logout();
      await rejects(connect({ token: tokens.bob }), revoked);
      save({ tokens });
    });
  },

  host: ({ load, save }) => {
    test('the users of happn-3 log in to the host', async () => {
      const c = await annLogsIn();
      await c.remove('/npm/by-staff');
      await rejects(login('ann', 'no'), wrong);
      await login('bob');
    });

    test('tokens of happn-3 are good, and revoked ones are not', async () => {
      const { tokens } = load();
      same((await connect({ token: tokens.ann })).session.user.username, 'ann');
      await rejects(connect({ token: tokens.bob }), revoked);
      await (await connect({ token: tokens.later })).logout();
      await rejects(connect({ token: tokens.later }), revoked);
    });

    test('the host makes and changes users, groups and permissions', async () => {
      await api('PUT', '/groups/crew', { permissions: { '/npm/*': { actions: ['get'] }, '/npm/secret': { prohibit: ['get'] } }, custom_data: { ship: 1 } });
      await api('PUT', '/users/cid', { password: 'cid-password', custom_data: { rank: [1] }, permissions: { '/cid/*': { actions: ['*'] } } });
      await api('PUT', '/users/cid/groups/crew', {});
      await withdraw('groups/staff', '/npm/*', 'remove');
      await permit('groups/staff', '/new/*', 'set');
      await permit('groups/staff', '/npm/closed', 'get', false);
      await api('DELETE', '/users/bob');
      const ann = await login('ann');
      await ann.changePassword({ oldPassword: 'ann-password', newPassword: 'ann-new' });
      await rejects(ann.remove('/npm/by-staff'), denied);
      save({ tokens: { ...load().tokens, cid: (await login('cid')).session.token } });
    });
  },

  after: ({ load }) => {
    test('a changed password is the one that happn-3 takes', async () => {
      await rejects(login('ann'), wrong);
      await annLogsIn('ann-new');
    });

    test('permissions that the host changed count in happn-3', async () => {
      const ann = await login('ann', 'ann-new');
      await rejects(ann.remove('/npm/by-staff'), denied);
      await rejects(ann.get('/npm/closed'), denied);
      await ann.set('/new/1', { v: 1 });
      await rejects(ann.get('/new/1'), denied);
    });

    test('a user that the host made logs in to happn-3, and one that it removed does not', async () => {
      const cid = await login('cid');
      same(cid.session.user.custom_data, { rank: [1] });
      await cid.get('/npm/nested');
      await cid.set('/cid/1', { v: 1 });
      await rejects(cid.set('/npm/nested', {}), denied);
      await rejects(cid.get('/npm/secret'), denied);
      await rejects(login('bob'), wrong);
    });

    test('tokens of happn-3 are good again, and those that either revoked are not', async () => {
      const { tokens } = load();
      same((await connect({ token: tokens.ann })).session.user.username, 'ann');
      for (const name of ['bob', 'later']) await rejects(connect({ token: tokens[name] }), revoked);
      await rejects(connect({ token: tokens.cid }), { code: 401 }); // happn-3 does not know tokens of the host
    });
  },
};

module.exports = (phase, state) => phases[phase](state);

// A thousand clients at once, each with a subscription of its own and one that
// all share.
'use strict';
const { Events, assert, connect, run, same, test, within } = require('./lib');

const clients = 1000;
const batch = 50; // connections opened at a time

test(`${clients} clients set, get and hear`, async () => {
  const all = [];
  for (let at = 0; at < clients; at += batch) {
    all.push(...(await Promise.all(Array.from({ length: batch }, () => connect()))));
  }
  assert.strictEqual(new Set(all.map((c) => c.session.id)).size, clients);
  const own = all.map(() => new Events());
  const shared = all.map(() => new Events());
  await within(Promise.all(all.map((c, i) => c.on(`/many/${i}/*`, own[i].handler))), 'subscriptions');
  await within(Promise.all(all.map((c, i) => c.on('/many/shared', shared[i].handler))), 'subscriptions');

  await within(Promise.all(all.map((c, i) => c.set(`/many/${i}/doc`, { i }))), 'sets');
  const got = await within(Promise.all(all.map((c, i) => c.get(`/many/${(i + 1) % clients}/doc`))), 'gets');
  got.forEach((item, i) => assert.strictEqual(item.i, (i + 1) % clients));
  const heard = await Promise.all(own.map((events) => events.next()));
  heard.forEach(({ data }, i) => assert.strictEqual(data.i, i));

  const answer = await all[0].set('/many/shared', { hello: 'all' }, { publishResults: true });
  same(answer._meta.publishResults, { successful: clients, failed: 0, skipped: 0, queued: clients });
  const greeted = await Promise.all(shared.map((events) => events.next()));
  greeted.forEach(({ data }) => assert.strictEqual(data.hello, 'all'));
  assert.strictEqual((await all[1].count('/many/*/doc')).value, clients);

  await within(Promise.all(all.splice(0, clients / 2).map((c) => c.disconnect())), 'disconnects');
  // The end of a connection reaches the server some time after disconnect.
  const reached = async () => (await all[0].set('/many/shared', 1, { publishResults: true }))._meta.publishResults.queued;
  const settled = async () => {
    while ((await reached()) !== clients / 2);
  };
  await within(settled(), 'the server to forget the clients that left');
});

run();

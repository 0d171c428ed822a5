// The server goes away and comes back on the same data.
'use strict';
const { Events, ask, assert, connect, run, test, within } = require('./lib');

const options = { reconnect: { min: 20, max: 200 } };
const reconnected = (client) => within(new Promise((resolve) => client.onEvent('reconnect-successful', resolve)), 'the reconnect');

for (const how of ['kill', 'stop']) {
  test(`after ${how} and start, data and subscriptions are there`, async () => {
    const [a, b] = [await connect(options), await connect(options)];
    const [exact, wild, deep, any] = [new Events(), new Events(), new Events(), new Events()];
    await b.on('/rec/1', { meta: { m: 1 } }, exact.handler);
    await b.on('/rec/*', { event_type: 'set' }, wild.handler);
    await b.on('/rec/**', deep.handler);
    const all = await b.onAll(any.handler);
    const before = await a.set('/rec/1', { v: how });
    for (const events of [exact, wild, deep, any]) assert.strictEqual((await events.next()).data.v, how);
    const session = b.session.id;

    const back = [reconnected(a), reconnected(b)];
    await ask(how);
    await ask('start');
    await Promise.all(back);

    assert.notStrictEqual(b.session.id, session);
    const kept = await a.get('/rec/1');
    assert.strictEqual(kept.v, how);
    assert.strictEqual(kept._meta.created, before._meta.created);
    await a.set('/rec/1', { v: 'again' });
    for (const events of [exact, wild, deep, any]) assert.strictEqual((await events.next()).data.v, 'again');
    await a.set('/rec/1/2', { v: 'deeper' });
    assert.strictEqual((await deep.next()).data.v, 'deeper');
    await any.next();
    await b.off(all);
    await a.set('/rec/1', { v: 'last' });
    await exact.next();
    await any.none(b);
  });
}

test('a client that started while the server was away connects when it is back', async () => {
  const a = await connect(options);
  const back = reconnected(a);
  await ask('stop');
  const late = connect({ ...options, connectTimeout: 10000 }).then(
    () => 'connected',
    (e) => e
  );
  await ask('start');
  await back;
  const b = await connect(options);
  await b.set('/rec/late', 1);
  await within(late, 'the end of the early attempt');
});

run();

// The client for web pages, in a browser. HAPPN_BROWSER is the program,
// HAPPN_BROWSER_PROFILE an empty folder for what it keeps.
'use strict';
const http = require('http');
const { chromium } = require('playwright-core');
const { ask, assert, connect, port, run, same, test, within } = require('./lib');

const server = `http://127.0.0.1:${port}`;
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
let browser;

// open opens a page and loads these scripts into it.
const open = async (url, ...scripts) => {
  if (!browser) {
    browser = await chromium.launchPersistentContext(process.env.HAPPN_BROWSER_PROFILE, {
      executablePath: process.env.HAPPN_BROWSER,
      headless: true,
      args: flags,
    });
  }
  const page = await browser.newPage();
  await page.goto(url);
  for (const s of scripts) await page.addScriptTag({ url: s });
  return page;
};

// client connects within the page, as window.happn, and remembers what comes on
// /web/** in window.events.
const client = (page) =>
  within(
    page.evaluate(async (port) => {
      window.events = [];
      window.happn = await new Promise((resolve, reject) =>
        window.HappnClient.create({ host: '127.0.0.1', port, socket: { reconnect: { min: 100, max: 500 } } }, (e, c) => (e ? reject(e) : resolve(c)))
      );
      await window.happn.on('/web/**', (data, meta) => window.events.push({ v: data.v, path: meta.path }));
    }, port),
    'connect'
  );

const events = async (page, n) => {
  await page.waitForFunction((n) => window.events.length >= n, n);
  return page.evaluate(() => window.events.splice(0));
};

const works = async (page) => {
  await client(page);
  const node = await connect();
  await node.set('/web/from/node', { v: 1 });
  same(await events(page, 1), [{ v: 1, path: '/web/from/node' }]);
  same(await page.evaluate(async () => (await window.happn.get('/web/from/node')).v), 1);
  same(await page.evaluate(async () => (await window.happn.set('/web/from/page', { v: 2 })).v), 2);
  same(await events(page, 1), [{ v: 2, path: '/web/from/page' }]);
  assert.strictEqual((await node.get('/web/from/page')).v, 2);
  same(await page.evaluate(async () => (await window.happn.get('/web/*', { criteria: { v: { $gt: 1 } } })).map((d) => d._meta.path)), ['/web/from/page']);
  same(await page.evaluate(async () => (await window.happn.remove('/web/*')).removed), 2);
};

test('a page from the server loads the client, which loads its transport', async () => {
  const page = await open(`${server}/ping`, '/browser_client');
  await works(page);
  same(await page.evaluate(() => window.happn.session.info._browser), true);
  same(await page.evaluate(() => window.happn.session.cookieName), 'happn_token');
});

test('a page from elsewhere', async () => {
  const other = http.createServer((_, res) => res.setHeader('content-type', 'text/html').end('<title>other</title>'));
  await new Promise((done) => other.listen(0, '127.0.0.1', done));
  await works(await open(`http://localhost:${other.address().port}/`, `${server}/browser_client`));
  other.close();
});

test('the transport that Primus serves', async () => {
  await works(await open(`${server}/ping`, '/primus/primus.js', '/browser_client'));
});

test('the client comes back when the server does', async () => {
  const page = await open(`${server}/ping`, '/browser_client');
  await client(page);
  await page.evaluate(() => window.happn.onEvent('reconnect-successful', () => (window.back = true)));
  await ask('kill');
  await ask('start');
  await page.waitForFunction(() => window.back);
  const node = await connect();
  await node.set('/web/again', { v: 1 });
  same(await events(page, 1), [{ v: 1, path: '/web/again' }]);
  await browser.close();
});

run();

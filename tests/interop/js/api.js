// The management API of the host, as _ADMIN, whose password is in ADMIN_PASSWORD.
'use strict';
const { assert, port } = require('./lib');

const address = `http://127.0.0.1:${port}`;
let adminToken;

const api = async (method, path, body) => {
  if (!adminToken) {
    const query = new URLSearchParams({ username: '_ADMIN', password: process.env.ADMIN_PASSWORD });
    adminToken = (await (await fetch(`${address}/auth/login?${query}`)).json()).data;
  }
  const answer = await fetch(`${address}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json().catch(() => null);
};

const permit = (of, path, action, authorized = true) => api('PUT', `/${of}/permissions`, { path, action, authorized });
const withdraw = (of, path, action) => api('DELETE', `/${of}/permissions?${new URLSearchParams({ path, action })}`);

module.exports = { api, permit, withdraw };

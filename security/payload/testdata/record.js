// Records npm.json with the library that happn-3 11.11.0 encrypts with:
//
//   npm install happn-util-crypto@1.0.2 && NODE_PATH=node_modules node record.js > npm.json
//
// Everything in it is deterministic.
const { PrivateKey } = require('bitcore-lib');
const Crypto = require('happn-util-crypto');

const crypto = new Crypto();
const base64 = (hex) => Buffer.from(hex, 'hex').toString('base64');
const pair = (hex) => {
  const key = new PrivateKey(hex);
  return { privateKey: base64(key.toString()), publicKey: base64(key.publicKey.toString()) };
};

const serverKey = '000000000000000000000000000000000000000000000000000000000000a5a5';
const server = pair(serverKey);
const client = pair('1e99423a4ed27608a15a2616a2b0e9e52ced330ac530edcc32c8ffc6a526aedd');
const secret = '2a235ae0ea1c11f182a4836ad80c6105';
const iv = [...secret].filter((_, i) => i % 2 === 0).join('');

const messages = ['x', 'exactly sixteen.', '{"username":"ann","password":"pässwörd €"}', 'a'.repeat(300)];
const frames = [{ a: 1 }, 'é€😀', [{ x: 'y'.repeat(40) }, null], { path: '/a/b', data: { k: true } }];

const recorded = {
  server,
  client,
  wif: new PrivateKey(serverKey).toWIF(),
  messages: messages.map((text) => ({
    text,
    toServer: crypto.asymmetricEncrypt(server.publicKey, client.privateKey, text).toString('base64'),
    toClient: crypto.asymmetricEncrypt(client.publicKey, server.privateKey, text).toString('base64'),
  })),
  secret,
  frames: frames.map((value) => ({
    text: JSON.stringify(value),
    derived: crypto.symmetricEncryptObject(value, secret),
    direct: crypto.symmetricEncryptObjectiv(value, secret, iv),
  })),
  digests: [0, 1, 2].map((i) => {
    const nonce = crypto.createHashFromString('nonce ' + i);
    return { nonce, digest: crypto.sign(nonce, client.privateKey) };
  }),
};
process.stdout.write(JSON.stringify(recorded, null, 1) + '\n');

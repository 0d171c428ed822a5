// Writes the documents of a data file that the migration is tested with, or
// prints what a server has: node migrate.js write|more|dump
const { client } = require('happn-3');

const words = ['plain', 'Ünïcödé', '😀😎', 'quote " and \\ and \\u0041', 'tab\tnew\nline', '\u0000\u001f', '\ud83d alone', '</script>'];

async function write(happn, count) {
  const quiet = { noPublish: true };
  for (let i = 0; i < count; i++) {
    const path = `/things/${i % 7}/${i}`;
    await happn.set(path, { i, word: words[i % words.length], nested: { list: [i, null, true, { deep: -i }] } }, quiet);
    if (i % 3 === 0) await happn.set(path, { i, again: i * 1.1, big: 2 ** 60 + i, tiny: 1e-9 * i }, quiet);
    if (i % 4 === 0) await happn.set(path, { merged: words[(i + 1) % words.length], i: -i }, { ...quiet, merge: true });
    if (i % 5 === 0) await happn.set(`/gauges/${i % 10}`, `g${i % 3}`, { ...quiet, increment: i % 2 ? 0.1 : 3 });
    if (i % 11 === 0) await happn.remove(path, quiet);
    if (i % 13 === 0) await happn.set(`/values/${i}`, [i, words[i % words.length]], quiet);
    if (i % 17 === 0) await happn.set('/same', i, quiet);
    if (i % 97 === 0) await happn.remove(`/things/${i % 7}/*`, { ...quiet, criteria: { again: { $gt: 5 } } });
    if (i % 501 === 500) await happn.remove('/values/*', quiet);
    if (i === 300) console.log('written 300');
  }
}

async function dump(happn) {
  const all = await happn.get('*');
  const out = all.filter((d) => !d._meta.path.startsWith('/_SYSTEM/'));
  process.stdout.write(JSON.stringify(out), () => process.exit(0));
}

(async () => {
  const happn = await client.create({ port: Number(process.env.HAPPN_PORT) });
  if (process.argv[2] === 'dump') return dump(happn);
  await write(happn, Number(process.argv[3]));
  await happn.disconnect();
  process.exit(0);
})().catch((e) => {
  console.error(e);
  process.exit(1);
});

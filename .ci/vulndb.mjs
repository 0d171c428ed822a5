// Lays out the Go vulnerability database for govulncheck -db file://OUT from the module
// golang.org/x/vulndb, whose data/osv holds one report a file. The layout is that of the public
// database (go.dev/security/vuln/database): ID/*.json, index/db.json, index/modules.json.
// Usage: node vulndb.mjs FOLDER_OF_THE_MODULE OUT
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [source, out] = process.argv.slice(2);
if (!out) throw new Error('usage: node vulndb.mjs FOLDER_OF_THE_MODULE OUT');
for (const folder of ['ID', 'index']) mkdirSync(join(out, folder), { recursive: true });

// The last release that fixes a report: after it nothing of the module is affected.
const fixedIn = (affected) => {
  const events = (affected.ranges ?? []).flatMap((r) => r.events ?? []);
  return events.at(-1)?.fixed ?? '';
};

let modified = '';
const modules = new Map();
const osv = join(source, 'data', 'osv');
for (const file of readdirSync(osv).filter((name) => name.endsWith('.json')).sort()) {
  const text = readFileSync(join(osv, file), 'utf8');
  const report = JSON.parse(text);
  writeFileSync(join(out, 'ID', file), JSON.stringify(report));
  if (report.modified > modified) modified = report.modified;
  if (report.withdrawn) continue;
  for (const affected of report.affected ?? []) {
    const path = affected.package.name;
    if (!modules.has(path)) modules.set(path, new Map());
    modules.get(path).set(report.id, { id: report.id, modified: report.modified, fixed: fixedIn(affected) });
  }
}
const index = [...modules].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, vulns]) => ({ path, vulns: [...vulns.values()] }));
writeFileSync(join(out, 'index', 'db.json'), JSON.stringify({ modified }));
writeFileSync(join(out, 'index', 'modules.json'), JSON.stringify(index));
console.log(`${index.length} modules, as of ${modified}`);

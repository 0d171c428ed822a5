// Reads what govulncheck -format json has found and fails if the host calls vulnerable code of a
// module. Usage: node vulnerable.mjs FILE
import { readFileSync } from 'node:fs';

// The file holds one indented JSON object after the other.
const messages = JSON.parse(`[${readFileSync(process.argv[2], 'utf8').replace(/\n}\s*{/g, '\n},{')}]`);
const called = new Map();
for (const { finding } of messages) {
  const at = finding?.trace[0];
  if (at?.function) called.set(finding.osv, { module: at.module, has: at.version, fixed: finding.fixed_version });
}
let failed = false;
for (const [id, { module, has, fixed }] of called) {
  const ofGo = module === 'stdlib';
  failed ||= !ofGo;
  console.log(`${ofGo ? 'note: build with a newer Go:' : 'VULNERABLE:'} ${id} in ${module} ${has}, fixed in ${fixed ?? 'no release'}`);
}
console.log(`${called.size} findings`);
process.exitCode = failed ? 1 : 0;

// Has npm packages work that are WebAssembly inside, and prints what they give: node run.mjs PACKAGES [METERED].
// PACKAGES is the folder with their node_modules. METERED is one with modules to take instead, each named by
// the length of the one that it replaces; how many were, and how often they asked the meter for more, stands
// on standard error.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [packages, metered] = process.argv.slice(2);
const require = createRequire(join(packages, 'package.json'));

let replaced = 0;
let slices = 0;
const { instantiate } = WebAssembly;
WebAssembly.instantiate = (source, imports) => {
  const other = join(metered ?? packages, `${source.byteLength}.wasm`);
  if (!existsSync(other)) {
    return instantiate(source, imports); // Node's own, or none is metered
  }
  replaced++;
  const deep = () => {
    throw new RangeError('too deep');
  };
  const meter = { yield: () => (slices++, 25000n), deep, pause: () => {}, full: () => {} };
  return instantiate(readFileSync(other), { ...imports, 'happn:meter': meter });
};

// QuickJS runs a program.
const { newQuickJSWASMModuleFromVariant } = require('quickjs-emscripten-core');
const quickJS = await newQuickJSWASMModuleFromVariant(require('@jitl/quickjs-wasmfile-release-sync').default);
console.log(quickJS.evalCode(`
  const words = 'the quick brown fox jumps over the lazy dog'.split(' ');
  const tree = (n) => (n < 2 ? { n } : { left: tree(n - 1), right: tree(n - 2) });
  const sorted = Array.from({ length: 3000 }, (_, i) => (i * 7919) % 3001).sort((a, b) => a - b);
  JSON.stringify([
    words.map((w) => w.replace(/[aeiou]+/g, (m) => m.toUpperCase())), JSON.stringify(tree(15)).length, sorted[1500],
    /^(a+)+$/.test('a'.repeat(16) + 'b'), 2n ** 200n + '', [...new Map(words.map((w, i) => [w, i]))].length,
  ])
`));

// Rust renders a picture.
const { Resvg, initWasm } = require('@resvg/resvg-wasm');
await initWasm(readFileSync(require.resolve('@resvg/resvg-wasm/index_bg.wasm')));
const circles = Array.from({ length: 40 }, (_, i) => `<circle cx="${i * 5}" cy="${(i * 37) % 100}" r="${i}" fill="#${100 + i}8" opacity="0.5"/>`);
const picture = new Resvg(`<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100">${circles.join('')}</svg>`).render();
console.log(picture.width, picture.height, createHash('sha256').update(picture.asPng()).digest('hex'));

// TinyGo formats a shell script.
const { print } = require('sh-syntax');
const script = 'if [ -z "$1" ]\nthen   echo none;   else for f in "$@"; do\ncase $f in a*|b) cat <$f|sort -u>"$f.out"&& rm -- $f;; esac;done;fi\n';
console.log(await print(script.repeat(40), { filepath: 'a.sh' }));
console.error(replaced, slices);
process.exit(0);

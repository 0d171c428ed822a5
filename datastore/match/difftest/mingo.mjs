// Answers one request on standard input with what mingo finds:
// {docs, filters, sorts, projections, pipelines}
// -> {filters: [[bool]], sorts: [[index]], projections: [[doc]], pipelines: [[doc]]}
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.argv[2] + "/package.json");
const { Query, aggregate, find } = require("mingo");
const Ajv = require("ajv-draft-04");
const ajv = new Ajv({ strict: false, logger: false });
const options = { jsonSchemaValidator: (schema) => ajv.compile(schema) };
const { docs, filters, sorts, projections, pipelines } = JSON.parse(readFileSync(0, "utf8"));

const attempt = (f) => {
  try {
    return f();
  } catch (e) {
    return { error: String(e.message ?? e) };
  }
};
const numbered = docs.map((d, i) => ({ ...d, __index: i }));

process.stdout.write(JSON.stringify({
  filters: filters.map((f) => attempt(() => {
    const q = new Query(f, options);
    return docs.map((d) => attempt(() => q.test(d)));
  })),
  sorts: sorts.map((s) => attempt(() => find(numbered, {}).sort(s).all().map((d) => d.__index))),
  projections: projections.map((p) => attempt(() => docs.map((d) => find([structuredClone(d)], {}, p).all()[0]))),
  pipelines: pipelines.map((p) => attempt(() => aggregate(structuredClone(docs), p, { collectionResolver: () => structuredClone(docs) }))),
}));

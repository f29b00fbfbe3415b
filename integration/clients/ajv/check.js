// Reads one job as JSON from stdin and writes the verdicts as a JSON array to
// stdout: true where the payload fits. A job is
//
//	{"draft": "7" or "2020-12",
//	 "documents": {"https://example.com/schema.json": {...}},
//	 "cases": [{"schema": "https://example.com/schema.json#/definitions/push", "payload": {...}}]}
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const job = JSON.parse(Buffer.concat(chunks).toString("utf8"));

const of = { 7: Ajv, "2020-12": Ajv2020 }[job.draft];
if (!of) throw new Error(`unknown draft ${job.draft}`);
// Documents may be OpenAPI, whose own keywords are not those of JSON Schema.
const ajv = new of({ strict: false, allErrors: false, validateSchema: false, logger: false });
formats.default(ajv);
for (const [url, document] of Object.entries(job.documents)) ajv.addSchema(document, url);

const compiled = new Map();
const verdicts = job.cases.map(({ schema, payload }) => {
  if (!compiled.has(schema)) compiled.set(schema, ajv.compile({ $ref: schema }));
  return compiled.get(schema)(payload);
});
process.stdout.write(JSON.stringify(verdicts));

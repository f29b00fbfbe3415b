// Reads AsyncAPI documents with the official parser and says what is in them, and what
// it finds wrong:
//
//   node check.js <file>...
//
// The exit status is 1 if one of them is not valid.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const severities = ["error", "warning", "information", "hint"];
const parser = new Parser();
let valid = true;

for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(readFileSync(file, "utf8"));
  for (const d of diagnostics) {
    console.log(`${file}: ${severities[d.severity]}: ${d.code}: ${d.path.join("/")}: ${d.message}`);
  }
  if (!document || diagnostics.some((d) => d.severity === 0)) {
    console.log(`${file}: not valid`);
    valid = false;
    continue;
  }
  const schemas = document.allSchemas().length;
  console.log(
    `${file}: valid: AsyncAPI ${document.version()}, ${document.allChannels().length} channels, ` +
      `${document.allOperations().length} operations, ${document.allMessages().length} messages, ${schemas} schemas`,
  );
}
process.exitCode = valid ? 0 : 1;

// Fails where an installed package has a licence that is not on the list. What is shipped may be permissive only.
import { readFileSync } from "node:fs";

const SHIPPED = /^(MIT|ISC|BSD-2-Clause|BSD-3-Clause|Apache-2\.0|0BSD|CC0-1\.0|BlueOak-1\.0\.0)$/;
// Build tools that leave nothing of theirs in the build.
const TOOLS = /^(MPL-2\.0|CC-BY-4\.0|Python-2\.0|CC-BY-3\.0)$/;

const lock = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"));
let wrong = 0;
for (const [path, entry] of Object.entries(lock.packages)) {
  if (!path) continue;
  const alternatives = String(entry.license ?? "unknown").replace(/[()]/g, "").split(/ (?:OR|AND) /);
  if (alternatives.some((one) => SHIPPED.test(one) || TOOLS.test(one))) continue;
  console.error(`${path.replace("node_modules/", "")}: ${entry.license}`);
  wrong += 1;
}
if (wrong > 0) process.exit(1);

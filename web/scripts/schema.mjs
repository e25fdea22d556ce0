// Writes src/api/schema.d.ts from the OpenAPI document of the product's own components.
//
// node scripts/schema.mjs [file or URL]; without one it runs `nexus openapi` of this checkout, or of NEXUS_BIN.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const root = new URL("../../", import.meta.url);
const source = process.argv[2] ?? process.env.NEXUS_OPENAPI;

async function document() {
  if (source?.startsWith("http")) return (await fetch(source)).json();
  if (source) return JSON.parse(readFileSync(source, "utf8"));
  const binary = process.env.NEXUS_BIN ?? new URL("target/release/nexus", root).pathname;
  if (!existsSync(binary)) throw new Error(`${binary} is not there: run \`cargo xtask build\` first`);
  const manifest = new URL("spin.toml", root).pathname;
  const text = execFileSync(binary, ["openapi", "--manifest", manifest], { maxBuffer: 64 << 20, encoding: "utf8" });
  return JSON.parse(text);
}

const target = new URL("../src/api/schema.d.ts", import.meta.url);
mkdirSync(new URL(".", target), { recursive: true });
writeFileSync(target, astToString(await openapiTS(await document())));

// Writes `.br` and `.gz` beside every file of the build that gains by it, so that nobody compresses at run time.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const folder = new URL("../../static", import.meta.url).pathname;
const SMALLEST = 600;
let total = 0;
for (const entry of readdirSync(folder, { recursive: true })) {
  const path = join(folder, entry);
  if (!statSync(path).isFile() || !/\.(js|mjs|css|html|svg|json|txt|webmanifest)$/.test(path)) continue;
  const bytes = readFileSync(path);
  if (bytes.length < SMALLEST) continue;
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  const gzip = gzipSync(bytes, { level: 9 });
  if (brotli.length < bytes.length) writeFileSync(`${path}.br`, brotli);
  if (gzip.length < bytes.length) writeFileSync(`${path}.gz`, gzip);
  total += brotli.length;
}
console.log(`static/: ${Math.round(total / 1000)} kB (brotli) in all`);

// Opens `/docs`, looks up an error code, and makes a call from the page. Prints what it saw as JSON.
// Arguments: profile folder, address of the product, folder for screenshots or "".
import { chromium } from "playwright-core";

const [profile, url, screenshots] = process.argv.slice(2);
const context = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
  viewport: { width: 1440, height: 900 },
});
const page = context.pages()[0] ?? (await context.newPage());
const errors = [];
const origins = new Set();
page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
page.on("pageerror", (error) => errors.push(String(error)));
page.on("request", (request) => !request.url().startsWith("data:") && origins.add(new URL(request.url()).origin));

await page.goto(`${url}/docs#NOT_FOUND`);
await page.waitForSelector(".opblock-tag-section", { timeout: 60_000 });
const code = page.locator("#NOT_FOUND");
await page.waitForFunction(() => {
  const { top, bottom } = document.getElementById("NOT_FOUND").getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
});
const tags = await page.locator(".opblock-tag-section").count();

await page.locator('.opblock-tag[data-tag="operations"]').click();
const health = page.locator(".opblock", { has: page.locator('[data-path="/api/v1/health"]') });
await health.locator(".opblock-summary-control").click();
await health.locator(".execute").click();
const status = await health.locator(".live-responses-table .response td.response-col_status").first().innerText();
const body = await health.locator(".live-responses-table .response-col_description code").first().innerText();
if (screenshots) await page.screenshot({ path: `${screenshots}/docs.png` });
console.log(JSON.stringify({
  code: await code.innerText(),
  tags: tags > 5,
  status: status.trim(),
  body: JSON.parse(body).status,
  errors,
  foreign: [...origins].filter((origin) => origin !== new URL(url).origin),
}));
await context.close();

// What a first load costs, compressed, against the budgets of docs/console.md.
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { SIZES } from "./browser.mjs";


export async function budgets(browser, origin, admin) {
  const lines = [];
  const check = (what, value, most, unit) => {
    lines.push(`${what}: ${value} ${unit} (at most ${most})`);
    assert.ok(value <= most, `${what}: ${value} ${unit}, at most ${most}`);
  };
  const context = await browser.newContext({ viewport: SIZES.phone, locale: "en" });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  const sizes = { js: 0, css: 0, locale: 0 };
  page.on("requestfinished", (request) => {
    const { pathname } = new URL(request.url());
    const kind = pathname.startsWith("/assets/") && pathname.endsWith(".css") ? "css" : pathname.endsWith(".js") ? "js" : undefined;
    if (!kind) return;
    const stored = new URL(`../../../../static${pathname}`, import.meta.url);
    const brotli = new URL(`${stored}.br`);
    const size = statSync(existsSync(brotli) ? brotli : stored).size;
    if (process.env.DETAILS) console.log(size, pathname);
    sizes[/\/(en|ar|fr|de)-[^/]+\.js$/.test(pathname) ? "locale" : kind] += size;
  });
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await page.addInitScript(() => {
    window.seen = { lcp: 0, shift: 0 };
    new PerformanceObserver((list) => (window.seen.lcp = list.getEntries().at(-1).startTime)).observe({ type: "largest-contentful-paint", buffered: true });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.seen.shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  await page.goto(origin);
  await page.locator("[name=email]").waitFor();
  await page.waitForLoadState("networkidle");
  const gate = await page.evaluate(() => window.seen);
  check("JavaScript of sign-in", Math.round(sizes.js / 100) / 10, 60, "kB");
  check("CSS of sign-in", Math.round(sizes.css / 100) / 10, 12, "kB");
  check("one locale", Math.round(sizes.locale / 100) / 10, 6, "kB");
  // The budget is 0.9 s on an idle machine; a shared one is given room.
  check("LCP of sign-in, 4× CPU", Math.round(gate.lcp), 2_500, "ms");
  check("layout shift of sign-in", Math.round(gate.shift * 1000) / 1000, 0.01, "");
  await page.locator("[name=email]").fill(admin.email);
  await page.locator("[name=password]").fill(admin.password);
  await page.keyboard.press("Enter");
  await page.locator("#main h1").waitFor();
  await page.waitForLoadState("networkidle");
  check("JavaScript of shell and home, sign-in among it", Math.round(sizes.js / 100) / 10, 75, "kB");
  await context.close();
  return lines;
}

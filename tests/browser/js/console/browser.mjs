// One Chromium whose pages fail on whatever a person would not see: console errors, policy violations, requests that
// no rule expects.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A browser of one person: its own cookies, size and language. `faults` fills with what must not happen. */
export async function person(browser, { size, locale = "en", theme = "light" }) {
  const context = await browser.newContext({
    viewport: SIZES[size],
    locale,
    colorScheme: theme,
    hasTouch: size === "phone",
    serviceWorkers: "block",
  });
  const faults = [];
  const expected = [];
  context.on("page", (page) => {
    page.on("pageerror", (error) => faults.push(`error in the page: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      const text = message.text();
      // An answer that a journey provokes is told by Chromium, too.
      if (expected.some((pattern) => pattern.test(text))) return;
      faults.push(`${message.type()}: ${text} (${message.location().url})`);
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      const isKnown = ["blob:", "data:"].includes(url.protocol) || url.origin === person.origin || url.origin === person.origin.replace(/^http/, "ws");
      if (!isKnown) faults.push(`unknown request: ${request.url()}`);
    });
  });
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  const page = await context.newPage();
  return {
    page,
    faults,
    /** An error that the journey provokes. */
    expect: (pattern) => expected.push(pattern),
    close: () => context.close(),
  };
}

/** What axe-core has against the page as it is. DevTools run it, whom the page's policy does not bind. */
export async function violations(page) {
  await page.waitForTimeout(250);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Runtime.evaluate", { expression: axe });
  const { result, exceptionDetails } = await devtools.send("Runtime.evaluate", {
    expression: `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] })
      .then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => [id, nodes.slice(0, 4).map((node) => node.html.slice(0, 160) + " " + node.any.map((one) => one.message).join("; ").slice(0, 200))])))`,
    awaitPromise: true,
    returnByValue: true,
  });
  await devtools.detach();
  if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails).slice(0, 400));
  return JSON.parse(result.value);
}

/** Whether something is wider than the window. */
export const overflows = (page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth + 1);

// Pictures of screens, to be looked at: node shots.mjs <folder> <origin> <e-mail> <password> <size> <locale> <theme> <path>…
import { launch, overflows, person, violations } from "./browser.mjs";

const [folder, origin, email, password, size, locale, theme, ...paths] = process.argv.slice(2);
person.origin = origin;
const browser = await launch();
try {
  const { page, faults } = await person(browser, { size, locale, theme });
  await page.goto(origin);
  if (email) {
    await page.locator("[name=email]").fill(email);
    await page.locator("[name=password]").fill(password);
    await page.keyboard.press("Enter");
    await page.locator("#main").waitFor();
  }
  for (const path of paths) {
    await page.goto(origin + path);
    await page.waitForLoadState("networkidle");
    await page.waitForTimeout(500);
    const name = `${size}-${locale}-${theme}${path.replace(/[/?=&]/g, "_").slice(0, 40)}`;
    await page.screenshot({ path: `${folder}/${name}.png` });
    console.log(name, (await overflows(page)) ? "OVERFLOWS" : "", JSON.stringify(await violations(page), null, 1));
  }
  console.log(faults.join("\n"));
} finally {
  await browser.close();
}

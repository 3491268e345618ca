import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { launchBrowser } from "./support/browser.js";
import { startMockServer } from "./support/mock-server.js";
import { pages } from "./support/pages.js";

/**
 * The console follows the system's colour scheme before anything is chosen. With `SHOTS=<folder>` it also leaves
 * pictures of every page at desk and phone width in both schemes there, to be looked at (`ONLY=overview,sync` for some).
 */
const folder = process.env["SHOTS"];
const only = process.env["ONLY"]?.split(",");
const papers = { light: "rgb(246, 242, 234)", dark: "rgb(22, 20, 16)" } as const;

it.each(["light", "dark"] as const)("is %s where the system is", { timeout: 600_000 }, async (scheme) => {
  const server = await startMockServer("data");
  const browser = await launchBrowser();
  for (const width of [1440, 390]) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, reducedMotion: "reduce" });
    const page = await context.newPage();
    const wanted = pages.filter(({ name }) => (folder === undefined ? name === "overview" : (only?.includes(name) ?? true)));
    for (const { name, path, has } of wanted) {
      await page.goto(`${server.url}${path}`);
      await page.getByText(has).first().waitFor({ state: "attached" });
      expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(papers[scheme]);
      if (folder === undefined) continue;
      await mkdir(folder, { recursive: true });
      await page.waitForTimeout(350);
      await page.screenshot({ path: join(folder, `${name}-${width}-${scheme}.png`), fullPage: true });
    }
    await context.close();
  }
  await browser.close();
  await server.close();
});

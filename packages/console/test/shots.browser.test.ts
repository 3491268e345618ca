import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { it } from "vitest";
import { launchBrowser } from "./support/browser.js";
import { startMockServer } from "./support/mock-server.js";
import { pages } from "./support/pages.js";

/** Pictures of every page to look at, only when asked for: `SHOTS=/tmp/shots npx vitest run --project browser shots`. */
const folder = process.env["SHOTS"];
const only = process.env["ONLY"]?.split(",");

it.skipIf(folder === undefined)("takes pictures of every page", { timeout: 600_000 }, async () => {
  const target = folder ?? "";
  await mkdir(target, { recursive: true });
  const server = await startMockServer("data");
  const browser = await launchBrowser();
  for (const scheme of ["light", "dark"] as const) {
    for (const width of [1440, 390]) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, reducedMotion: "reduce" });
      const page = await context.newPage();
      for (const { name, path, has } of pages) {
        if (only !== undefined && !only.includes(name)) continue;
        await page.goto(`${server.url}${path}`);
        await page.getByText(has).first().waitFor({ state: "attached" });
        await page.waitForTimeout(350);
        await page.screenshot({ path: join(target, `${name}-${width}-${scheme}.png`), fullPage: true });
      }
      await context.close();
    }
  }
  await browser.close();
  await server.close();
});

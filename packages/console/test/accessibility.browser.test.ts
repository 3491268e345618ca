import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser } from "./support/browser.js";
import { type MockServer, startMockServer } from "./support/mock-server.js";
import { pages } from "./support/pages.js";

/** axe over every page in both colour schemes: names, roles, contrast (WCAG 2.1 AA) and good practice. */

let browser: Browser;
let server: MockServer;
let axe: string;

beforeAll(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  browser = await launchBrowser();
  server = await startMockServer("data");
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

describe.each(["light", "dark"] as const)("in %s", (colorScheme) => {
  it.each(pages)("$path has nothing that keeps people out", async ({ path, has }) => {
    const context = await browser.newContext({ colorScheme, reducedMotion: "reduce", viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    await page.goto(`${server.url}${path}`);
    await page.getByText(has).first().waitFor({ state: "attached" });
    await page.evaluate(axe);
    const results = await page.evaluate(
      (tags) => (window as unknown as { axe: { run(options: object): Promise<AxeResults> } }).axe.run({ runOnly: tags }),
      ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    );
    const found = results.violations.map(
      (violation) =>
        `${violation.id}: ${violation.nodes
          .map((node) => `${node.target.join(" ")} ${node.failureSummary ?? ""}`)
          .slice(0, 3)
          .join(" | ")}`,
    );
    expect(found).toEqual([]);
    await context.close();
  });
});

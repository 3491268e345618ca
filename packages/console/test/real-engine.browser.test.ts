import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Testbed, noon, testServer, token } from "../../engine/test/server/support.js";
import { launchBrowser } from "./support/browser.js";

/** The built console on the real server: what the engine computed from real events, under its real security headers. */

const pages = [
  { path: "/", has: "The ledger" },
  { path: "/events", has: "Clicked 100%" },
  { path: "/events?tab=quarantine", has: "Quarantine" },
  { path: "/runs", has: "roll-ups" },
  { path: "/entities/user", has: "Ada Example" },
  { path: "/entities/workspace", has: "First space" },
  { path: "/entities/account", has: "acc" },
  { path: "/entities/user/u1", has: "Payments" },
  { path: "/entities/user/u3%2Fwith%20slash", has: "Zoë" },
  { path: "/entities/user/u1?tab=timeline", has: "Paid" },
  { path: "/entities/user/u1?tab=traits", has: "Revenue" },
  { path: "/entities/user/u1?tab=identity", has: "anon-1" },
  { path: "/entities/user/u1?tab=relations", has: "First space" },
  { path: "/entities/user/u1?tab=deliveries", has: "delivered" },
  { path: "/scores", has: "Activation" },
  { path: "/scores/activation", has: "Components" },
  { path: "/audiences", has: "Team payers" },
  { path: "/audiences/team_payers", has: "plan is team" },
  { path: "/syncs", has: "A hook" },
  { path: "/syncs/payers_hook", has: "Rows by outcome" },
];

let bed: Testbed;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let complaints: string[] = [];

beforeAll(async () => {
  bed = await testServer({ consoleDir: fileURLToPath(new URL("../dist", import.meta.url)) });
  browser = await launchBrowser();
  context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  await page.goto(`${bed.server.url}/?token=${token}`);
});

afterAll(async () => {
  await browser.close();
  await bed.close();
});

beforeEach(() => {
  complaints = [];
});

describe("on the real engine", () => {
  it("keeps the token out of the address and lets the visitor in", () => {
    expect(page.url()).toBe(`${bed.server.url}/`);
  });

  it.each(pages)("$path shows what the engine computed", async ({ path, has }) => {
    await page.goto(`${bed.server.url}${path}`);
    await page.getByText(has).first().waitFor({ state: "attached" });
    expect(await page.getByText("could not be loaded").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it("explains a score down to the events it came from", async () => {
    await page.goto(`${bed.server.url}/entities/user/u1`);
    await page.getByRole("button", { name: /Why Activation of Ada Example/ }).click();
    const drawer = page.getByRole("dialog");
    await drawer.getByText("trait paid").first().waitFor();
    await page.goto(`${bed.server.url}/audiences/team_payers`);
    await page.getByLabel(/^Id, e-mail or any identifier/).fill("u2");
    await page.keyboard.press("Enter");
    await page.getByText("does not hold").first().waitFor({ state: "attached" });
  });

  it("shows an event and what it changed without a reload", async () => {
    await page.goto(`${bed.server.url}/events`);
    await page.getByRole("status").filter({ hasText: "Live" }).first().waitFor();
    const at = noon + 1_000_000;
    await bed.turn(50, [{ id: "live-1", event: "Leaf Unfolded", user: "u2", group: "w1", at, properties: {} }], at);
    await page.getByText("Leaf Unfolded").first().waitFor();
    expect(complaints).toEqual([]);
  });
});

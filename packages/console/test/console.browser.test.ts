import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "./support/browser.js";
import { type MockServer, startMockServer } from "./support/mock-server.js";
import { pages } from "./support/pages.js";
import * as data from "./support/mock-data.js";

/** The built console in a real browser over generated answers: every page, with data, without, and when the engine fails. */

let browser: Browser;
let server: MockServer;
let page: Page;
let complaints: string[] = [];

beforeAll(async () => {
  browser = await launchBrowser();
  server = await startMockServer("data");
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

afterEach(async () => {
  await page.close();
});

async function open(path: string, width = 1440): Promise<void> {
  page = await browser.newPage({ viewport: { width, height: 900 } });
  complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith("data:")) complaints.push(`asked outside: ${request.url()}`);
  });
  await page.goto(`${server.url}${path}`);
  await page.locator("h1").first().waitFor();
}

describe("every page", () => {
  for (const { path, heading, has } of pages) {
    it(`${path} shows its data`, async () => {
      server.mode = "data";
      await open(path);
      await expect.poll(() => page.locator("h1").textContent()).toContain(heading);
      await page.getByText(has).first().waitFor();
      expect(await page.getByText("could not be loaded").count()).toBe(0);
      expect(complaints).toEqual([]);
    });

    it(`${path} fits a phone`, async () => {
      server.mode = "data";
      await open(path, 390);
      await page.getByText(has).first().waitFor({ state: "attached" });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(wide).toBeLessThanOrEqual(0);
    });

    it(`${path} says what to do when there is nothing`, async () => {
      server.mode = "empty";
      await open(path);
      await expect
        .poll(() =>
          page
            .locator("main")
            .getByText(/no |nothing|nobody|never|not /i)
            .count(),
        )
        .toBeGreaterThan(0);
      expect(
        await page
          .getByRole("status")
          .getByText(/^Loading/)
          .count(),
      ).toBe(0);
      expect(complaints).toEqual([]);
    });

    it(`${path} names the problem and the next step when the engine fails`, async () => {
      server.mode = "error";
      page = await browser.newPage();
      await page.goto(`${server.url}${path}`);
      await page.getByRole("alert").first().waitFor({ timeout: 15_000 });
      const text = await page.getByRole("alert").first().textContent();
      expect(text).toContain("disk I/O error");
      expect(text).toContain("cambium verify");
      expect(await page.getByRole("button", { name: "Try again" }).count()).toBeGreaterThan(0);
      server.mode = "data";
      await page.getByRole("button", { name: "Try again" }).first().click();
      await expect.poll(() => page.getByRole("alert").count()).toBe(0);
    });
  }
});

describe("the stream", () => {
  it("shows new events at once, holds them while paused, and says when the line is down", async () => {
    server.mode = "data";
    await open("/events");
    await page.getByRole("status").filter({ hasText: "Live" }).first().waitFor();
    const fresh = (name: string) => ({ ...data.event(0), type: "track", event: name });
    server.push({ type: "events", events: [fresh("Sapling Planted")], more: 0 });
    await page.getByText("Sapling Planted").waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    server.push({ type: "events", events: [fresh("Branch Grafted")], more: 0 });
    await page.getByRole("button", { name: "Show 1 new event" }).waitFor();
    expect(await page.getByText("Branch Grafted").count()).toBe(0);
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByText("Branch Grafted").waitFor();
    server.dropStreams();
    await page.getByRole("status").filter({ hasText: "Disconnected" }).first().waitFor();
    await page.getByRole("status").filter({ hasText: "Live" }).first().waitFor({ timeout: 10_000 });
  });

  it("brings the overview up to date without asking again", async () => {
    server.mode = "data";
    await open("/");
    await page.getByText("512,480").first().waitFor();
    const overview = data.overview();
    server.push({
      type: "overview",
      overview: { ...overview, hops: overview.hops.map((hop) => (hop.name === "collect" ? { ...hop, count: 777_001 } : hop)) },
    });
    await page.getByText("777,001").waitFor();
  });
});

describe("asking", () => {
  it("filters events, opens one and shows its payload as names and values", async () => {
    server.mode = "data";
    await open("/events");
    await page.getByLabel("Call", { exact: true }).first().click();
    await page.getByRole("option", { name: "identify" }).click();
    await expect.poll(() => page.getByRole("region", { name: "Event stream" }).getByText("page", { exact: true }).count()).toBe(0);
    await page.getByRole("region", { name: "Event stream" }).getByRole("button").first().click();
    const drawer = page.getByRole("dialog");
    await drawer.getByRole("heading", { name: "Properties" }).waitFor();
    expect(await drawer.getByText("duration_ms").count()).toBe(1);
    expect(await drawer.textContent()).not.toContain("{");
    await page.keyboard.press("Escape");
    await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  });

  it("explains a score back to its events", async () => {
    server.mode = "data";
    await open("/entities/workspace/ws_303");
    await page.getByRole("button", { name: /Why Workspace activation/ }).click();
    const drawer = page.getByRole("dialog");
    await drawer.getByText("Σ w·v / Σ w").waitFor();
    await drawer.getByRole("button", { name: /^measure/ }).click();
    await drawer.getByRole("button", { name: "31 events behind it" }).click();
    await drawer.getByText("28 more events count too").waitFor();
  });

  it("says which condition keeps an entity out of an audience", async () => {
    server.mode = "data";
    await open("/audiences/overage_hot");
    await page.getByLabel(/^Id of a workspace/).fill("ws_377");
    await page.keyboard.press("Enter");
    await page.getByText("31 is 9 below 40.").waitFor();
  });

  it("shows the exact requests of a dry run, and asks before a guarded run goes", async () => {
    server.mode = "data";
    await open("/syncs/file_export");
    await page.getByRole("button", { name: "Dry run" }).click();
    const drawer = page.getByRole("dialog");
    await drawer.getByText("Nothing was sent").waitFor();
    expect(await drawer.getByText("company-0.example.com").count()).toBeGreaterThan(0);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Confirm the guarded run" }).click();
    expect(server.posts).not.toContain("/api/syncs/file_export/confirm");
    await page.getByRole("dialog").getByText("412 of 847 rows would be removed").waitFor();
    await page.getByRole("button", { name: "Send them" }).click();
    await page.getByText("The run started.").waitFor();
    expect(server.posts).toContain("/api/syncs/file_export/confirm");
  });

  it("searches people and keeps the search in the address", async () => {
    server.mode = "data";
    await open("/entities/user");
    await page.getByRole("textbox", { name: "Search people" }).fill("maren");
    await page.waitForURL(/q=maren/);
    await expect.poll(() => page.getByRole("group", { name: "People" }).getByRole("row").count()).toBeLessThan(10);
    await page.getByRole("group", { name: "People" }).getByRole("link").first().click();
    await page.waitForURL(/entities\/user\/u_/);
    await page.getByRole("tab", { name: "Summary" }).waitFor();
  });

  it("asks for the token when the engine knows nobody", async () => {
    server.mode = "unauthorized";
    page = await browser.newPage();
    await page.goto(server.url);
    await page.getByRole("heading", { name: "Open the console" }).waitFor();
    await page.getByLabel("Token").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByText("This is not the token").waitFor();
  });
});

describe("by keyboard", () => {
  it("skips to the page, walks the navigation and opens a row", async () => {
    server.mode = "data";
    await open("/");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the page");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe("main");
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Audiences" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/audiences$/);
    await page.getByRole("link", { name: "In overage, no deal, high usage" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/overage_hot$/);
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe("main");
  });

  it("opens the navigation on a phone and returns the focus when it closes", async () => {
    server.mode = "data";
    await open("/", 390);
    const opener = page.getByRole("button", { name: "Open navigation" });
    await opener.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").getByRole("link", { name: "Scores" }).waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => opener.evaluate((element) => element === document.activeElement)).toBe(true);
  });
});

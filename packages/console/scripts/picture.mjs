import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

/**
 * Takes the picture of the README from a running engine, once the loop is even with its events:
 * `node packages/console/scripts/picture.mjs "<address with token, as npm start prints it>" docs/images/overview.png`
 */
const [address, target] = process.argv.slice(2);
if (address === undefined || target === undefined) throw new Error("usage: picture.mjs <address with token> <file.png>");
const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => path !== undefined && existsSync(path),
);
const waitMs = 180_000;
const browser = await chromium.launch({
  ...(executablePath === undefined ? {} : { executablePath }),
  args: ["--no-sandbox", "--disable-gpu"],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 1060 }, colorScheme: "light" });
await page.goto(address);
await page.getByRole("heading", { name: "The loop" }).waitFor();
await page.getByRole("region", { name: "Needs attention" }).waitFor({ state: "detached", timeout: waitMs });
await page.screenshot({ path: target });
await browser.close();
process.stdout.write(`${target}\n`);

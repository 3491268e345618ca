import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "../../../console/test/support/browser.js";
import { sql } from "../../src/warehouse/sql.js";
import { type Bench, collectBench, total, writeKey } from "./support.js";

/** Browser libraries in a real browser, on a page of another origin: every event that each sends is a row, once. */

const count = 20;
let bench: Bench;
let browser: Browser;
let pages: Server;
let origin: string;

beforeAll(async () => {
  bench = await collectBench();
  browser = await launchBrowser();
  const scripts = new Map<string, string>();
  for (const name of ["segment-npm", "rudder"]) scripts.set(`/${name}.js`, await bundle(name));
  pages = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://page");
    const script = scripts.get(pathname);
    response.setHeader("content-type", script === undefined ? "text/html; charset=utf-8" : "text/javascript; charset=utf-8");
    response.end(
      script ??
        (pathname === "/snippet" ? snippetPage : `<!doctype html><title>page</title><script type="module" src="${pathname}.js"></script>`),
    );
  });
  await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
  origin = `http://localhost:${(pages.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await browser.close();
  pages.close();
  await bench.close();
});

async function bundle(name: string): Promise<string> {
  const result = await build({
    entryPoints: [path.join(import.meta.dirname, `pages/${name}.mjs`)],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "error",
  });
  return result.outputFiles[0]?.text ?? "";
}

/** Segment's snippet, with the collector as its CDN. */
const snippetPage = `<!doctype html><title>page</title><script>
const parameters = new URLSearchParams(location.search);
!function(){var i="analytics",analytics=window[i]=window[i]||[];analytics.invoked=!0;
analytics.methods=["identify","track","page","group","alias","ready","on","once","reset","setAnonymousId"];
analytics.factory=function(e){return function(){if(window[i].initialized)return window[i][e].apply(window[i],arguments);
var n=Array.prototype.slice.call(arguments);n.unshift(e);analytics.push(n);return analytics}};
for(var n=0;n<analytics.methods.length;n++){var key=analytics.methods[n];analytics[key]=analytics.factory(key)}
analytics.load=function(key,n){var t=document.createElement("script");t.type="text/javascript";t.async=!0;
t.setAttribute("data-global-segment-analytics-key",i);
t.src=parameters.get("collector")+"/analytics.js/v1/"+key+"/analytics.min.js";
var r=document.getElementsByTagName("script")[0];r.parentNode.insertBefore(t,r);analytics._loadOptions=n};
analytics._writeKey=parameters.get("key");analytics._cdn=parameters.get("collector");analytics.SNIPPET_VERSION="5.2.0";
analytics.load(parameters.get("key"));
analytics.identify("snippet-user",{email:"snippet@example.com"});
for(var n=0;n<Number(parameters.get("count"));n++)analytics.track("Sent",{n:n,note:"é ✓"});
analytics.page("Docs","Home");
analytics.group("snippet-group",{name:"Example"});
}();</script>`;

test.each([
  { name: "snippet", user: "snippet-user", query: {} },
  { name: "segment-npm", user: "npm-user", query: {} },
  { name: "rudder", user: "rudder-user", query: {} },
  { name: "rudder", user: "rudder-user", query: { beacon: "true" } },
])("$name $query: every event arrives once", async ({ name, user, query }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const outside: string[] = [];
  await context.route(/.*/, (route) => {
    const { hostname } = new URL(route.request().url());
    if (hostname === "localhost" || hostname === "127.0.0.1") return route.continue();
    outside.push(route.request().url());
    return route.abort();
  });
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  const parameters = new URLSearchParams({ collector: bench.collector.url, key: writeKey, count: String(count), ...query });
  await page.goto(`${origin}/${name}?${parameters.toString()}`);
  const sent = { track: count, identify: 1, page: 1, group: 1 };
  const expected = Object.values(sent).reduce((sum, n) => sum + n, 0);
  let loaded = { accepted: 0, stored: 0, duplicates: 0, quarantined: 0 };
  const mine: number[] = [];
  for (let waited = 0; waited < 60 && loaded.accepted < expected; waited += 1) {
    await sleep(500);
    const summaries = await bench.load();
    mine.push(...summaries.flatMap((summary) => summary.loadId ?? []));
    const sum = total(summaries);
    loaded = {
      accepted: loaded.accepted + sum.accepted,
      stored: loaded.stored + sum.stored,
      duplicates: loaded.duplicates + sum.duplicates,
      quarantined: loaded.quarantined + sum.quarantined,
    };
  }
  await context.close();
  const late = total(await bench.load());
  expect(errors).toEqual([]);
  expect(outside).toEqual([]);
  expect(late.accepted).toBe(0);
  expect(loaded).toEqual({ accepted: expected, stored: expected, duplicates: 0, quarantined: 0 });
  const from = sql`load_id BETWEEN ${Math.min(...mine)} AND ${Math.max(...mine)}`;
  const byType = await bench.connection.read<{ type: string; n: number }>(
    sql`SELECT type, count(*) AS n FROM raw.events WHERE ${from} GROUP BY type`,
  );
  expect(Object.fromEntries(byType.map((row) => [row.type, row.n]))).toEqual(sent);
  const tracks = await bench.connection.first(
    sql`SELECT count(DISTINCT json_extract_string(properties, '/n')) AS numbers, min(json_extract_string(properties, '/note')) AS note,
      count(DISTINCT anonymous_id) AS browsers, min(user_id) AS person, bool_and(time_flag IS NULL) AS timed
    FROM raw.events WHERE ${from} AND type = 'track'`,
  );
  expect(tracks).toEqual({ numbers: count, note: "é ✓", browsers: 1, person: user, timed: true });
});

// Sends with @segment/analytics-node: node segment-node.mjs <url> <key> <count>
import { Analytics } from "@segment/analytics-node";

const [url, writeKey, count] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const analytics = new Analytics({ writeKey, host: url, flushAt: 7, flushInterval: 50 });
analytics.on("error", (error) => {
  console.error(error);
  process.exitCode = 1;
});
for (let n = 0; n < count; n += 1) {
  analytics.track({ userId: `segment-${n}`, event: "Sent", properties: { n, note: "é ✓" } });
}
analytics.identify({ userId: "segment-0", traits: { email: "segment@example.com" } });
analytics.page({ anonymousId: "segment-anonymous", category: "Docs", name: "Home", properties: { path: "/" } });
analytics.group({ userId: "segment-0", groupId: "segment-group", traits: { name: "Example" } });
analytics.alias({ userId: "segment-0", previousId: "segment-anonymous" });
await analytics.closeAndFlush();

// Sends with posthog-node: node posthog.mjs <url> <key> <count>
import { PostHog } from "posthog-node";

const [url, writeKey, count] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const client = new PostHog(writeKey, { host: url, flushAt: 7, flushInterval: 50 });
for (let n = 0; n < count; n += 1) client.capture({ distinctId: `posthog-${n}`, event: "Sent", properties: { n, note: "é ✓" } });
client.identify({ distinctId: "posthog-0", properties: { email: "posthog@example.com" } });
client.alias({ distinctId: "posthog-0", alias: "posthog-older" });
client.groupIdentify({ groupType: "workspace", groupKey: "posthog-group", properties: { name: "Example" }, distinctId: "posthog-0" });
await client.shutdown();

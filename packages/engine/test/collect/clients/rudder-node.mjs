// Sends with @rudderstack/rudder-sdk-node: node rudder-node.mjs <url> <key> <count>
import module from "node:module";

const RudderAnalytics = module.createRequire(import.meta.url)("@rudderstack/rudder-sdk-node");
const [url, writeKey, count] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const client = new (RudderAnalytics.default ?? RudderAnalytics)(writeKey, { dataPlaneUrl: url, flushAt: 7, flushInterval: 50 });
for (let n = 0; n < count; n += 1) client.track({ userId: `rudder-${n}`, event: "Sent", properties: { n, note: "é ✓" } });
client.identify({ userId: "rudder-0", traits: { email: "rudder@example.com" } });
client.group({ userId: "rudder-0", groupId: "rudder-group", traits: { name: "Example" } });
await client.flush();
setTimeout(() => process.exit(0), 300);

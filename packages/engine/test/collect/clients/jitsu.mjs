// Sends with @jitsu/js: node jitsu.mjs <url> <key> <count>
import { jitsuAnalytics } from "@jitsu/js";

const [url, writeKey, count] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const client = jitsuAnalytics({ host: url, writeKey: `${writeKey}:secret`, fetch });
await client.identify("jitsu-user", { email: "jitsu@example.com" });
for (let n = 0; n < count; n += 1) await client.track("Sent", { n, note: "é ✓" });

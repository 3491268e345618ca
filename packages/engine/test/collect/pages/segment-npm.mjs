import { AnalyticsBrowser } from "@segment/analytics-next";

/** The page of the npm build of analytics.js: sends, then says so. */
const parameters = new URLSearchParams(location.search);
const analytics = AnalyticsBrowser.load({ writeKey: parameters.get("key") ?? "", cdnURL: parameters.get("collector") ?? "" });
await analytics.identify("npm-user", { email: "npm@example.com" });
for (let n = 0; n < Number(parameters.get("count")); n += 1) await analytics.track("Sent", { n, note: "é ✓" });
await analytics.page("Docs", "Home");
await analytics.group("npm-group", { name: "Example" });
document.title = "sent";

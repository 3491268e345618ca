import { RudderAnalytics } from "@rudderstack/analytics-js/bundled";

/** The page of RudderStack's browser library. */
const parameters = new URLSearchParams(location.search);
const collector = parameters.get("collector") ?? "";
const count = Number(parameters.get("count"));
const useBeacon = parameters.get("beacon") === "true";
const analytics = new RudderAnalytics();
analytics.load(parameters.get("key") ?? "", collector, {
  configUrl: collector,
  plugins: useBeacon ? ["BeaconQueue"] : ["XhrQueue"],
  useBeacon,
  ...(useBeacon && { beaconQueueOptions: { maxItems: 5, flushQueueInterval: 500 } }),
});
analytics.ready(() => {
  document.title = "ready";
});
analytics.identify("rudder-user", { email: "rudder@example.com" });
for (let n = 0; n < count; n += 1) analytics.track("Sent", { n, note: "é ✓" });
analytics.page("Docs", "Home");
analytics.group("rudder-group", { name: "Example" });

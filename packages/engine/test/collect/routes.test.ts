import { expect, test } from "vitest";
import { type Route, routeOf } from "../../src/collect/protocol/routes.js";

const events = (type?: string): Route => ({ to: "events", type });

test.each<[string, string, Route]>([
  ["POST", "/v1/track", events("track")],
  ["POST", "/v1/t", events("track")],
  ["POST", "/t", events("track")],
  ["POST", "/v1/identify", events("identify")],
  ["POST", "/v1/i", events("identify")],
  ["POST", "/v1/page", events("page")],
  ["POST", "/v1/p", events("page")],
  ["POST", "/v1/screen", events("screen")],
  ["POST", "/v1/s", events("screen")],
  ["POST", "/v1/group", events("group")],
  ["POST", "/v1/g", events("group")],
  ["POST", "/v1/alias", events("alias")],
  ["POST", "/v1/a", events("alias")],
  ["POST", "/v1/batch", events()],
  ["POST", "/v1/batch/", events()],
  ["POST", "/v1/b", events()],
  ["POST", "/v1/import", events()],
  ["POST", "/batch", events()],
  ["POST", "/batch/", events()],
  ["POST", "/beacon/v1/batch", events()],
  ["POST", "/api/s/track", events("track")],
  ["POST", "/api/s/s2s/identify", events("identify")],
  ["POST", "/api/s/batch", events()],
  ["POST", "/capture/", events()],
  ["POST", "/flags/", { to: "flags" }],
  ["GET", "/v1/pixel/track", { to: "pixel", type: "track" }],
  ["GET", "/v1/pixel/p", { to: "pixel", type: "page" }],
  ["GET", "/pixel/v1/page", { to: "pixel", type: "page" }],
  ["GET", "/v1/projects/KEY/settings", { to: "settings", key: "KEY" }],
  ["GET", "/v1/projects/a%2Fb/settings", { to: "settings", key: "a/b" }],
  ["GET", "/v1/projects/%E0%A4%A/settings", { to: "settings", key: "%E0%A4%A" }],
  ["GET", "/sourceConfig/", { to: "source_config" }],
  ["GET", "/sourceconfig", { to: "source_config" }],
  ["GET", "/analytics.js/v1/KEY/analytics.min.js", { to: "snippet", key: "KEY" }],
  ["GET", "/healthz", { to: "health" }],
  ["GET", "/metrics", { to: "metrics" }],
  ["GET", "/v1/track", { to: "nothing" }],
  ["POST", "/", { to: "nothing" }],
  ["POST", "/v1/trackers", { to: "nothing" }],
  ["PUT", "/v1/track", { to: "nothing" }],
])("%s %s", (method, path, route) => {
  expect(routeOf(method, path)).toEqual(route);
});

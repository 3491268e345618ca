import type { Api } from "./api.js";
import { brazeApi } from "./braze.js";
import { customerioApi } from "./customerio.js";
import { googleSheetsApi } from "./google-sheets.js";
import { hubspotApi } from "./hubspot.js";
import { intercomApi } from "./intercom.js";
import { launchdarklyApi } from "./launchdarkly.js";
import { salesforceApi } from "./salesforce.js";
import { slackApi } from "./slack.js";

/** All simulated APIs, fresh. `find` takes the host that a request was meant for (header `x-destination-host`). */
export function openApis() {
  const all: Readonly<Record<string, Api>> = {
    hubspot: hubspotApi(),
    customerio: customerioApi(),
    intercom: intercomApi(),
    salesforce: salesforceApi(),
    braze: brazeApi(),
    launchdarkly: launchdarklyApi(),
    "google-sheets": googleSheetsApi(),
    slack: slackApi(),
  };
  const isOf = (host: string, pattern: string) => (pattern.startsWith(".") ? host.endsWith(pattern) : host === pattern);
  return {
    all,
    find: (host: string): Api | undefined =>
      Object.values(all).find((api) => api.hosts.some((pattern) => isOf(host.toLowerCase(), pattern))),
  };
}

/** What browser libraries ask for before they send anything. Shapes found by running them against a recorder. */

/**
 * For analytics.js: `integrations["Segment.io"].apiKey` is where it takes its write key from, `apiHost` has no scheme,
 * and without `metrics.sampleRate: 0` it would report to api.segment.io.
 */
export function analyticsSettings(key: string, host: string, protocol: string): unknown {
  return {
    integrations: { "Segment.io": { apiKey: key, apiHost: `${host}/v1`, protocol, unbundledIntegrations: [], addBundledMetadata: true } },
    metrics: { sampleRate: 0 },
    plan: {},
    edgeFunction: {},
    analyticsNextEnabled: true,
    enabledMiddleware: {},
  };
}

/** For RudderStack's libraries: without `config` they say "Unable to process/parse" and send nothing. */
export function rudderSourceConfig(key: string, source: string): unknown {
  return {
    source: { id: source, name: source, writeKey: key, enabled: true, config: {}, destinations: [], updatedAt: "2020-01-01T00:00:00.000Z" },
  };
}

/** The smallest transparent picture. */
export const pixelGif = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");

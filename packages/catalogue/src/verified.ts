/** Actions that our contract tests deliver to a simulator of the destination's API. Everything else runs "as published". */
export const verifiedActions: Readonly<Record<string, readonly string[]>> = {
  hubspot: ["upsertContact", "upsertCompany", "upsertObject"],
  customerio: ["createUpdatePerson", "trackEvent"],
  intercom: ["identifyContact"],
  salesforce: ["lead2", "lead"],
  braze: ["updateUserProfile", "updateUserProfile2"],
  "launchdarkly-audiences": ["syncAudience"],
  "google-sheets": ["postSheet2"],
  webhook: ["send"],
};

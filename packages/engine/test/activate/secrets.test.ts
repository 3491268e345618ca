import { expect, test } from "vitest";
import { fillKnownSecrets, fillSecrets, redactTrace, redactor } from "../../src/activate/secrets.js";

const secret = 's3cr3t/va+lue"';
const env = { TOKEN: secret, SHORT: "abc" };

test("variables are filled in anywhere in the settings; a missing one is named", () => {
  const { settings, secrets } = fillSecrets("crm", { url: "https://x/${TOKEN}", nested: { list: ["${TOKEN}", 1, "$TOKEN"] } }, env);
  expect(settings).toEqual({ url: `https://x/${secret}`, nested: { list: [secret, 1, "$TOKEN"] } });
  expect(secrets).toEqual([secret]);
  expect(() => fillSecrets("crm", { key: "${MISSING_ONE}" }, env)).toThrow("destination crm needs the environment variable MISSING_ONE");
  expect(fillKnownSecrets("crm", { key: "${MISSING_ONE} ${TOKEN}" }, env).settings).toEqual({ key: `\${MISSING_ONE} ${secret}` });
});

test("a secret is taken out in every form it travels in", () => {
  const redact = redactor([secret, "abc"]);
  const forms = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret),
    Buffer.from(secret).toString("base64"),
    `Basic ${Buffer.from(secret).toString("base64")}`,
  ];
  for (const form of forms) {
    const clean = redact(`before ${form} after`);
    expect(clean).toContain("[redacted]");
    expect(clean).not.toContain(secret);
    expect(clean).not.toContain(form);
  }
  // Three letters are no secret, and taking them out would garble everything.
  expect(redact("abc")).toBe("abc");
});

test("traces lose secrets and credentials in address, headers, bodies and errors", () => {
  const trace = redactTrace(
    {
      requestId: "1",
      method: "POST",
      url: `https://x/?key=${encodeURIComponent(secret)}`,
      requestHeaders: { Authorization: "Bearer anything", "x-custom": secret, "content-type": "application/json" },
      requestBody: JSON.stringify({ key: secret }),
      responseHeaders: { "Set-Cookie": "session=1" },
      responseBody: `no such key ${secret}`,
      millis: 1,
      error: `failed for ${secret}`,
    },
    redactor([secret]),
  );
  expect(JSON.stringify(trace)).not.toContain("s3cr3t");
  expect(trace.requestHeaders).toEqual({ Authorization: "[redacted]", "x-custom": "[redacted]", "content-type": "application/json" });
  expect(trace.responseHeaders).toEqual({ "Set-Cookie": "[redacted]" });
});

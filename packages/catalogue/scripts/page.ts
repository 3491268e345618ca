import type { CatalogueEntry } from "../src/entry.js";

/** docs/catalogue.md: every destination with its actions, for people who look for theirs. */
export function cataloguePage(entries: readonly CatalogueEntry[]): string {
  const actions = entries.reduce((sum, entry) => sum + entry.actions.length, 0);
  const rows = entries.map((entry) => {
    const names = entry.actions.filter((action) => action.hidden !== true).map((action) => `\`${action.name}\`${action.batch ? "*" : ""}`);
    const settings = entry.settings.map((setting) => `\`${setting.name}\``);
    const oauth = entry.authScheme.startsWith("oauth") ? ["`access_token`"] : [];
    const verified = entry.verified ? " **verified**" : "";
    return `| \`${entry.slug}\` | ${cell(entry.name)}${verified} | ${[...oauth, ...settings].join(" ")} | ${names.join(" ")} |`;
  });
  return `# Destinations of the catalogue

${entries.length} destinations with ${actions} actions; an action with \`*\` takes rows in batches. \`type: catalogue:<slug>\` uses one; see
[the guide](guides/destinations.md). Written by \`npm run generate -w packages/catalogue\`.

| slug | name | settings | actions |
| --- | --- | --- | --- |
${rows.join("\n")}
`;
}

const cell = (text: string) => text.replaceAll("|", "\\|");

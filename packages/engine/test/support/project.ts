import { projectFromFiles } from "../../src/project/load-project.js";
import type { Project } from "../../src/project/project.js";

/** A small project: users in workspaces that belong to accounts, one source. Files given replace or add to these. */
export const defaultFiles: Readonly<Record<string, string>> = {
  "cambium.yml": `
name: test
timezone: Europe/Berlin
entities:
  user: {}
  workspace:
    parent: account
    id: [properties.workspace_id, context.groupId]
    leave_events: [Workspace Left]
  account:
    id: [properties.account_id]
`,
  "sources/web.yml": `
name: web
write_keys: [test-key]
`,
};

/** A checked project from the default files and these: \`testProject({ "traits/logins.yml": "…" })\`. */
export function testProject(files: Readonly<Record<string, string>> = {}): Project {
  return projectFromFiles({ ...defaultFiles, ...files }, "/project");
}

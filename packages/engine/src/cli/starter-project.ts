import { schemaHint } from "../project/json-schemas.js";

/** The project that `cambium init` writes: small, commented, and it runs as it is. */
export function starterFiles(name: string, title: string, timezone: string, writeKey: string): Record<string, string> {
  const yaml: Record<string, string> = {
    "cambium.yml": `
# The project: its name, its time zone, the things it keeps profiles of, and who may identify a person.
name: ${name}
title: ${JSON.stringify(title)}
# Days, weeks and months are those of this zone.
timezone: ${timezone}

entities:
  user: {}
  # A workspace is what several users share: a team, a project, an organisation. Rename it to your own word.
  workspace:
    parent: account
    # Where an event names its workspace; the first that is present counts.
    id: [properties.workspace_id, context.groupId]
    name_trait: workspace_name
  # An account is who pays. Group calls with groupType "account" and events with account_id name it.
  account:
    id: [properties.account_id]
    group_type: account
`,
    "sources/web.yml": `
# Who may send events. Point any Segment SDK at this collector with the write key below.
name: web
title: Web and server
write_keys: [${writeKey}]
`,
    "traits/user.yml": `
# Traits: one value per user. Each is kept up to date within seconds of an event.
- name: email
  entity: user
  type: profile # what identify calls said last
- name: plan
  entity: user
  type: profile
- name: logins_28d
  entity: user
  title: Logins in 28 days
  type: count
  event: Logged In
  within: 28 days
- name: days_active_28d
  entity: user
  type: days_active
  event: "*"
  within: 28 days
`,
    "traits/workspace.yml": `
- name: workspace_name
  entity: workspace
  type: profile
  path: name
- name: projects_created
  entity: workspace
  type: count
  event: Project Created
- name: projects_created_7d
  entity: workspace
  type: count
  event: Project Created
  within: 7 days
- name: members
  entity: workspace
  title: Members
  type: rollup # computed from the users in the workspace
  from: user
  roll: count
`,
    "scores/activation.yml": `
# A score is a weighted sum of components, each 0 to 100. The weights sum to 100.
name: activation
entity: workspace
title: Workspace activation
components:
  - name: first_project
    title: Created a project
    weight: 40
    milestone: { event: Project Created }
  - name: team
    title: Works as a team
    weight: 30
    linear: { trait: members, from: 1, to: 4 }
  - name: usage
    title: Uses it every week
    weight: 30
    log: { trait: projects_created_7d, from: 0, to: 10 }
buckets: { cold: 0, warm: 40, activated: 70 }
`,
    "audiences/activated.yml": `
# An audience is everyone a condition holds for. Who enters and leaves is kept with the cause.
name: activated
entity: workspace
title: Activated workspaces
where: { score: activation, gte: 70 }
`,
    "audiences/stuck.yml": `
name: stuck
entity: workspace
title: Started, but stuck
description: Created a project, then nothing for a week.
where:
  all:
    - { trait: projects_created, gte: 1 }
    - { trait: projects_created_7d, is: 0 }
    - not: { audience: activated }
`,
    "destinations/folder.yml": `
# Where results go. This one writes files; others are webhook, postgres, slack and catalogue:<name>.
# Secrets are never written here: use \${ENV_NAME}.
name: folder
type: file
settings:
  path: deliveries
  format: csv
`,
    "syncs/stuck-workspaces.yml": `
# A sync keeps a destination equal to an audience, an entity or a model: it sends only what changed.
name: stuck_workspaces
from: { audience: stuck }
destination: folder
mode: mirror
mapping:
  id: key
  name: workspace_name
  members: members
`,
  };
  return {
    ...Object.fromEntries(Object.entries(yaml).map(([file, text]) => [file, `${schemaHint(file)}${text}`])),
    ".gitignore": ".cambium/\ndeliveries/\n.env\n",
    "README.md": readme(title, writeKey),
  };
}

function readme(title: string, writeKey: string): string {
  return `# ${title}

A growth project for Cambium: SQL says how, YAML says what, one definition a file, the folder is the kind.

\`\`\`
cambium validate      # check every definition
cambium up            # start: events come in, results go out, the console opens
\`\`\`

Send a first event:

\`\`\`
curl http://127.0.0.1:4300/v1/track -u ${writeKey}: -H 'content-type: application/json' \\
  -d '{"userId":"ada","event":"Project Created","properties":{"workspace_id":"w1"}}'
\`\`\`

Then \`cambium explain workspace w1 --score activation\` says what it did. People join a workspace with a group call:

\`\`\`
curl http://127.0.0.1:4300/v1/group -u ${writeKey}: -H 'content-type: application/json' \\
  -d '{"userId":"ada","groupId":"w1","traits":{"name":"First workspace","account_id":"a1"}}'
\`\`\`
`;
}

import type { DestinationSpec } from "../../destination.js";

export const slackSpec: DestinationSpec = {
  type: "slack",
  title: "Slack",
  pacesRequests: true,
  settings: [
    {
      name: "webhook_url",
      label: "Incoming webhook",
      description: "https://hooks.slack.com/…",
      type: "string",
      required: false,
      secret: true,
    },
    {
      name: "bot_token",
      label: "Bot token",
      description: "xoxb-…, with the scope chat:write",
      type: "string",
      required: false,
      secret: true,
    },
    {
      name: "channel",
      label: "Channel",
      description: "Id of the channel, for a bot token",
      type: "string",
      required: false,
      secret: false,
    },
    {
      name: "api_url",
      label: "Address of the API",
      description: "https://slack.com/api unless said",
      type: "string",
      required: false,
      secret: false,
    },
  ],
  actions: [
    {
      name: "post_message",
      title: "Post a message for each row",
      fields: [
        { name: "text", label: "Text", description: "Slack's mrkdwn; a template makes it", type: "string", required: true },
        {
          name: "channel",
          label: "Channel",
          description: "Another one than the settings say (bot token)",
          type: "string",
          required: false,
        },
        { name: "blocks", label: "Blocks", description: "Block Kit as JSON", type: "json", required: false },
        { name: "thread_ts", label: "Thread", type: "string", required: false },
      ],
      batchRowsMax: 20,
      modes: ["append", "upsert", "add_remove", "mirror"],
    },
  ],
};

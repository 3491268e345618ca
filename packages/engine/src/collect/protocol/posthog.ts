/** PostHog's events as Segment's calls, so that its libraries can send here unchanged. */

type Fields = Record<string, unknown>;

export function isPosthog(event: Fields): boolean {
  return "distinct_id" in event || (isFields(event["properties"]) && "distinct_id" in event["properties"] && !("type" in event));
}

/** `$identify` → identify, `$create_alias` → alias, `$groupidentify` → group, `$pageview` → page, `$screen` → screen, else track. */
export function fromPosthog(event: Fields): Fields {
  const properties = isFields(event["properties"]) ? event["properties"] : {};
  const library = { name: properties["$lib"], version: properties["$lib_version"] };
  const distinctId = event["distinct_id"] ?? properties["distinct_id"];
  const anonymous = properties["$is_identified"] === false || properties["$process_person_profile"] === false;
  const groups = isFields(properties["$groups"]) ? properties["$groups"] : undefined;
  const common = {
    messageId: event["uuid"] ?? event["messageId"],
    ...(anonymous ? { anonymousId: distinctId } : { userId: distinctId }),
    timestamp: event["timestamp"],
    context: {
      library,
      ...(groups !== undefined && { groups }),
      ...(typeof properties["$ip"] === "string" && { ip: properties["$ip"] }),
    },
  };
  switch (event["event"]) {
    case "$identify":
      return {
        ...common,
        type: "identify",
        anonymousId: properties["$anon_distinct_id"],
        traits: {
          ...asFields(event["$set_once"]),
          ...asFields(properties["$set_once"]),
          ...asFields(event["$set"]),
          ...asFields(properties["$set"]),
        },
      };
    case "$create_alias":
      return { ...common, type: "alias", userId: properties["distinct_id"] ?? distinctId, previousId: properties["alias"] };
    case "$groupidentify":
      return {
        ...common,
        type: "group",
        groupId: properties["$group_key"],
        traits: { ...asFields(properties["$group_set"]), group_type: properties["$group_type"] },
      };
    case "$pageview":
      return { ...common, type: "page", name: properties["title"], properties };
    case "$screen":
      return { ...common, type: "screen", name: properties["$screen_name"], properties };
    default:
      return { ...common, type: "track", event: event["event"], properties };
  }
}

function asFields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

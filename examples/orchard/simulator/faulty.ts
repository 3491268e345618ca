import type { JsonObject, Sending, SegmentMessage } from "./message.js";
import { model } from "./model.js";
import type { Random } from "./random.js";

/** An old widget on customers' own pages that leaves out what an event needs: the collector accepts what it sends and sets it aside. */
const library = { name: "orchard-widget", version: "0.9.1" };

export type Fault = keyof typeof model.faulty.kinds;
const faults = Object.keys(model.faulty.kinds) as Fault[];
const weights = Object.values(model.faulty.kinds);

/** What the widget sends beside a message, if it does: the draws are its own, so the rest of the world is as without it. */
export function fromWidget(random: Random, { at, message, repeat }: Sending): Sending | undefined {
  if (repeat || !random.chance(model.faulty.share)) return undefined;
  const fault = faults[random.weighted(weights)] as Fault;
  const { timestamp } = message;
  const own = {
    type: "track",
    messageId: `${message.messageId}-widget`,
    timestamp,
    anonymousId: `widget-${random.hex(1)}`,
    context: { library },
  } as const;
  return { at, skewMs: 0, message: own, repeat: false, fault };
}

/** The message as it leaves the widget. The names of the faults are the collector's reasons. */
export function broken(message: SegmentMessage, fault: Fault): JsonObject {
  const { anonymousId = "", ...nobody } = message;
  switch (fault) {
    case "no_event_name":
      return { ...nobody, anonymousId };
    case "no_identity":
      return { ...nobody, event: "Widget Shown" };
    case "unknown_type":
      return { ...nobody, anonymousId, type: "impression" };
    case "wrong_type":
      return { ...nobody, anonymousId, event: "Widget Shown", properties: ["footer"] };
  }
}

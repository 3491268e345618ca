/** Value ← inputs ← measures ← events: a tree that the console draws and the CLI prints. */
export interface Explanation {
  title: string;
  value: ExplainedValue;
  /** entity, trait, score, component, audience, condition, measure, sync, delivery, identifier, list */
  kind?: string | undefined;
  /** How the value follows from the children. */
  formula?: string | undefined;
  detail?: string | undefined;
  /** Of a condition: does it hold? */
  holds?: boolean | undefined;
  at?: string | undefined;
  version?: number | undefined;
  children: Explanation[];
  events?: ExplainedEvent[] | undefined;
  /** Events behind it in all, when `events` shows only the newest. */
  eventsTotal?: number | undefined;
}

export type ExplainedValue = string | number | boolean | null | ExplainedValue[] | { [field: string]: ExplainedValue };

export interface ExplainedEvent {
  messageId: string;
  type: string;
  event: string | null;
  timestamp: string;
  receivedAt: string | null;
  detail: string | null;
}

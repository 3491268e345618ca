import { z } from "zod";
import { entityKind, eventName, slug } from "./words.js";

/** cambium.yml: the project itself. */

const identifierRule = z
  .object({
    type: slug,
    /** Paths from the event, first present wins: `userId`, `traits.email`, `context.externalIds.github`. */
    paths: z.array(z.string()).min(1),
    /** 1 is the strongest: the last to be dropped when a limit is hit. */
    priority: z.number().int().min(1),
    /** At most this many per profile, ever or within the window. */
    limit: z.number().int().min(1).optional(),
    limit_window: z.enum(["ever", "weekly", "monthly", "annually"]).optional(),
    /** Values (exact) and RE2/JS patterns (between slashes) that identify nobody. */
    blocked: z.array(z.string()).optional(),
    /** Case-insensitive (e-mail). */
    lower: z.boolean().optional(),
  })
  .strict();

const entityRule = z
  .object({
    title: z.string().optional(),
    plural: z.string().optional(),
    /** Kind that this one belongs to: `account` for a workspace. */
    parent: entityKind.optional(),
    /** Paths on an event that name the entity, first present wins: `context.groupId`, `properties.workspace_id`. */
    id: z.array(z.string()).optional(),
    /** `traits.group_type` (or `context.groupType`) of a group call that means this kind; the first group kind takes calls without one. */
    group_type: z.string().optional(),
    /** Path on the group call of this kind that names the parent: `traits.account_id`. */
    parent_id: z.array(z.string()).optional(),
    /** What makes a user a member: group calls (default), or every event of theirs that names the group. */
    membership: z.enum(["calls", "events"]).optional(),
    /** Events whose user leaves the group they name. */
    leave_events: z.array(eventName).optional(),
    /** The trait shown as the entity's name. */
    name_trait: slug.optional(),
  })
  .strict();

const days = (by: number) => z.number().int().min(1).default(by);

/** Days that the loop's own records are kept; older ones are added up to one row a day, or dropped. Events stay. */
const retention = z
  .object({
    /** Loads and the collector's ledger entries: then one row a day, with the same sums. */
    loads: days(14),
    /** Turns of the loop: dropped; the newest 1,000 stay. */
    cycles: days(14),
    /** Runs of syncs and their ledger entries: then one row a day and sync, with the same sums. */
    sync_runs: days(90),
    /** Outcomes of rows: dropped. */
    deliveries: days(90),
    /** Entries and exits: dropped, except how those who are members now came in and what a sync has not settled. */
    audience_changes: days(400),
    /** Size after every cycle: then the last of each day. */
    audience_sizes: days(30),
  })
  .strict();

export const config = z
  .object({
    name: slug,
    title: z.string().optional(),
    /** IANA zone: days, weeks and months are its. */
    timezone: z.string().default("UTC"),
    warehouse: z
      .object({
        type: z.enum(["duckdb", "clickhouse"]).default("duckdb"),
        /** Embedded: the database file, and what it may use. */
        file: z.string().optional(),
        memory: z.string().optional(),
        threads: z.number().int().min(1).optional(),
        /** A server: its HTTP address, what its databases' names begin with, who signs in (the password is in the environment). */
        url: z.url({ protocol: /^https?$/ }).optional(),
        prefix: z
          .string()
          .regex(/^[a-z][a-z0-9_]*$/)
          .optional(),
        user: z.string().optional(),
        /** A server that is a node of a cluster: the cluster's name there. Tables then stand on all of its nodes. */
        cluster: z
          .string()
          .regex(/^[\w.-]+$/)
          .optional(),
      })
      .strict()
      .default({ type: "duckdb" }),
    entities: z.record(entityKind, entityRule).default({ user: {} }),
    identity: z
      .object({ identifiers: z.array(identifierRule).optional() })
      .strict()
      .default({}),
    collector: z
      .object({
        host: z.string().default("127.0.0.1"),
        port: z.number().int().min(0).max(65_535).default(4300),
        public_host: z.string().optional(),
        /** Events a second of one write key; a client that sends more is told to wait. No limit unless said. */
        rate_limit: z.number().int().min(1).optional(),
        spool_bytes_max: z.number().int().min(1_000_000).default(20_000_000_000),
      })
      .strict()
      .default({ host: "127.0.0.1", port: 4300, spool_bytes_max: 20_000_000_000 }),
    server: z
      .object({
        host: z.string().default("127.0.0.1"),
        port: z.number().int().min(0).max(65_535).default(4310),
        /** Names beside localhost and IP addresses that people reach it by: a proxy's, the machine's. */
        allowed_hosts: z.array(z.string()).optional(),
      })
      .strict()
      .default({ host: "127.0.0.1", port: 4310 }),
    retention: retention.prefault({}),
  })
  .strict();

export type Config = z.infer<typeof config>;
export type EntityRule = z.infer<typeof entityRule>;
export type IdentifierRule = z.infer<typeof identifierRule>;

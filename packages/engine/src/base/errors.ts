/** One error class and one table of codes: each says what happened and what to try next. */

export const errorCodes = {
  PROJECT_INVALID: { status: 422, next: "Fix the definition at the place named above, then run `cambium validate`." },
  PROJECT_NOT_FOUND: { status: 404, next: "Run the command in a folder with a cambium.yml, or create one with `cambium init`." },
  NOT_FOUND: { status: 404, next: "Check the id; `cambium query` or the console's search finds what exists." },
  NOT_COMPUTED: { status: 409, next: "Start the project with `cambium up`, or compute it once with `cambium run`." },
  BAD_REQUEST: { status: 400, next: "Correct the request; `--help` and docs/ show the accepted form." },
  UNAUTHORIZED: { status: 401, next: "Use the write key of a source in sources/*.yml, or the console token printed at start." },
  WAREHOUSE_FAILED: { status: 500, next: "Read the statement's comment and the engine's message; `cambium verify` checks the tables." },
  WAREHOUSE_DENIED: {
    status: 500,
    next: "Give this user the right that the message names, or name another place or user in cambium.yml (`warehouse`).",
  },
  WAREHOUSE_UNREACHABLE: {
    status: 503,
    next: "Start the server, or name another one: `warehouse.url` in cambium.yml, or CAMBIUM_WAREHOUSE for one run.",
  },
  WAREHOUSE_AUTH: { status: 500, next: "Set the password where the message says, or name another user in cambium.yml (`warehouse.user`)." },
  WAREHOUSE_OUTDATED: { status: 500, next: "Upgrade the server, or name another one in cambium.yml (`warehouse.url`)." },
  WAREHOUSE_LOCKED: { status: 409, next: "Another process has this warehouse open: talk to it (`cambium up` serves commands) or stop it." },
  WAREHOUSE_TAKEN_OVER: {
    status: 409,
    next: "This process has stopped writing, and the other one goes on; start this one again only if that one is gone.",
  },
  WAREHOUSE_NOT_EMPTY: {
    status: 409,
    next: "Name an empty warehouse, or drop what is in this one with --replace (`--dry-run` shows what that is).",
  },
  COPY_UNFINISHED: {
    status: 409,
    next: "Run `cambium warehouse copy` again, which goes on where it stopped; with --replace it starts from nothing.",
  },
  COPY_SOURCE_CHANGED: {
    status: 409,
    next: "Stop the engine and everything else that writes to the source, then run the command again: events that are there stay.",
  },
  COPY_DIFFERS: {
    status: 500,
    next: "Run the command again: what differs is copied anew, and compared again. The source is as it was.",
  },
  WAREHOUSE_HELD: {
    status: 409,
    next: "Stop the other one, or start this one as `cambium engine`: it stands by, and takes over when that one is gone.",
  },
  WAREHOUSE_ALONE: {
    status: 409,
    next: "Run everything on one machine with `cambium up`, or keep the warehouse on a server (docs/guides/scale-out.md).",
  },
  SPOOL_FULL: { status: 503, next: "The client retries by itself. Free disk space or start the engine so that the spool drains." },
  SPOOL_LOCKED: { status: 409, next: "Give each collector a node name of its own, or stop the one that runs." },
  SPOOL_CORRUPT: {
    status: 500,
    next: 'The unreadable part was moved to quarantine; inspect it with `cambium query "SELECT * FROM raw.quarantine"`.',
  },
  COLLECTOR_UNREACHABLE: { status: 503, next: "Start it with `cambium up`, or name another with --url; messages already sent count once." },
  DESTINATION_REJECTED: { status: 422, next: "The destination refused these rows; the sync's run page shows its answer for each." },
  DESTINATION_AUTH: { status: 401, next: "Renew the destination's secret in the environment, then run the sync again." },
  DESTINATION_UNAVAILABLE: { status: 503, next: "Cambium retries with growing pauses; nothing is lost meanwhile." },
  EGRESS_DENIED: {
    status: 403,
    next: "The address is private or not allowed. Allow it in the destination's `allow:` list if it is yours.",
  },
  SYNC_GUARDED: { status: 409, next: "Look at `cambium sync <name> --dry-run`, then confirm with `cambium sync <name> --confirm`." },
  FORBIDDEN: {
    status: 403,
    next: "Open the console at the address printed at start; further host names go into `server.allowed_hosts` of cambium.yml.",
  },
  PORT_TAKEN: { status: 409, next: "Choose another with --port or in cambium.yml (0 takes a free one), or stop the program that has it." },
  BUSY: { status: 503, next: "Too much is asked at once: try again in a moment." },
  INTERNAL: { status: 500, next: "This is a defect in Cambium: please report it with the message above." },
} as const satisfies Record<string, { status: number; next: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** The only error class Cambium throws on purpose. `details` is plain data for machines. */
export class CambiumError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CambiumError";
    this.code = code;
    this.details = Object.freeze({ ...options.details });
  }

  get status(): number {
    return errorCodes[this.code].status;
  }

  /** What the user can do about it, one sentence. */
  get next(): string {
    return errorCodes[this.code].next;
  }
}

/** The message of anything thrown, without its stack. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

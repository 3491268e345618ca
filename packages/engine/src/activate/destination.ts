/**
 * What every destination is: plain data that says what it can do, and two functions. Ours and the catalogue's are the
 * same interface. A destination never throws for a row: it returns one outcome per row.
 */

export interface DestinationRow {
  /** The row's id at the destination's side of the mapping. */
  readonly key: string;
  readonly change: "add" | "change" | "remove";
  /** Mapped fields. For `remove` of a mirror or list: at least the key fields. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Sync, key, values and the run that first tried them, hashed: the same for every try of the same change. */
  readonly idempotencyKey: string;
}

export type RowOutcome =
  | { readonly outcome: "delivered"; readonly status?: number | undefined; readonly requestId?: string | undefined }
  /** Refused for good: waits until the row changes. */
  | { readonly outcome: "failed"; readonly reason: string; readonly status?: number | undefined; readonly requestId?: string | undefined }
  /** Worth another try, not before `retryAfterMs` if the destination said so. */
  | {
      readonly outcome: "retry";
      readonly reason: string;
      readonly status?: number | undefined;
      readonly retryAfterMs?: number | undefined;
      readonly requestId?: string | undefined;
    }
  | { readonly outcome: "skipped"; readonly reason: string };

/** A request as it went out, secrets redacted. */
export interface RequestTrace {
  readonly requestId: string;
  readonly method: string;
  readonly url: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly requestBody?: string | undefined;
  readonly status?: number | undefined;
  readonly responseHeaders?: Readonly<Record<string, string>> | undefined;
  readonly responseBody?: string | undefined;
  readonly millis: number;
  readonly error?: string | undefined;
}

export interface DeliveryContext {
  /** Settings with secrets filled in. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly action: string;
  readonly mode: "upsert" | "mirror" | "add_remove" | "append";
  readonly sync: string;
  /** Instant (µs) of this call. */
  readonly now: number;
  /** Hosts in private networks that may be reached. */
  readonly allow: readonly string[];
  /** True: build the requests, send nothing; they come through `trace`. */
  readonly dryRun: boolean;
  trace(request: RequestTrace): void;
  readonly signal?: AbortSignal | undefined;
  /** Waits for the destination's rate limit; called before each request by destinations whose spec says `pacesRequests`. */
  readonly pace?: (() => Promise<void>) | undefined;
  /** The field that is a plain copy of the sync's key, if one is. */
  readonly keyField?: string | undefined;
  /** Warehouse type of each field that is a plain copy of a column: what tells a table its column types. */
  readonly fieldTypes?: Readonly<Record<string, string>> | undefined;
}

export interface FieldSpec {
  readonly name: string;
  readonly label: string;
  readonly description?: string | undefined;
  readonly type: string;
  readonly required: boolean;
}

export interface ActionSpec {
  readonly name: string;
  readonly title: string;
  readonly description?: string | undefined;
  readonly fields: readonly FieldSpec[];
  /** Rows in one request at most. */
  readonly batchRowsMax: number;
  readonly modes: readonly DeliveryContext["mode"][];
}

export interface DestinationSpec {
  readonly type: string;
  readonly title: string;
  readonly settings: readonly (FieldSpec & { readonly secret: boolean })[];
  readonly actions: readonly ActionSpec[];
  /** True: it calls `context.pace` before every request. Otherwise Cambium paces calls of `deliver`. */
  readonly pacesRequests?: boolean | undefined;
}

export interface Destination {
  readonly spec: DestinationSpec;
  /** Do the settings work? Throws a CambiumError that says what to fix. */
  verify(context: DeliveryContext): Promise<void>;
  /** One outcome per row, same order. */
  deliver(rows: readonly DestinationRow[], context: DeliveryContext): Promise<RowOutcome[]>;
  close?(): Promise<void>;
}

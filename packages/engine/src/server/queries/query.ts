import { CambiumError } from "../../base/errors.js";
import type { Warehouse } from "../../warehouse/warehouse.js";
import type { QueryAnswer, QueryRequest } from "../contract.js";

/** SQL that a person asks: it can only read, returns at most some thousand rows and is stopped when it takes too long. */

const rowsDefault = 1_000;
const secondsDefault = 10;
/** Questions answered at once: a statement occupies a thread of the warehouse. */
const queriesMax = 2;

let running = 0;

export async function runQuery(warehouse: Warehouse, request: QueryRequest): Promise<QueryAnswer> {
  if (running >= queriesMax) throw new CambiumError("BUSY", `${queriesMax} queries run already`);
  running += 1;
  const started = performance.now();
  try {
    const result = await warehouse.query(request.sql, {
      rowsMax: request.rowsMax ?? rowsDefault,
      millisMax: (request.secondsMax ?? secondsDefault) * 1000,
    });
    return { ...result, seconds: (performance.now() - started) / 1000 };
  } finally {
    running -= 1;
  }
}

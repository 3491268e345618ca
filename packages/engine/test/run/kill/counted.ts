import type { Connection, Warehouse } from "../../../src/warehouse/warehouse.js";

/** Methods that send a statement. */
const statements = new Set(["run", "read", "first", "describe", "batches", "columns", "integers", "append", "stage", "withNdjson"]);

/**
 * The warehouse with `beforeEach` called before each statement, and before and after each commit: where that throws, or
 * ends the process, nothing more is sent.
 */
export function counted(warehouse: Warehouse, beforeEach: () => void): Warehouse {
  return { ...warehouse, connect: async () => countedConnection(await warehouse.connect(), beforeEach) };
}

function countedConnection(connection: Connection, beforeEach: () => void): Connection {
  return new Proxy(connection, {
    get(target, property) {
      if (property === "transaction") {
        return async (work: () => Promise<unknown>) => {
          const outcome = await target.transaction(async () => {
            const done = await work();
            beforeEach();
            return done;
          });
          beforeEach();
          return outcome;
        };
      }
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      return (...given: unknown[]) => {
        if (statements.has(String(property))) beforeEach();
        return Reflect.apply(value, target, given);
      };
    },
  });
}

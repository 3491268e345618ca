import type { Connection, Warehouse } from "../../../src/warehouse/warehouse.js";

/** The same warehouse, whose process dies at its n-th statement of some kinds: before it, or right after. */
export function dying(
  warehouse: Warehouse,
  at: number,
  when: "before" | "after",
  kinds: readonly (keyof Connection)[] = ["run", "append", "importRows", "exportRows"],
): { warehouse: Warehouse; statements(): number } {
  let count = 0;
  const died = () => new Error("killed");
  const wrap = (connection: Connection): Connection =>
    new Proxy(connection, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== "function") return value;
        const call = value.bind(target) as (...given: unknown[]) => Promise<unknown>;
        if (!kinds.some((kind) => kind === property)) return call;
        return async (...given: unknown[]) => {
          count += 1;
          if (count > at || (count === at && when === "before")) throw died();
          const outcome = await call(...given);
          if (count === at) throw died();
          return outcome;
        };
      },
    });
  return { warehouse: { ...warehouse, connect: async () => wrap(await warehouse.connect()) }, statements: () => count };
}

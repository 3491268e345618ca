import type { Connection, Warehouse } from "../../warehouse/warehouse.js";

/** One of the two warehouses of a copy. */
export interface Side {
  readonly warehouse: Warehouse;
  /** What tells it from others: where it is. */
  readonly name: string;
}

export async function withSession<T>({ warehouse }: Side, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await warehouse.connect();
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

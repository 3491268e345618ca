import { z } from "zod";

/** Trouble on purpose: which requests get it is counted, never drawn, so that a test can say what must happen. */

const fault = z
  .object({
    /** Only requests whose path or tool contains this. */
    match: z.string().default(""),
    type: z.enum(["status", "slow", "reset", "half_broken"]),
    /** `status`: what is answered instead. */
    status: z.number().int().min(400).max(599).default(500),
    retry_after_seconds: z.number().min(0).optional(),
    /** `slow`: wait before answering properly. */
    millis: z.number().int().min(0).max(120_000).default(1000),
    /** `half_broken`: every n-th row of a batch is refused with `status`, the others are taken. */
    every_row: z.number().int().min(1).default(2),
    /** Every n-th matching request has the trouble; 1 is each of them. */
    every: z.number().int().min(1).default(1),
    /** At most this many requests have it; then it is over. */
    times: z.number().int().min(1).default(1_000_000),
  })
  .strict();

export type Fault = z.infer<typeof fault>;
export type FaultInput = z.input<typeof fault>;

export const faultList = z.array(fault).max(100);

export function faultsOf(list: readonly FaultInput[]) {
  let active = faultList.parse(list).map((one) => ({ ...one, seen: 0, hit: 0 }));
  return {
    /** The first fault that this request falls under. */
    next(place: string): Fault | undefined {
      for (const one of active) {
        if (!place.includes(one.match) || one.hit >= one.times) continue;
        one.seen += 1;
        if (one.seen % one.every !== 0) continue;
        one.hit += 1;
        return one;
      }
      return undefined;
    },
    set(next: readonly FaultInput[]): void {
      active = faultList.parse(next).map((one) => ({ ...one, seen: 0, hit: 0 }));
    },
    list: () => active.map(({ seen: _seen, ...one }) => one),
  };
}

export type Faults = ReturnType<typeof faultsOf>;

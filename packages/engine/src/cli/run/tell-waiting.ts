import type { StandByOptions } from "../../run/lease/stand-by.js";
import { takeOverAfterMs } from "../../run/lease/lease-times.js";

/** Says once why a start takes a while: whoever had the warehouse's lease did not let it go. */
export function tellWaiting(say: (sentence: string) => void): StandByOptions["onLook"] {
  let isTold = false;
  return (seen) => {
    if (isTold || seen === undefined) return;
    isTold = true;
    say(`${seen.holder} was the conductor and did not end in order: waiting ${takeOverAfterMs / 1_000} s for a sign of life`);
  };
}

import { messageOf } from "../../base/errors.js";
import type { Clock } from "../../base/instant.js";
import type { Connection } from "../../warehouse/warehouse.js";
import { watchSpool } from "../watch-spool.js";
import { type ShipSummary, shipSegments } from "./ship-segments.js";

export interface ShipperSettings {
  readonly spoolDir: string;
  readonly scratchDir: string;
  readonly clock: Clock;
  /** A session of the warehouse, and how to close both; called again after a failure. */
  readonly connect: () => Promise<{ readonly connection: Connection; close(): Promise<void> }>;
  /** Failures and their end, one sentence each. */
  readonly onEvent?: (sentence: string) => void;
  readonly onShipped?: (summary: ShipSummary) => void;
}

export interface Shipper {
  /** There may be something to ship. */
  wake(): void;
  /** Ships what is sealed by now, if the warehouse can be reached, and ends. What stays is shipped by the next start. */
  close(): Promise<void>;
}

/** Trips start at least this far apart, so that the warehouse gets few large parts instead of many small ones. */
const tripEveryMs = 500;
const firstPauseMs = 1_000;
const pauseMaxMs = 15_000;

/**
 * Ships segments of this machine's spool as they are sealed, for as long as the process lives. A warehouse that is away is
 * tried again with growing pauses; meanwhile segments wait in the spool.
 */
export function keepShipping(settings: ShipperSettings): Shipper {
  const { onEvent = () => undefined } = settings;
  let open: Awaited<ReturnType<ShipperSettings["connect"]>> | undefined;
  let closing = false;
  let wanted = true;
  let wakeUp: () => void = () => undefined;
  let failures = 0;

  const trip = async () => {
    try {
      open ??= await settings.connect();
      const summary = await shipSegments(open.connection, {
        spoolDir: settings.spoolDir,
        scratchDir: settings.scratchDir,
        now: settings.clock(),
        onUnreadable: (segment, message) => onEvent(`segment ${segment} cannot be read and was kept aside (.unreadable): ${message}`),
      });
      if (failures > 0) onEvent("the warehouse takes segments again");
      failures = 0;
      if (summary.segments > 0) settings.onShipped?.(summary);
      if (summary.remaining.segments > 0) wanted = true;
    } catch (thrown) {
      failures += 1;
      wanted = true;
      if (failures === 1) onEvent(`nothing is shipped, segments wait here: ${messageOf(thrown)}`);
      // The next try begins anew: a session that failed may be good for nothing.
      await open?.close().catch(() => undefined);
      open = undefined;
    }
  };
  const rest = async (millis: number, untilWoken: boolean) => {
    if (closing) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, millis);
      wakeUp = () => {
        if (!untilWoken && !closing) return;
        clearTimeout(timer);
        resolve();
      };
    });
    wakeUp = () => undefined;
  };
  const work = (async () => {
    for (;;) {
      const isLast = closing;
      if (wanted || isLast) {
        wanted = false;
        await trip();
      }
      if (isLast) break;
      if (failures > 0) await rest(Math.min(firstPauseMs * 2 ** (failures - 1), pauseMaxMs), false);
      else {
        await rest(tripEveryMs, false);
        if (!wanted) await rest(pauseMaxMs, true);
      }
    }
    await open?.close();
  })();
  const wake = () => {
    wanted = true;
    wakeUp();
  };
  const watch = watchSpool(settings.spoolDir, wake);
  return {
    wake,
    async close() {
      watch.close();
      closing = true;
      wakeUp();
      await work;
    },
  };
}

import { MultiBar, Presets, type SingleBar } from "cli-progress";
import type { Terminal } from "./terminal.js";

/**
 * Progress of everything that takes over a second: bars on a terminal's stderr, otherwise a plain line when a task
 * starts, at each quarter, and when it ends. Never on stdout.
 */
export interface Progress {
  /** A task with a known amount; `advance` may be called often. */
  task(title: string, total: number, unit?: string): Task;
  stop(): void;
}

export interface Task {
  advance(by?: number): void;
  /** `note` stands beside the bar until there is another. */
  at(value: number, note?: string): void;
  done(sentence?: string): void;
}

export function progressOn(terminal: Terminal, quiet: boolean = false): Progress {
  if (quiet) return { task: () => ({ advance: () => {}, at: () => {}, done: () => {} }), stop: () => {} };
  return terminal.errIsTerminal ? bars() : lines(terminal);
}

const count = (value: number) => value.toLocaleString("en");
/** A share says everything by itself. */
const amount = (unit: string) => (unit === "%" ? "" : "  {value}/{total} {unit}");

function bars(): Progress {
  const multi = new MultiBar(
    {
      stream: process.stderr,
      clearOnComplete: false,
      hideCursor: true,
      fps: 10,
      barsize: 24,
      formatValue: (value, _options, type) => (type === "value" || type === "total" ? count(value) : String(value)),
    },
    Presets.shades_classic,
  );
  const titleChars = 22;
  return {
    task(title, total, unit = "") {
      const payload = { title: title.padEnd(titleChars), unit, note: "" };
      const bar: SingleBar = multi.create(Math.max(1, total), 0, payload, {
        format: `{title} {bar} {percentage}%${amount(unit)}  {duration_formatted}  {note}`,
      });
      return {
        advance: (by = 1) => bar.increment(by),
        at: (value, note) => bar.update(value, note === undefined ? {} : { note }),
        done(sentence) {
          bar.update(bar.getTotal(), { note: sentence ?? "" });
          bar.stop();
        },
      };
    },
    stop: () => multi.stop(),
  };
}

function lines(terminal: Terminal): Progress {
  return {
    task(title, total, unit = "") {
      let value = 0;
      let quarter = 0;
      terminal.err(`${title} …\n`);
      const at = (next: number, note?: string) => {
        value = next;
        const reached = Math.floor((4 * value) / Math.max(1, total));
        if (reached > quarter && reached < 4)
          terminal.err(
            `${title} ${reached * 25}%${unit === "%" ? "" : `  ${count(value)}/${count(total)} ${unit}`}  ${note ?? ""}`.trimEnd() + "\n",
          );
        quarter = Math.max(quarter, reached);
      };
      return {
        advance: (by = 1) => at(value + by),
        at,
        done: (sentence) => terminal.err(`${title} done${sentence === undefined ? "" : `: ${sentence}`}\n`),
      };
    },
    stop: () => {},
  };
}

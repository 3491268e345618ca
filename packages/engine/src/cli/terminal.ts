import picocolors from "picocolors";

/** Where commands write: answers to `out`, everything else to `err`. Tests hand in one that remembers. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Colours for `out`; they do nothing where NO_COLOR is set or the output is no terminal. */
  readonly colors: ReturnType<typeof picocolors.createColors>;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly columns: number;
}

export function systemTerminal(env: Readonly<Record<string, string | undefined>>, argv: readonly string[]): Terminal {
  const outIsTerminal = process.stdout.isTTY === true;
  const wanted = env["FORCE_COLOR"] !== undefined || (outIsTerminal && env["TERM"] !== "dumb");
  const refused = (env["NO_COLOR"] ?? "") !== "" || argv.includes("--no-color");
  // `cambium query … | head` closes our output early: that is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    colors: picocolors.createColors(wanted && !refused),
    outIsTerminal,
    errIsTerminal: process.stderr.isTTY === true,
    // A terminal that does not know its size says 0.
    columns: process.stdout.columns || 120,
  };
}

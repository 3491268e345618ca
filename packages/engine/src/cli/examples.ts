/** The examples at the end of a command's help: what it does, then what to type. */
export function examples(lines: readonly (readonly [command: string, what: string])[]): string {
  return `\nExamples:\n${lines.map(([command, what]) => `  # ${what}\n  $ ${command}`).join("\n")}`;
}

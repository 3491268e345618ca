import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { examples } from "../examples.js";
import { register as registerCompare } from "./warehouse/compare.js";
import { register as registerCopy } from "./warehouse/copy.js";

/** What can be done with a warehouse as a whole, one file each in warehouse/. */
const commands: readonly ((group: Command, context: CliContext) => void)[] = [registerCopy, registerCompare];

export function register(program: Command, context: CliContext): void {
  const group = program
    .command("warehouse")
    .description("two warehouses of one project: the embedded one, a server")
    .addHelpText(
      "after",
      examples([
        ["cambium warehouse copy --to https://ch.example.com:8443/shop_", "move to a server"],
        ["cambium warehouse compare https://ch.example.com:8443/shop_ --json", "is the copy on the server equal, row by row?"],
      ]),
    );
  for (const command of commands) command(group, context);
  for (const command of group.commands) command.copyInheritedSettings(program);
}

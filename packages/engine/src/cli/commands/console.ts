import type { Command } from "commander";
import { CambiumError } from "../../base/errors.js";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { findProject } from "../find-project.js";
import { serverInfo } from "../server-client.js";

export function register(program: Command, context: CliContext): void {
  program
    .command("console")
    .description("show the running console's address and the token that opens it")
    .argument("[what]", "`token` shows the token alone", "")
    .addHelpText(
      "after",
      examples([
        ["cambium console", "the address to open in a browser"],
        ['curl -H "authorization: Bearer $(cambium console token)" http://127.0.0.1:4310/api/status', "use the API"],
      ]),
    )
    .action(async (what: string, _own: unknown, command: Command) => {
      if (what !== "" && what !== "token")
        throw new CambiumError("BAD_REQUEST", `\`cambium console ${what}\` is not known: it is \`token\` or nothing.`);
      const options = globalOptions(command);
      const dir = findProject(context, options);
      const info = await serverInfo(dir);
      if (info === undefined) throw new CambiumError("NOT_FOUND", `No server runs for ${dir}. Start it with \`cambium up\`.`);
      const url = `${info.url}/?token=${info.token}`;
      if (options.json === true) context.terminal.out(`${JSON.stringify({ url, token: info.token, api: info.url })}\n`);
      else context.terminal.out(`${what === "token" ? info.token : url}\n`);
    });
}

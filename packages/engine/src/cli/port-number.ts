import { InvalidArgumentError } from "commander";

/** A port as it is typed. */
export function portNumber(text: string): number {
  const port = Number(text);
  if (text.trim() === "" || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError("It is a whole number from 0 to 65535.");
  return port;
}

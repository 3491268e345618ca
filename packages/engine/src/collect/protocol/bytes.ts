/** Text whose characters are the bytes of UTF-8, as that text. */
export function utf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** The bytes of a text's UTF-8, as characters. */
export function latin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

import { createHash } from "node:crypto";

/**
 * The 63-bit id of a string: the low 64 bits of its MD5 (the last 8 bytes of the digest, little endian), shifted right
 * by one, as decimal text. The same number in SQL is `dialect.hash64(expr)`; test vectors are in `docs/guides/hashing.md`.
 */
export function hash64(text: string): string {
  const digest = createHash("md5").update(text, "utf8").digest();
  return (digest.readBigUInt64LE(8) >> 1n).toString();
}

export function md5Hex(text: string): string {
  return createHash("md5").update(text, "utf8").digest("hex");
}

/** A uniform number in [0, 1) from a seed and a unit id: the assignment hash of holdouts and experiments. */
export function hashBucket(seed: string, unit: string): number {
  return Number(BigInt(hash64(`${seed}.${unit}`)) >> 31n) / 2 ** 32;
}

/** Id of an entity from its kind and its outside key, or of an identifier from its type and value. */
export function idOf(kind: string, key: string): string {
  return hash64(`${kind}:${key}`);
}

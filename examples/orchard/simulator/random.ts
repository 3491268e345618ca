/**
 * Seeded randomness: xoshiro128** streams and the few distributions the model draws from. The same key gives the same
 * numbers on every machine; nothing in the simulator asks for any other randomness.
 */
export interface Random {
  uint32(): number;
  /** Uniform in [0, 1). */
  next(): number;
  chance(probability: number): boolean;
  /** Whole number in [low, high]. */
  between(low: number, high: number): number;
  normal(mean?: number, deviation?: number): number;
  /** exp(Normal(ln median, sigma)). */
  logNormal(median: number, sigma: number): number;
  exponential(mean: number): number;
  poisson(mean: number): number;
  pick<Item>(items: readonly Item[]): Item;
  /** Index drawn in proportion to the weights. */
  weighted(weights: readonly number[]): number;
  /** Lower-case hexadecimal digits, eight at a time. */
  hex(words: number): string;
}

const hexOf = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const hexWord = (word: number) => hexOf[word >>> 24]! + hexOf[(word >>> 16) & 255]! + hexOf[(word >>> 8) & 255]! + hexOf[word & 255]!;
const rotate = (word: number, by: number) => (word << by) | (word >>> (32 - by));

export function random(...key: readonly (string | number)[]): Random {
  let [a, b, c, d] = seedsOf(key.join("\u0000"));
  let spare: number | undefined;

  const uint32 = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
  const next = () => uint32() / 4_294_967_296;
  const normal = (mean = 0, deviation = 1): number => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return mean + deviation * value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    spare = radius * Math.sin(angle);
    return mean + deviation * radius * Math.cos(angle);
  };

  return {
    uint32,
    next,
    normal,
    chance: (probability) => next() < probability,
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    logNormal: (median, sigma) => median * Math.exp(sigma * normal()),
    exponential: (mean) => -Math.log(1 - next()) * mean,
    poisson(mean) {
      if (mean > 60) return Math.max(0, Math.round(normal(mean, Math.sqrt(mean))));
      const limit = Math.exp(-mean);
      let count = 0;
      for (let product = next(); product > limit; product *= next()) count += 1;
      return count;
    },
    pick: (items) => items[Math.floor(next() * items.length)]!,
    weighted(weights) {
      let left = next() * weights.reduce((sum, weight) => sum + weight, 0);
      for (let index = 0; index < weights.length; index += 1) {
        left -= weights[index]!;
        if (left < 0) return index;
      }
      return weights.length - 1;
    },
    hex(words) {
      let text = "";
      for (let word = 0; word < words; word += 1) text += hexWord(uint32());
      return text;
    },
  };
}

/** Four well-mixed 32-bit words of a text (FNV-1a, then splitmix32), never all zero. */
function seedsOf(text: string): [number, number, number, number] {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  const word = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
  return [word(), word(), word(), word() | 1];
}

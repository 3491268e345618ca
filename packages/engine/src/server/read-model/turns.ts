/** The read model is filled in short turns, between which requests are answered. */

/** Rows of text, and whole numbers, that are handled in one turn: each about half a millisecond. */
export const turnRows = 64;
const turnNumbers = 500;

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Calls `work` for each place of a list of this length, a turn of places at a time. */
export async function inTurns(length: number, work: (place: number) => void): Promise<void> {
  for (let from = 0; from < length; from += turnNumbers) {
    const to = Math.min(length, from + turnNumbers);
    for (let place = from; place < to; place += 1) work(place);
    await nextTurn();
  }
}

/** What the actions expect from their usual host. Fresh for each call: their code pushes into the tags. */
export const hostStubs = () => ({
  // Mixpanel answers row by row only when asked this way.
  features: { "mixpanel-multistatus": true },
  statsContext: {
    statsClient: {
      incr: quiet,
      set: quiet,
      histogram: quiet,
      observe: quiet,
      _name: (name: string) => name,
      _tags: (tags: unknown) => tags,
    },
    tags: [] as string[],
  },
  logger: {
    level: "error",
    name: "cambium",
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: quiet,
    crit: quiet,
    log: quiet,
    withTags: quiet,
  },
  stateContext: { getRequestContext: () => undefined, setResponseContext: quiet },
  engageDestinationCache: {
    maxExpirationSeconds: 600,
    maxValueSizeBytes: 2_000_000,
    getByKey: () => Promise.resolve(null),
    setByKey: () => Promise.resolve(false),
    delByKey: () => Promise.resolve(0),
    readyOrReconnect: () => Promise.resolve(),
  },
});

/** Their logs may hold whole payloads: the trace is ours, and redacted. */
const quiet = (): void => undefined;

export function transactionContext(initial: Readonly<Record<string, unknown>>) {
  const transaction: Record<string, unknown> = { ...initial };
  return {
    transaction,
    setTransaction: (key: string, value: unknown) => {
      transaction[key] = value;
    },
  };
}

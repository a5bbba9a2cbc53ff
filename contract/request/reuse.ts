/** What holds where a request asks for reuse of deep features and leaves settings out. */

export const REUSE_DEFAULTS = { depth: 1, from: 3, every: 3 } as const;

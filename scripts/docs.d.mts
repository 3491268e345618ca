/** docs/errors.md from the table in base/errors.ts. */
export function errorsPage(codes: Readonly<Record<string, { readonly status: number; readonly next: string }>>): string;

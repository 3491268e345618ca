/** Addresses of pages: every link is made here, so that an address never differs between two pages. */

export function entityListPath(kind: string): string {
  return `/entities/${encodeURIComponent(kind)}`;
}

export function entityPath(kind: string, key: string): string {
  return `${entityListPath(kind)}/${encodeURIComponent(key)}`;
}

export function scorePath(name: string): string {
  return `/scores/${encodeURIComponent(name)}`;
}

export function audiencePath(name: string): string {
  return `/audiences/${encodeURIComponent(name)}`;
}

export function syncPath(name: string): string {
  return `/syncs/${encodeURIComponent(name)}`;
}

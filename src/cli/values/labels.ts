/** Labels as listings show them: `a=b,c=d`, sorted. */
export function printLabels(labels: Readonly<Record<string, string>> | null | undefined): string {
  return Object.entries(labels ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(',');
}

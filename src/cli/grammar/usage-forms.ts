/** What a command is used like; a usage of several forms has one on each line, as docker's has. */
export function usageForms(path: string, usage: string): string {
  return usage
    .split('\n')
    .map((form) => `${path} ${form}`.trim())
    .join('\n\t');
}

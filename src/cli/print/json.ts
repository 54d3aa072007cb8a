const meaningful = /[<>&\u2028\u2029]/g;

/** JSON with Go's escapes of the characters that mean something in HTML. */
export function escapedJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    meaningful,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

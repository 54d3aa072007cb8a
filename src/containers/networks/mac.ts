/** An Ethernet address in one of Go's three spellings (`:`, `-`, or `.` between pairs of bytes); undefined for others. */
export function parseMac(text: string): string | undefined {
  const bytes =
    /^(?:[0-9a-f]{2}(?:([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4})|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})$/i.test(text);
  return bytes ? (text.toLowerCase().replace(/[:.-]/g, '').match(/../g) ?? []).join(':') : undefined;
}

/** Text as it stands, in the language of man pages (groff_man(7)). */
export function escaped(text: string): string {
  return (
    text
      .replaceAll('\\', '\\e')
      .replaceAll('-', '\\-')
      // A long word without a space, as a list of settings is, may break after its commas.
      .replace(/\S{40,}/g, (word) => word.replaceAll(',', ',\\:'))
      .replace(/^(?=[.'])/gm, '\\&')
  );
}

/** A word in bold: to be typed as it is. */
export const bold = (word: string): string => `\\fB${escaped(word)}\\fR`;

/** A word in italics: to be replaced. */
export const italic = (word: string): string => `\\fI${escaped(word)}\\fR`;

/** A section with its heading; one with nothing in it is left out. */
export function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`.SH ${title}`, ...lines];
}

/** A term, and below it what it means. */
export const item = (term: string, meaning: string): string[] => ['.TP', term, escaped(meaning)];

/** Lines that are not to be filled: what somebody types. */
export const example = (line: string): string[] => ['.nf', bold(line), '.fi'];

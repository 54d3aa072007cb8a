const minimumColumns = 10;
const gapColumns = 3;

/**
 * Lays out lines of tab-separated cells: each column as wide as its widest cell and three more, ten at least, as
 * docker's tables are. The last cell of a line is not padded.
 */
export function alignColumns(lines: readonly string[], options: { minimum?: number } = {}): string {
  const rows = lines.map((line) => line.split('\t'));
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? options.minimum ?? minimumColumns, [...cell].length + gapColumns);
    });
  }
  return rows
    .map((row) =>
      row.map((cell, index) => (index === row.length - 1 ? cell : padTo(cell, widths[index] ?? 0))).join(''),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** Pads by characters and not by UTF-16 units. */
function padTo(cell: string, columns: number): string {
  return cell + ' '.repeat(Math.max(0, columns - [...cell].length));
}

/** At most `length` characters, with an ellipsis in the place of the last when something is cut. */
export function ellipsis(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

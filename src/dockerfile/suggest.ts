/** A word is taken for another one that was mistyped when fewer single-character edits than this lie between them. */
const tooFar = 3;

function distance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    for (let column = 1; column <= other.length; column++) {
      const cost = one[row - 1] === other[column - 1] ? 0 : 1;
      const above = previous[column] ?? 0;
      const left = current[column - 1] ?? 0;
      current.push(Math.min(above + 1, left + 1, (previous[column - 1] ?? 0) + cost));
    }
    previous = current;
  }
  return previous[other.length] ?? 0;
}

/**
 * The option that was most likely meant by a word that is none of them; undefined when none is near. Where case
 * does not matter, it is in lower case unless the word is in capitals.
 */
export function nearest(word: string, options: Iterable<string>, isCaseSensitive: boolean): string | undefined {
  const fold = (text: string): string => (isCaseSensitive ? text : text.toLowerCase());
  const wanted = fold(word);
  let best: string | undefined;
  let least = tooFar;
  for (const option of options) {
    if (option === word) return undefined;
    if (Math.abs(option.length - word.length) >= least) continue;
    const far = distance(wanted, fold(option));
    if (far < least) [best, least] = [option, far];
  }
  return best !== undefined && !isCaseSensitive && word !== word.toUpperCase() ? fold(best) : best;
}

/** ` (did you mean X?)`, or nothing when no option is near. */
export function didYouMean(word: string, options: Iterable<string>, isCaseSensitive: boolean): string {
  const meant = nearest(word, options, isCaseSensitive);
  return meant === undefined ? '' : ` (did you mean ${meant}?)`;
}

/**
 * Where two lists of words differ. Pure.
 *
 * @typedef {object} Change
 * @property {number} at      place in the old list
 * @property {number} removed so many words go there
 * @property {number} to      place in the new list
 * @property {number} added   so many words come there
 */

/**
 * @param {string[]} before
 * @param {string[]} after
 * @returns {Change[]} in order, with words between them that stay
 */
export function changes(before, after) {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  if (start === before.length && start === after.length) return [];
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const rows = before.slice(start, before.length - end);
  const columns = after.slice(start, after.length - end);
  const common = commonFrom(rows, columns);
  /** @type {Change[]} */
  const found = [];
  let [row, column] = [0, 0];
  while (row < rows.length || column < columns.length) {
    if (rows[row] === columns[column]) {
      row++;
      column++;
      continue;
    }
    const change = { at: start + row, removed: 0, to: start + column, added: 0 };
    while (row < rows.length || column < columns.length) {
      if (row < rows.length && rows[row] === columns[column]) break;
      if (column === columns.length || common[row + 1]?.[column] >= common[row][column + 1]) {
        change.removed++;
        row++;
      } else {
        change.added++;
        column++;
      }
    }
    found.push(change);
  }
  return found;
}

/**
 * Where a place between words of the old list is in the new one. Nothing that is new is before it, but for
 * what replaces words that were.
 *
 * @param {number} place
 * @param {Change[]} found
 */
export function placeAfter(place, found) {
  let moved = place;
  for (const { at, removed, to, added } of found) {
    if (at < place && at + removed <= place) moved = place - at - removed + to + added;
    else if (at < place) moved = to + Math.min(added, place - at);
  }
  return moved;
}

/**
 * How many words two lists have in common, in order, from each pair of places on.
 *
 * @param {string[]} rows
 * @param {string[]} columns
 */
function commonFrom(rows, columns) {
  const common = Array.from({ length: rows.length + 1 }, () => new Array(columns.length + 1).fill(0));
  for (let row = rows.length - 1; row >= 0; row--) {
    for (let column = columns.length - 1; column >= 0; column--) {
      common[row][column] =
        rows[row] === columns[column]
          ? common[row + 1][column + 1] + 1
          : Math.max(common[row + 1][column], common[row][column + 1]);
    }
  }
  return common;
}

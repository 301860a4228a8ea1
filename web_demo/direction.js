/** Which way a text is read. Pure. */

const LETTER = /\p{L}/u;
const FROM_THE_RIGHT =
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;

/**
 * As `dir="auto"` has it: its first letter decides.
 *
 * @param {string} text
 * @returns {"ltr" | "rtl" | ""} empty where nothing decides
 */
export function writingDirection(text) {
  const letter = LETTER.exec(text)?.[0];
  if (letter === undefined) return "";
  return FROM_THE_RIGHT.test(letter) ? "rtl" : "ltr";
}

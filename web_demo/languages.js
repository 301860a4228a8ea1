/**
 * The languages on offer, by name. Which of them the model can do is the server's to say: it refuses
 * the others with a sentence.
 */

/** The most spoken ones among those that Whisper models know, and their neighbours. */
// biome-ignore format: a table
const CODES = [
  "ar", "bn", "bg", "ca", "zh", "hr", "cs", "da", "nl", "en", "et", "fi", "fr", "de", "el", "he",
  "hi", "hu", "id", "it", "ja", "ko", "lv", "lt", "ms", "no", "fa", "pl", "pt", "ro", "ru", "sr",
  "sk", "sl", "es", "sw", "sv", "ta", "th", "tr", "uk", "ur", "vi",
];

/** @param {HTMLSelectElement} select already has "auto" */
export function addLanguages(select) {
  const english = new Intl.DisplayNames(["en"], { type: "language" });
  const named = CODES.map((code) => ({ code, name: english.of(code) ?? code }));
  named.sort((a, b) => a.name.localeCompare(b.name, "en"));
  for (const { code, name } of named) {
    const own = new Intl.DisplayNames([code], { type: "language" }).of(code);
    const label = !own || own.toLowerCase() === name.toLowerCase() ? name : `${name} – ${own}`;
    select.add(new Option(label, code));
  }
}

/** Puts text on the clipboard. */

import { say } from "./words.js";

/**
 * @param {string} text
 * @returns {Promise<boolean>} whether it is there
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // pages without a secure origin have no clipboard of their own
  }
}

/** @param {string} text */
function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "unseen";
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  (focused?.closest("dialog") ?? document.body).append(area); // a dialog lets nothing else be selected
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return copied;
}

/**
 * A button that copies, and says for a while that it did.
 *
 * @param {HTMLElement} button
 * @param {() => string} text
 * @param {(sentence: string) => void} announce to assistive technology
 */
export function addCopy(button, text, announce) {
  button.addEventListener("click", async () => {
    const copied = await copy(text());
    button.dataset.copied = copied ? "yes" : "no";
    announce(say(copied ? "copy.done" : "copy.refused"));
    setTimeout(() => delete button.dataset.copied, 2000);
  });
}

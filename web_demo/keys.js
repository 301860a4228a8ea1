/**
 * What keys mean to somebody who writes. Pure: no page.
 *
 * @typedef {Pick<KeyboardEvent, "isComposing" | "keyCode">} Composing
 * @typedef {Pick<KeyboardEvent, "code" | "altKey" | "ctrlKey">} Pressed
 */

/** The `keyCode` of keys that an input method takes for itself (W3C UI Events). */
const TAKEN_KEY_CODE = 229;

/** @param {string} platform as `navigator` has it */
export function isMac(platform) {
  return /^(?:Mac|iPhone|iPad)/.test(platform);
}

/**
 * Whether a key goes to an input method. In Safari the Enter that takes one of its proposals comes when
 * composing is over already.
 *
 * @param {Composing} event
 */
export function isForInputMethod({ isComposing, keyCode }) {
  return isComposing || keyCode === TAKEN_KEY_CODE;
}

/**
 * Whether a key asks to listen for a name: Alt+N, which on a Mac writes the tilde of "ñ". There it takes Ctrl,
 * too, with which elsewhere AltGr writes letters.
 *
 * @param {Pressed} event
 * @param {boolean} onMac
 */
export function isListenKey({ code, altKey, ctrlKey }, onMac) {
  return code === "KeyN" && altKey && ctrlKey === onMac;
}

/**
 * What the address of an overlay asks for. Pure, but for the names of colours, which the browser knows.
 * What is wrong or unknown is ignored: an overlay never shows an error in front of a picture.
 *
 * @typedef {object} OverlayOptions
 * @property {string} sizePx
 * @property {string} lines
 * @property {string} colour
 * @property {string} background  behind the text; the page itself is transparent
 * @property {string} font
 * @property {string} weight
 * @property {"start" | "left" | "center" | "right"} align `start`: where the language of a caption begins
 * @property {"start" | "center" | "end"} position
 * @property {string} widthPercent
 * @property {string} marginPx    around the captions
 * @property {string} shadowPx    width of a dark edge around the letters
 * @property {"plain" | "mark" | "hide"} unstable how words are shown that may still change
 * @property {number} fadeS       silence after which captions go; 0: they stay
 */

const HEX = /^(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/i;
const FAMILY = /^[\p{L}\p{N} _-]{1,60}$/u;

const ALIGN = { left: "left", centre: "center", center: "center", right: "right" };
const UNSTABLE = /** @type {const} */ ({ plain: "plain", mark: "mark", hide: "hide" });
const POSITION = { top: "start", centre: "center", center: "center", middle: "center", bottom: "end" };

/**
 * @param {URLSearchParams} query
 * @returns {OverlayOptions}
 */
export function overlayOptions(query) {
  const family = query.get("font") ?? "";
  return {
    sizePx: String(number(query, "size", 12, 300, 48)),
    lines: String(Math.round(number(query, "lines", 1, 10, 2))),
    colour: colour(query.get("colour") ?? query.get("color"), "#ffffff"),
    background: colour(query.get("background"), "#000000b8"),
    font: FAMILY.test(family) ? `"${family}"` : "system-ui",
    weight: String(Math.round(number(query, "weight", 100, 900, 500))),
    align: /** @type {OverlayOptions["align"]} */ (oneOf(query, "align", ALIGN, "start")),
    position: /** @type {OverlayOptions["position"]} */ (oneOf(query, "position", POSITION, "end")),
    widthPercent: String(number(query, "width", 10, 100, 80)),
    marginPx: String(number(query, "margin", 0, 500, 32)),
    shadowPx: String(number(query, "shadow", 0, 20, 0)),
    unstable: /** @type {OverlayOptions["unstable"]} */ (oneOf(query, "unstable", UNSTABLE, "plain")),
    fadeS: number(query, "fade", 0, 3600, 8),
  };
}

/**
 * @param {HTMLElement} root gets the options as custom properties for overlay.css
 * @param {OverlayOptions} options
 */
export function styleOverlay(root, options) {
  root.dataset.unstable = options.unstable;
  root.dataset.align = options.align;
  for (const [name, value] of Object.entries({
    size: `${options.sizePx}px`,
    lines: options.lines,
    colour: options.colour,
    background: options.background,
    font: `${options.font}, "Noto Sans", sans-serif`,
    weight: options.weight,
    align: options.align,
    side: { start: "start", left: "start", center: "center", right: "end" }[options.align],
    position: options.position,
    width: `${options.widthPercent}%`,
    margin: `${options.marginPx}px`,
    shadow: `${options.shadowPx}px`,
  })) {
    root.style.setProperty(`--${name}`, value);
  }
}

/**
 * @param {URLSearchParams} query
 * @param {string} name
 * @param {number} least
 * @param {number} most
 * @param {number} usual
 */
function number(query, name, least, most, usual) {
  const text = query.get(name) ?? "";
  const value = Number(text);
  return /^\d+(?:\.\d+)?$/.test(text) && value >= least && value <= most ? value : usual;
}

/**
 * @param {string | null} text `ffcc00`, with or without #, or a name
 * @param {string} usual
 */
function colour(text, usual) {
  const bare = (text ?? "").replace(/^#/, "");
  if (HEX.test(bare)) return `#${bare}`;
  return /^[a-z]+$/i.test(bare) && CSS.supports("color", bare) ? bare : usual;
}

/**
 * @param {URLSearchParams} query
 * @param {string} name
 * @param {Record<string, string>} values
 * @param {string} usual
 */
function oneOf(query, name, values, usual) {
  const text = query.get(name) ?? "";
  return Object.hasOwn(values, text) ? values[text] : usual;
}

/**
 * Finals as cues: lines that can be read, and when to show them. The same layout, with the same
 * integers, as in the server's `subtitles/cues.py`, which says why it is so.
 *
 * @typedef {object} Timed a finished caption
 * @property {string} text
 * @property {string} language a code such as "en", or empty
 * @property {number} startMs
 * @property {number} endMs
 * @property {{text: string, startMs: number, endMs: number}[]} [words] where their times are known
 *
 * @typedef {object} Layout
 * @property {number} width  columns of a line; full-width characters take two
 * @property {number} lines  on screen
 * @property {number} minMs  a shorter cue stays on into the silence after it, as far as that goes
 * @property {number} columnsPerS so does one that would have to be read faster than this
 * @property {number} maxMs  what is said in a longer time makes several cues
 * @property {number} gapMs  at least so long between two cues; none with roll-up
 * @property {"block" | "roll-up"} style
 *
 * @typedef {object} Cue
 * @property {number} startMs
 * @property {number} endMs
 * @property {string[]} lines
 *
 * @typedef {object} Unit what stays whole
 * @property {string} text
 * @property {number} width
 * @property {number} startMs
 * @property {number} endMs
 * @property {number} cost of a break after it
 *
 * @typedef {{breaks: number[], cost: number}} Way where the lines of a cue end, and what they cost
 */

import { breakCost, textUnits, textWidth } from "./breaks.js";
import { BOUND, CLAUSE, SENTENCE } from "./tables.js";

/** @type {Layout} */
export const LAYOUT = {
  width: 42,
  lines: 2,
  minMs: 1000,
  columnsPerS: 20,
  maxMs: 7000,
  gapMs: 80,
  style: "block",
};

/** Silence over which no cue reaches. */
export const APART_MS = 1000;
const PAUSE_MS = 300;
const FLICKER_MS = 500;
const CUE = 10;
const ORPHAN = 40;
const HASTE = 15;
const INNER_END = 8;

/**
 * The cues of a talk, in order and without overlap.
 *
 * @param {Timed[]} finals
 * @param {Layout} [layout]
 * @returns {Cue[]}
 */
export function layOut(finals, layout = LAYOUT) {
  const rolling = layout.style === "roll-up";
  const shown = rolling ? { ...layout, lines: 1 } : layout;
  const cues = passages(finals).flatMap((units) => {
    const spoken = cheapest(units, shown);
    return rolling ? rollUp(spoken, layout.lines) : spoken;
  });
  return onScreen(cues, layout);
}

// ---- from finals to units ----------------------------------------------------------------------

/**
 * The units of all finals, parted where nobody speaks for long.
 *
 * @param {Timed[]} finals
 */
function passages(finals) {
  /** @type {Unit[][]} */
  const found = [];
  for (const final of finals) {
    const units = timedUnits(final);
    const last = found.at(-1)?.at(-1);
    if (last && units.length) join(last, units[0], final.language);
    for (const unit of units) {
      const passage = found.at(-1);
      if (passage && unit.startMs - passage[passage.length - 1].endMs < APART_MS) passage.push(unit);
      else found.push([unit]);
    }
  }
  return found;
}

/**
 * Make the last unit of a final and the first of the next one parts of one text.
 *
 * @param {Unit} last
 * @param {Unit} first
 * @param {string} language
 */
function join(last, first, language) {
  if (startsNewWord(last.text, first.text)) {
    first.text = ` ${first.text}`;
    first.width += 1;
  }
  last.cost = costAfter(last, first, language);
}

/**
 * Whether two texts need a space between them, so as not to become one word.
 *
 * @param {string} before
 * @param {string} after
 */
export function startsNewWord(before, after) {
  const seam = /** @type {string} */ ([...before].at(-1)) + [...after][0];
  return textUnits(seam).length === 1;
}

/**
 * The units of one final: with the times of its words, or in proportion to the characters.
 *
 * @param {Timed} final
 */
function timedUnits({ text, language, startMs, endMs, words }) {
  const texts = textUnits(text.trim().split(/\s+/u).join(" "));
  const clock = new Clock(words?.length ? words : [{ text: texts.join(""), startMs, endMs }]);
  let seen = 0;
  let nowMs = startMs;
  /** @type {Unit[]} */
  const units = texts.map((unit) => {
    const size = characters(unit);
    const startsMs = Math.min(Math.max(clock.startsMs(seen), nowMs), endMs);
    nowMs = Math.min(Math.max(clock.endsMs(seen + size), startsMs), endMs);
    seen += size;
    return { text: unit, width: textWidth(unit), startMs: startsMs, endMs: nowMs, cost: SENTENCE };
  });
  units.slice(1).forEach((after, at) => {
    units[at].cost = costAfter(units[at], after, language);
  });
  return units;
}

/**
 * @param {Unit} before
 * @param {Unit} after
 * @param {string} language
 */
function costAfter(before, after, language) {
  const cost = breakCost(before.text, after.text, language);
  const paused = after.startMs - before.endMs >= PAUSE_MS;
  return paused && cost < BOUND ? Math.min(cost, CLAUSE) : cost;
}

/** When a character is said, by its place among those that are no space; even within a word. */
class Clock {
  /** @param {{text: string, startMs: number, endMs: number}[]} words */
  constructor(words) {
    let end = 0;
    this.words = words.map((word) => {
      const size = characters(word.text);
      end += size;
      return { ...word, size, end };
    });
  }

  /** @param {number} place */
  startsMs(place) {
    const word = this.words.find(({ end }) => place < end);
    return word ? within(word, place) : 0;
  }

  /** @param {number} place */
  endsMs(place) {
    const word = this.words.find(({ end }) => place <= end) ?? this.words[this.words.length - 1];
    return within(word, Math.min(place, word.end));
  }
}

/**
 * @param {{startMs: number, endMs: number, size: number, end: number}} word
 * @param {number} place
 */
function within({ startMs, endMs, size, end }, place) {
  return startMs + Math.floor(((endMs - startMs) * (place - (end - size))) / (size || 1));
}

/** @param {string} text */
function characters(text) {
  return [...text.replace(/\s/gu, "")].length;
}

// ---- from units to cues ------------------------------------------------------------------------

/**
 * The cheapest cues of a passage, each as long as it is spoken.
 *
 * @param {Unit[]} units
 * @param {Layout} layout
 */
function cheapest(units, layout) {
  const linesFrom = units.map((_, at) => lineEnds(units, at, layout.width));
  const columns = [0];
  for (const unit of units) columns.push(columns[columns.length - 1] + unit.width);
  const best = new Array(units.length + 1).fill(0); // cost of everything from a unit on
  /** @type {number[][]} where the lines of a cue end, by where it begins */
  const chosen = [];
  for (let start = units.length - 1; start >= 0; start--) {
    best[start] = Infinity;
    for (const { breaks, cost } of lineBreaks(units, linesFrom, start, layout)) {
      const end = breaks[breaks.length - 1];
      const neededMs = readingMs(columns[end] - columns[start], layout);
      const total = cost + cueCost(units, start, end, neededMs) + best[end];
      if (total < best[start]) {
        best[start] = total;
        chosen[start] = breaks;
      }
    }
  }
  /** @type {Cue[]} */
  const cues = [];
  for (let start = 0; start < units.length; ) {
    let from = start;
    const lines = chosen[start].map((to) => {
      const line = units
        .slice(from, to)
        .map(({ text }) => text)
        .join("")
        .trim();
      from = to;
      return line;
    });
    cues.push({ startMs: units[start].startMs, endMs: units[from - 1].endMs, lines });
    start = from;
  }
  return cues;
}

/**
 * Each way to end a cue that begins at `start`; for each end the cheapest with each number of lines.
 *
 * @param {Unit[]} units
 * @param {[number, number][][]} linesFrom
 * @param {number} start
 * @param {Layout} layout
 */
function lineBreaks(units, linesFrom, start, layout) {
  const latestMs = units[start].startMs + layout.maxMs;
  /** @type {Map<number, Way>} */
  let ways = new Map([[start, { breaks: [], cost: 0 }]]);
  /** @type {Way[]} */
  const found = [];
  for (let line = 0; line < layout.lines; line++) {
    /** @type {Map<number, Way>} */
    const longer = new Map();
    for (const [at, { breaks, cost: spent }] of ways) {
      if (at === units.length) continue;
      const innerBreak = breaks.length ? innerBreakCost(units[at - 1]) : 0;
      for (const [end, lineCost] of linesFrom[at]) {
        if (units[end - 1].endMs > latestMs && end > start + 1) break;
        const cost = lineCost + spent + innerBreak;
        if (cost < (longer.get(end)?.cost ?? Infinity)) {
          longer.set(end, { breaks: [...breaks, end], cost });
        }
      }
    }
    found.push(...longer.values());
    ways = longer;
  }
  return found;
}

/**
 * Where a line that begins at `start` may end, and what it costs; a longer unit stands alone.
 *
 * @param {Unit[]} units
 * @param {number} start
 * @param {number} width
 */
function lineEnds(units, start, width) {
  /** @type {[number, number][]} */
  const found = [];
  let used = units[start].text.startsWith(" ") ? -1 : 0;
  let inner = 0;
  for (let end = start + 1; end <= units.length; end++) {
    const unit = units[end - 1];
    used += unit.width;
    if (used > width && found.length) break;
    const slack = Math.floor((Math.max(width - used, 0) * 100) / width);
    found.push([end, Math.floor((slack * slack) / 500) + inner]);
    if (unit.cost === SENTENCE) inner += 2 * INNER_END;
  }
  return found;
}

/** @param {Unit} unit the last one of a line that is not the last one of its cue */
function innerBreakCost(unit) {
  return unit.cost === SENTENCE ? INNER_END : Math.floor(unit.cost / 2);
}

/**
 * @param {Unit[]} units
 * @param {number} start
 * @param {number} end
 * @param {number} neededMs
 */
function cueCost(units, start, end, neededMs) {
  let cost = CUE + units[end - 1].cost;
  if (end === start + 1 && units.length > 1) cost += ORPHAN;
  if (end < units.length && units[end].startMs - units[start].startMs < neededMs) cost += HASTE;
  return cost;
}

/**
 * @param {number} columns
 * @param {Layout} layout
 */
function readingMs(columns, { minMs, columnsPerS }) {
  return Math.max(minMs, Math.floor((columns * 1000) / columnsPerS));
}

// ---- from cues to the screen -------------------------------------------------------------------

/**
 * Cues of one line each -> each with the lines before it, on screen until the next one comes.
 *
 * @param {Cue[]} cues
 * @param {number} lines
 */
function rollUp(cues, lines) {
  return cues.map(({ startMs, endMs }, at) => ({
    startMs,
    endMs: at + 1 < cues.length ? cues[at + 1].startMs : endMs,
    lines: cues.slice(Math.max(at + 1 - lines, 0), at + 1).map((shown) => shown.lines[0]),
  }));
}

/**
 * Cues as long as they are shown: until they can be read, where the next one leaves the time.
 *
 * @param {Cue[]} cues
 * @param {Layout} layout
 */
function onScreen(cues, layout) {
  const rolling = layout.style === "roll-up";
  const gapMs = rolling ? 0 : layout.gapMs;
  let freeMs = 0;
  return cues.map((cue, at) => {
    const startMs = Math.max(cue.startMs, freeMs);
    const fresh = rolling ? cue.lines.slice(-1) : cue.lines;
    const columns = fresh.reduce((sum, line) => sum + textWidth(line), 0);
    let endMs = Math.max(cue.endMs, startMs + readingMs(columns, layout));
    if (at + 1 < cues.length) {
      const latestMs = cues[at + 1].startMs - gapMs;
      if (latestMs - endMs < FLICKER_MS) endMs = latestMs;
    }
    freeMs = Math.max(endMs, startMs + 1); // where two begin at once, the second waits
    return { ...cue, startMs, endMs: freeMs };
  });
}

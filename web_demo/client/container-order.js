/**
 * The order of a recording's bytes, as far as it matters to who sends them from the first to the last.
 *
 * @typedef {object} Ordered
 * @property {Blob} blob       the recording as it is to be sent
 * @property {number} headBytes before the first sound: tags, pictures, an index
 */

/** An index over this is left where it is: it has to be rewritten in memory. */
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
/** Boxes or blocks that are looked at before a recording is taken as it is. */
const MAX_PARTS = 1000;
/** With these QuickTime and MP4 may begin (ISO/IEC 14496-12, 4.3; QuickTime File Format). */
const FIRST_BOXES = new Set(["ftyp", "styp", "wide", "free", "skip", "pnot", "mdat", "moov"]);
/** Boxes on the way from the index to the places of its samples. */
const INDEX_BOXES = new Set(["moov", "trak", "mdia", "minf", "stbl"]);

/**
 * @typedef {object} Box
 * @property {string} type
 * @property {number} start
 * @property {number} head  bytes of its header
 * @property {number} end
 */

/**
 * A recording whose index comes last is given with its index first: what has it last makes sense only when
 * all of it is there.
 *
 * @param {Blob} blob
 * @returns {Promise<Ordered>}
 */
export async function orderContainer(blob) {
  const first = await bytesOf(blob, 0, 16);
  if (text(first, 0, 3) === "ID3")
    return { blob, headBytes: Math.min(blob.size, 10 + syncsafe(first, 6)) };
  if (text(first, 0, 4) === "fLaC") return { blob, headBytes: await flacHead(blob) };
  if (FIRST_BOXES.has(text(first, 4, 4))) return orderBoxes(blob);
  return { blob, headBytes: 0 };
}

/** @param {Blob} blob */
async function flacHead(blob) {
  let position = 4;
  for (let block = 0; block < MAX_PARTS; block++) {
    const header = await bytesOf(blob, position, 4);
    if (header.length < 4) return 0;
    position += 4 + (header[1] << 16) + (header[2] << 8) + header[3];
    if (header[0] & 0x80) return Math.min(position, blob.size);
  }
  return 0;
}

/**
 * @param {Blob} blob
 * @returns {Promise<Ordered>}
 */
async function orderBoxes(blob) {
  const boxes = await boxesOf(blob);
  const media = boxes.find(isMedia);
  const index = boxes.find(isIndex);
  if (!media || !index) return { blob, headBytes: 0 };
  if (index.start < media.start) return { blob, headBytes: media.start };
  const bytes = index.end - index.start;
  if (bytes > MAX_INDEX_BYTES) return { blob, headBytes: 0 };
  const at = boxes[0].type === "ftyp" ? boxes[0].end : 0;
  const moved = await bytesOf(blob, index.start, bytes);
  if (!moveOffsets(moved, at, index.start)) return { blob, headBytes: 0 };
  const parts = [blob.slice(0, at), moved, blob.slice(at, index.start), blob.slice(index.end)];
  return { blob: new Blob(parts), headBytes: media.start + bytes };
}

/** @param {Box} box */
function isMedia({ type }) {
  return type === "mdat" || type === "moof";
}

/** @param {Box} box */
function isIndex({ type }) {
  return type === "moov";
}

/**
 * The outermost boxes, until there are both media and an index.
 *
 * @param {Blob} blob
 */
async function boxesOf(blob) {
  /** @type {Box[]} */
  const boxes = [];
  let start = 0;
  while (start < blob.size && boxes.length < MAX_PARTS) {
    if (boxes.some(isMedia) && boxes.some(isIndex)) break;
    const box = boxAt(await bytesOf(blob, start, 16), 0, start, blob.size);
    if (!box) break;
    boxes.push(box);
    start = box.end;
  }
  return boxes;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at     where the box begins in them
 * @param {number} start  where it begins in the whole
 * @param {number} limit  where the whole ends
 * @returns {Box | null}  null for what is none
 */
function boxAt(bytes, at, start, limit) {
  if (bytes.length < at + 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = text(bytes, at + 4, 4);
  const size = view.getUint32(at);
  if (size === 0) return { type, start, head: 8, end: limit };
  if (size !== 1)
    return size < 8 || start + size > limit ? null : { type, start, head: 8, end: start + size };
  if (bytes.length < at + 16) return null;
  const end = start + Number(view.getBigUint64(at + 8));
  return end < start + 16 || end > limit ? null : { type, start, head: 16, end };
}

/**
 * Rewrite the places of samples in an index that moves.
 *
 * @param {Uint8Array} index
 * @param {number} to    where it is put: what was from there on to `from` moves back by its length
 * @param {number} from  where it was
 * @returns {boolean} false where that cannot be done
 */
function moveOffsets(index, to, from) {
  const view = new DataView(index.buffer, index.byteOffset, index.byteLength);
  const moved = (/** @type {number} */ place) =>
    place >= to && place < from ? place + index.length : place;
  /** @type {[number, number][]} */
  const ranges = [[0, index.length]];
  for (let range = ranges.pop(); range; range = ranges.pop()) {
    let [start, end] = range;
    while (start < end) {
      const box = boxAt(index, start, start, end);
      if (!box) break;
      if (INDEX_BOXES.has(box.type)) ranges.push([box.start + box.head, box.end]);
      if (box.type === "stco" || box.type === "co64") {
        const width = box.type === "stco" ? 4 : 8;
        const first = box.start + box.head + 8; // behind version, flags and count
        if (first > box.end) return false;
        const count = view.getUint32(first - 4);
        if (first + count * width > box.end) return false;
        for (let i = 0; i < count; i++) {
          const at = first + i * width;
          if (width === 8) {
            view.setBigUint64(at, BigInt(moved(Number(view.getBigUint64(at)))));
          } else {
            const place = moved(view.getUint32(at));
            if (place > 0xffff_ffff) return false;
            view.setUint32(at, place);
          }
        }
      }
      start = box.end;
    }
  }
  return true;
}

/**
 * @param {Blob} blob
 * @param {number} start
 * @param {number} length
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function bytesOf(blob, start, length) {
  return new Uint8Array(await blob.slice(start, start + length).arrayBuffer());
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {number} length
 */
function text(bytes, at, length) {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

/**
 * A number of 28 bits in four bytes (ID3v2, 6.2).
 *
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function syncsafe(bytes, at) {
  return bytes.subarray(at, at + 4).reduce((sum, byte) => sum * 128 + (byte & 0x7f), 0);
}

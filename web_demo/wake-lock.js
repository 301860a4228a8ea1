/** Keeps the screen on while captions run: a phone that falls asleep stops its microphone. */

/** @type {WakeLockSentinel | null} */
let lock = null;
let wanted = false;

/** @param {boolean} on */
export async function keepScreenOn(on) {
  wanted = on;
  if (!on) {
    const held = lock;
    lock = null;
    await held?.release();
    return;
  }
  // Refused on low battery or in a hidden page: captions work all the same.
  const granted = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  if (wanted && (!lock || lock.released)) lock = granted;
  else await granted?.release(); // meanwhile it is not wanted any more, or there is one
}

// The browser takes the lock away when the page is hidden.
document.addEventListener("visibilitychange", () => {
  if (wanted && document.visibilityState === "visible") void keepScreenOn(true);
});

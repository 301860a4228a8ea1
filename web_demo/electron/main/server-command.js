/** How to start the caption server, in an application that is being written and in one that is shipped. */

import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * The Python that has Surtitle: named by SURTITLE_PYTHON, shipped beside the application (in
 * `python/` of its resources), or that of the checkout.
 *
 * @param {{folder: string, resources: string, environment: Record<string, string | undefined>, platform: string}} places
 *   folder: that of this application
 * @returns {string[]}
 */
export function serverCommand({ folder, resources, environment, platform }) {
  const windows = platform === "win32";
  const shipped = join(resources, "python", ...(windows ? ["python.exe"] : ["bin", "python3"]));
  const own = join(folder, "../../.venv", windows ? "Scripts/python.exe" : "bin/python");
  const python = environment.SURTITLE_PYTHON || (existsSync(shipped) ? shipped : own);
  return [python, "-m", "surtitle", "serve"];
}

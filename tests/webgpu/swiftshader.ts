/** A Vulkan driver that needs no GPU: Chromium's SwiftShader, from the folder of an installed browser. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Where Debian's Chromium, Fedora's and Google's Chrome lie. */
const FOLDERS = ["/usr/lib/chromium", "/usr/lib64/chromium-browser", "/opt/google/chrome"];
const DRIVER = "libvk_swiftshader.so";
const MANIFEST = "vk_swiftshader_icd.json";
/** Loads the driver, and comes with the browser. */
const LOADER = "libvulkan.so.1";

export type SwiftShader =
  /** `env` is for a process that is to draw on it. */
  | { readonly found: true; readonly env: Readonly<Record<string, string>> }
  /** `missing` is a sentence. */
  | { readonly found: false; readonly missing: string };

export function findSwiftShader(): SwiftShader {
  const names = [DRIVER, MANIFEST, LOADER];
  const folder = FOLDERS.find((folder) => names.every((name) => existsSync(join(folder, name))));
  if (folder) {
    const env = { VK_ICD_FILENAMES: join(folder, MANIFEST), LD_LIBRARY_PATH: folder };
    return { found: true, env };
  }
  const [last] = names.splice(-1);
  const missing = `WebGPU is not tested: ${names.join(", ")} and ${last} must lie in one of ` +
    `${FOLDERS.join(", ")}, where Chromium brings them`;
  return { found: false, missing };
}

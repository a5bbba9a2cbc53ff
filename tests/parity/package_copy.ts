/** A family's package with other files laid over it, in a folder of its own that goes away again. */
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { FIXTURES, type GoldenVariant } from "./goldens.ts";

export interface PackageChange {
  readonly variant?: GoldenVariant;
  change?(folder: string): Promise<unknown>;
}

/** @param use gets the copy's models folder, in which it lies as `package` */
export async function withPackageCopy(
  family: string,
  { variant, change }: PackageChange,
  use: (modelsDir: string) => Promise<void>,
): Promise<void> {
  const modelsDir = await mkdtemp(join(tmpdir(), "shapefirst-parity-"));
  const folder = join(modelsDir, "package");
  try {
    await cp(join(FIXTURES, family, "package"), folder, { recursive: true });
    for (const path of variant?.removes ?? []) await rm(join(folder, path));
    for (const path of variant?.files ?? []) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await cp(join(FIXTURES, family, "variants", variant?.name ?? "", path), join(folder, path));
    }
    await change?.(folder);
    await use(modelsDir);
  } finally {
    await rm(modelsDir, { recursive: true });
  }
}

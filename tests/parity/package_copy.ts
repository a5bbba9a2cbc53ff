/** A copy of a family's package with some files replaced, in a temporary folder. */
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { FIXTURES, type GoldenVariant } from "./goldens.ts";

export interface PackageChange {
  readonly variant?: GoldenVariant;
  change?(folder: string): Promise<unknown>;
}

/** @param use gets the models folder in which the copy lies as `package` */
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

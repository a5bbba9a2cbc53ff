"""Makes tests/parity/fixtures anew, or checks that it would come out the same."""

import argparse
import sys
import tempfile
from pathlib import Path

import torch
from diffusers.utils import logging as diffusers_logging
from tqdm import tqdm
from transformers.utils import logging as transformers_logging

from family_fixture import family_cases, write_family
from fixture_comparison import differences
from package_folder import drafting
from small_pipeline import FAMILIES, build

FIXTURES = Path(__file__).resolve().parents[3] / "tests/parity/fixtures"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true",
                        help="write nothing; compare with what is there and fail if it differs")
    parser.add_argument("--family", action="append", choices=[*FAMILIES],
                        help="only this one; may be given more than once (default: all)")
    parser.add_argument("--fixtures", type=Path, default=FIXTURES, help="folder (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1,
                        help="of PyTorch; the graphs are too small for more than the default, 1")
    return parser.parse_args(arguments)


def make(families: list[str], root: Path) -> None:
    total = sum(2 + len(family_cases(build(family))) for family in families)
    with tqdm(total=total, unit="run") as bar:
        for family in families:
            def progress(what: str, family: str = family) -> None:
                bar.set_description(f"{family} {what}")
                bar.update()

            with drafting(root / family, replace=True) as draft:
                write_family(family, draft, progress)


def check(families: list[str], fixtures: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        make(families, Path(folder))
        return [f"{family}/{difference}" for family in families
                for difference in differences(fixtures / family, Path(folder) / family)]


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    # libraries warn of what the small pipelines do on purpose
    diffusers_logging.set_verbosity_error()
    transformers_logging.set_verbosity_error()
    families = options.family or [*FAMILIES]
    if not options.check:
        make(families, options.fixtures)
        return 0
    found = check(families, options.fixtures)
    for difference in found:
        print(difference, file=sys.stderr)
    print(f"{len(families)} families made again, {len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Does every bad input, prints the table of what was said, and writes docs/bad-inputs.md.

python -m tests.bad_inputs [NUMBER …] does some of them and writes nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.bad_inputs.catalogue import PAGE, all_rows, missing_numbers, page
from tests.bad_inputs.row import BadInput


def show(row: BadInput) -> bool:
    """Do one, print its line of the table, and say whether it was as expected."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="labtui-bad-") as folder:
        try:
            seen = row.check(Path(folder))
        except Exception as error:  # shown, and the others go on
            print(f"{row.number:>3}  {row.what}\n     NOT AS EXPECTED: {error}", flush=True)
            return False
    code = "–" if seen.code is None else seen.code
    took = f"{time.monotonic() - began:.1f} s"
    print(f"{row.number:>3}  {row.what}  [exit {code}, lab {seen.lab}, {took}]")
    print("".join(f"     {line}\n" for line in seen.message.splitlines()), end="", flush=True)
    return True


def main(numbers: list[int]) -> int:
    """Do them all, or those numbered; 1 where something was said that was not expected."""
    rows = [row for row in all_rows() if not numbers or row.number in numbers]
    wrong = sum(not show(row) for row in rows)
    print(f"\n{len(rows)} inputs, {len(rows) - wrong} answered as expected")
    if numbers:
        return int(wrong > 0)
    missing = missing_numbers()
    if missing:
        print(f"without a row: {', '.join(map(str, missing))}")
    PAGE.write_text(page(), "utf-8")
    return int(wrong > 0 or missing != [])


if __name__ == "__main__":
    sys.exit(main([int(argument) for argument in sys.argv[1:]]))

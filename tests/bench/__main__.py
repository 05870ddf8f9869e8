"""`python -m tests.bench [ROW…] [--json FILE]`: runs the benchmarks and prints one table.

With `PLUGDECK_APP` naming the command line of a frozen app there is one row more, `start_frozen`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from tests.bench.report import Bar, Line, machine, table

ROWS = {
    "latency": "jobs",
    "latency_window": "busy",
    "burst": "jobs",
    "real": "model",
    "careful": "careful",
    "prefetch": "careful",
    "decode": "model",
    "postprocess": "model",
    "masks": "masks",
    "start": "window",
    "memory": "window",
    "cpu_idle": "busy",
    "gui_thread": "busy",
    "overlay": "asset",
    "first_picture": "asset",
    "growth": "jobs",
    "growth_memory": "jobs",
    "history": "past",
    "replicas": "replicas",
}
"""Row → module of this package that holds the function of that name."""

MISSING: tuple[Line, ...] = ()
"""What issue 6 asks for and cannot be measured here; it stays in the table until it is."""

if "PLUGDECK_APP" in os.environ:
    ROWS["start_frozen"] = "frozen"
else:
    MISSING += (Line("start_frozen", "start of the frozen app", "bare frozen QMainWindow", "s", Bar(2.0)),)


def main() -> int:
    """Runs what is asked for; returns 1 if a bar was missed or a row failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of: {', '.join(ROWS)}; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    options = parser.parse_args()
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    before = machine()
    lines: list[Line] = []
    failed = False
    for row in options.rows or ROWS:
        print(f"{row} …", file=sys.stderr, flush=True)
        measure: Callable[[], list[Line]] = getattr(import_module(f"tests.bench.{ROWS[row]}"), row)
        try:
            lines += measure()
        except (RuntimeError, OSError) as error:
            failed = True
            print(f"{row} could not be measured: {error}", file=sys.stderr)
            lines.append(Line(row, row, "", "", Bar(1.0), note=f"could not be measured: {str(error)[:120]}"))
    if not options.rows:
        lines += MISSING
    print(table(lines))
    after = machine()
    print(f"{after['system']}, {after['cores']} cores, Python {after['python']}, "
          f"load {before['load']} before and {after['load']} after")  # fmt: skip
    if options.json is not None:
        found = {"machine": {**after, "load_before": before["load"]}, "lines": [line.as_json() for line in lines]}
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    missed = any(line.pairs and not line.bar.met(line.ratio) for line in lines)
    return 1 if failed or missed else 0


if __name__ == "__main__":
    sys.exit(main())

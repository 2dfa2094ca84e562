"""Write what the program says to every hostile file anew, or the files themselves.

    python tests/hostile/write.py             tests/hostile/verdicts.json
    python tests/hostile/write.py DIR         every file, for other programs to be tried on

Every verdict was read by a person before it was checked in. A change in one is to be read as well: this writes whatever the program says.
"""

from __future__ import annotations

import sys
from pathlib import Path

HOME = Path(__file__).parents[2]
sys.path[:0] = [str(HOME), *(str(HOME / "tests" / name) for name in ("support", "hostile"))]

from pack import every  # noqa: E402 - found in the folders above
from reading import write_verdicts  # noqa: E402 - as above

if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True)
        for hostile in every():
            hostile.put(Path(sys.argv[1]))
    else:
        write_verdicts()

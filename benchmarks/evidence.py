"""How fast the tree over the record grows, and how long a proof takes among a million records.

python benchmarks/evidence.py [RECORDS]
"""

import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from courtyard.storage import StoredTree, tree

_RECORD = b"x" * 400
_PROOFS = 2_000


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with TemporaryDirectory() as directory:
        stored = StoredTree(Path(directory))
        began = perf_counter()
        for _ in range(size):
            stored.append(_RECORD)
        appended = perf_counter()
        stored.keep()
        kept = perf_counter()
        stored.close()
        print(f"appended: {size / (appended - began):,.0f}/s; made durable in {kept - appended:.2f} s")
        stored, chance = StoredTree(Path(directory)), random.Random(1)
        places = [chance.randrange(size) for _ in range(_PROOFS)]
        for name, prove in (("inclusion", tree.inclusion), ("consistency", tree.consistency)):
            began = perf_counter()
            for place in places:
                prove(stored.node, size, place)
            print(f"{name}: {(perf_counter() - began) / _PROOFS * 1000:.3f} ms a proof among {size:,}")
        stored.close()


if __name__ == "__main__":
    main()

"""Large libraries, brought into memory before they are imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from blink16 import preloading
from blink16.monitor import asking

MAPS = Path("/proc/self/maps")
_LOADED = """
import sys
from blink16.monitor.asking import LIBRARIES
from blink16.preloading import preload
preload(*LIBRARIES, "no_such_package", "no_such_package.lib", "numpy.no_such_module", "json")
print(any("libarrow" in line for line in open("/proc/self/maps")))
print(sorted({"numpy", "pyarrow", "_duckdb"} & {*sys.modules}))
import duckdb, numpy, pyarrow.compute, pyarrow.parquet
print(duckdb.sql("select 42").fetchall(), numpy.arange(3).sum(), pyarrow.array([1]).to_pylist())
"""


@pytest.mark.skipif(not MAPS.exists(), reason="only Linux says there what is loaded")
def test_libraries_are_loaded_before_anything_of_them_is_imported() -> None:
    """Prevents an import that holds Python's lock for a quarter of a second, and one that fails or
    crashes since its library was there already.
    """
    done = subprocess.run(
        [sys.executable, "-c", _LOADED], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.splitlines() == ["True", "[]", "[(42,)] 3 [1]"]


def test_all_libraries_of_questions_are_found() -> None:
    """Prevents a name that nothing is loaded by, without a word."""
    for name in asking.LIBRARIES:
        assert len(list(preloading._files(name))) == 1, name

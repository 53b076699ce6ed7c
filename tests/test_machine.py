import os
from pathlib import Path

from courtyard import machine

GIB = 1 << 30


def _write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_of_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_this_machine_tells_what_is_free() -> None:
    """Real numbers of the machine that runs the test."""
    memory = machine.memory_available()

    assert memory is not None
    assert memory > 1_000_000
    assert machine.disk_free(Path("/nonexistent/below")) > 0


def test_without_control_groups_the_machine_counts(tmp_path: Path) -> None:
    """`MemAvailable`, not `MemFree`: the page cache gives way."""
    _write(tmp_path, proc__meminfo="MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable: 2048 kB\n")

    assert machine.memory_available(proc=tmp_path / "proc", cgroups=tmp_path / "none") == 2048 * 1024


def test_a_container_has_what_its_group_leaves(tmp_path: Path) -> None:
    """The tightest limit on the way up holds; file pages that nobody used lately count as free."""
    _write(
        tmp_path,
        proc__meminfo=f"MemAvailable: {8 * GIB // 1024} kB\n",
        proc__self__cgroup="0::/pod/box\n",
        cg__pod__box__memory_of_max="max\n",
        cg__pod__box__memory_of_current=f"{GIB}\n",
        cg__pod__memory_of_max=f"{3 * GIB}\n",
        cg__pod__memory_of_current=f"{2 * GIB}\n",
        cg__pod__memory_of_stat=f"anon 5\ninactive_file {GIB // 2}\n",
    )

    assert machine.memory_available(proc=tmp_path / "proc", cgroups=tmp_path / "cg") == GIB + GIB // 2


def test_version_one_of_control_groups_is_read_too(tmp_path: Path) -> None:
    """Its number for no limit is no limit."""
    _write(
        tmp_path,
        proc__meminfo=f"MemAvailable: {8 * GIB // 1024} kB\n",
        proc__self__cgroup="5:cpu:/x\n4:memory:/box\n",
        cg__memory__box__memory_of_limit_in_bytes=f"{2 * GIB}\n",
        cg__memory__box__memory_of_usage_in_bytes=f"{GIB}\n",
        cg__memory__memory_of_limit_in_bytes="9223372036854771712\n",
        cg__memory__memory_of_usage_in_bytes=f"{GIB}\n",
    )

    assert machine.memory_available(proc=tmp_path / "proc", cgroups=tmp_path / "cg") == GIB


def test_a_system_that_says_nothing_is_not_refused(tmp_path: Path) -> None:
    """Where nothing is known, nothing is claimed."""
    assert machine.memory_available(proc=tmp_path, cgroups=tmp_path) is None


def test_a_quota_counts_as_cores(tmp_path: Path) -> None:
    """A container with half a core has one, and more cores than the machine has it can't have."""
    here = len(os.sched_getaffinity(0))
    for quota, cores in (("50000 100000", 1), ("max 100000", here), ("99900000 100000", here)):
        _write(tmp_path, **{"cpu_of_max": f"{quota}\n"})

        assert machine.cores(cgroups=tmp_path) == cores


def test_a_process_takes_memory() -> None:
    """This one, and none that is not."""
    assert machine.memory_resident(os.getpid()) > 1_000_000
    assert machine.memory_resident(2**30) == 0


def test_sizes_are_written_as_people_read_them() -> None:
    """Megabytes, and gigabytes from the first one on."""
    assert machine.megabytes(98_362_432) == "98 MB"
    assert machine.megabytes(1_117_320_768) == "1.12 GB"

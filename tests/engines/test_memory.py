"""What the machine says of its memory and its cores."""

import os

from courtyard.engines.child import memory


def machine(tmp_path, **files):
    """A directory with files as the kernel writes them."""
    for name, content in files.items():
        (tmp_path / name.replace("__", ".")).write_text(content)
    return tmp_path


def test_the_least_of_machine_and_container_is_available(tmp_path):
    """Pages of files that nobody used lately can be had too."""
    proc = machine(tmp_path, meminfo="MemTotal: 9000 kB\nMemAvailable:    4000 kB\n")
    limits = machine(tmp_path, memory__max="3000000\n", memory__current="2500000\n", memory__stat="inactive_file 9\n")

    assert memory.available(proc=proc, cgroups=limits) == 500_009
    assert memory.available(proc=proc, cgroups=tmp_path / "none") == 4000 * 1024
    assert memory.available(proc=tmp_path / "none", cgroups=tmp_path / "none") is None


def test_no_limit_is_no_limit(tmp_path):
    """A container without a bound says `max`."""
    limits = machine(tmp_path, memory__max="max\n", memory__current="2500000\n")

    assert memory.available(proc=tmp_path / "none", cgroups=limits) is None


def test_a_quota_counts_as_cores(tmp_path):
    """A container with half a core has one, and more cores than the machine has it can't have."""
    assert memory.cores(cgroups=machine(tmp_path, cpu__max="50000 100000\n")) == 1
    assert memory.cores(cgroups=machine(tmp_path, cpu__max="max 100000\n")) == len(os.sched_getaffinity(0))
    assert memory.cores(cgroups=machine(tmp_path, cpu__max="99900000 100000\n")) == len(os.sched_getaffinity(0))


def test_a_process_takes_memory():
    """This one, and none that is not."""
    assert memory.resident(os.getpid()) > 1_000_000
    assert memory.resident(2**30) == 0

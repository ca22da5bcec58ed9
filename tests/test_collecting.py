"""Looking for unreachable objects: left alone meanwhile, and as before afterwards."""

import gc
import subprocess
import sys

import pytest

from gis_registry.collecting import not_collecting


@pytest.mark.parametrize("is_enabled", [True, False])
def test_afterwards_it_is_as_before_also_after_an_error(is_enabled: bool) -> None:
    was_enabled = gc.isenabled()
    (gc.enable if is_enabled else gc.disable)()
    try:
        with not_collecting():
            assert not gc.isenabled()
            with not_collecting():
                assert not gc.isenabled()
            assert not gc.isenabled()
        assert gc.isenabled() is is_enabled
        with pytest.raises(RuntimeError), not_collecting():
            raise RuntimeError
        assert gc.isenabled() is is_enabled
    finally:
        (gc.enable if was_enabled else gc.disable)()


def test_a_server_looks_seldom_and_never_at_what_was_there() -> None:
    program = (
        "import gc; from gis_registry.collecting import collect_seldom; collect_seldom(); "
        "print(gc.get_freeze_count() > 1000, gc.get_threshold()[0] > 700, gc.isenabled())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["True", "True", "True"]

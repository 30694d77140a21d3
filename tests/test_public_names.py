"""The names of `import mer_jax`: listed before they are imported, and each there."""

import subprocess
import sys

import mer_jax


def test_every_public_name_is_listed_and_there():
    shown = [name for name in dir(mer_jax) if not name.startswith("_")]
    assert shown == sorted(mer_jax.__all__)
    assert all(getattr(mer_jax, name) is not None for name in shown)


def test_the_protocols_are_what_is_listed_of_them():
    shown = set(dir(mer_jax.protocols))
    assert set(mer_jax.protocols.PROTOCOLS) < shown
    assert all(hasattr(mer_jax.protocols, name) for name in shown) and "np" not in shown


def test_listing_the_names_imports_nothing():
    code = "import sys, mer_jax; dir(mer_jax); print('jax' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"

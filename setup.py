"""Builds the Cython kernels in ext/; everything else is declared in pyproject.toml."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

ROOT = Path(__file__).parent
KERNELS = sorted(Path("ext").glob("*.pyx")) if Path("ext").is_dir() else []
HEADERS = sorted(str(p) for p in Path("ext").glob("*.h"))
if not KERNELS:
    # Without this a wheel built from an incomplete sdist would silently be pure Python.
    raise SystemExit(f"setup.py: no .pyx kernel found in {ROOT / 'ext'}; the source tree is incomplete")

setup(
    ext_modules=cythonize(
        # extra_compile_args because a CFLAGS in the environment replaces the default -O3.
        [Extension(f"rackprint.ext.{k.stem}", [str(k)], extra_compile_args=["-O3"], depends=HEADERS) for k in KERNELS],
        compiler_directives={"language_level": "3"},
        build_dir="build/cython",
    )
)

# SPDX-License-Identifier: Apache-2.0
"""What pyproject.toml cannot say: the library that ./build.sh build made goes into the package."""

import shutil
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

LIBRARY = Path(__file__).resolve().parents[2] / "build" / "libcothread.so.2"


class BuildWithLibrary(build_py):
    def run(self) -> None:
        super().run()
        if getattr(self, "editable_mode", False):
            return  # it finds the checkout's
        if not LIBRARY.exists():
            raise SystemExit(f"{LIBRARY} is missing: run ./build.sh build first")
        shutil.copyfile(LIBRARY, Path(self.build_lib, "cothread", "libcothread.so"))


class ForThisPlatform(Distribution):
    def has_ext_modules(self) -> bool:
        return True


setup(cmdclass={"build_py": BuildWithLibrary}, distclass=ForThisPlatform)

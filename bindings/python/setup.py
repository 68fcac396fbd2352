# SPDX-License-Identifier: Apache-2.0
"""What pyproject.toml cannot say: the library that ./build.sh build made goes into the package."""

import shutil
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

LIBRARY = Path(__file__).resolve().parents[2] / "build" / "libcothread.so.1"


class BuildWithLibrary(build_py):
    def run(self) -> None:
        super().run()
        # An editable install finds the checkout's; without one the system's loader must know where it is installed.
        if LIBRARY.exists() and not getattr(self, "editable_mode", False):
            shutil.copyfile(LIBRARY, Path(self.build_lib, "cothread", "libcothread.so"))


class ForThisPlatform(Distribution):
    def has_ext_modules(self) -> bool:
        return True


setup(cmdclass={"build_py": BuildWithLibrary}, distclass=ForThisPlatform)

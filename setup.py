"""Adds the dashboard's launcher, pages and theme to the wheel, as `obs_core/app`.

In a checkout they are at the top level, where `streamlit run streamlit_app.py` expects them; everything else about the
package is in pyproject.toml.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
APP = ("streamlit_app.py", ".streamlit/config.toml", "pages/*.py")


class BuildWithApp(build_py):
    """Copies the modules, then the files of `APP`."""

    def run(self) -> None:
        """Build; an editable install uses the files of the checkout."""
        super().run()
        if self.editable_mode:
            return
        for file in (file for pattern in APP for file in sorted(ROOT.glob(pattern))):
            target = Path(self.build_lib, "obs_core", "app", file.relative_to(ROOT))
            target.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(str(file), str(target))


setup(cmdclass={"build_py": BuildWithApp})

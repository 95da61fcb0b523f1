"""The README's two pictures, taken from the running program.

    PICTURES=docs PICTURES_OF=workspace pytest tests/e2e/test_pictures.py

`PICTURES_OF` names a workspace with tasks to rank and finished rounds; a copy of it is served.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from matplotlib import image
from playwright.sync_api import Browser, Page

from store.workspace import Workspace

pytestmark = pytest.mark.e2e


def take(page: Page, folder: Path, name: str) -> None:
    """Save the picture, and see that it is not blank."""
    page.screenshot(path=folder / name)
    assert image.imread(folder / name)[..., :3].std() > 0.05


def test_pictures(serve: Any, lived_in: Workspace, browser: Browser, tmp_path: Path) -> None:
    folder = Path(os.environ.get("PICTURES", tmp_path))
    shown = lived_in
    if named := os.environ.get("PICTURES_OF"):
        shown = Workspace(Path(shutil.copytree(named, tmp_path / "copy")))
    with serve(shown) as site:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, device_scale_factor=1.5)
        page = site.sign_in(context, "Ada", "researcher")
        page.goto(site.url + "/annotate")
        page.wait_for_selector(".card")
        for key in ("a", "1", "b", "2", "c", "2"):
            page.keyboard.press(key)
        page.wait_for_timeout(300)
        take(page, folder, "annotate.png")
        page.set_viewport_size({"width": 1280, "height": 1080})
        page.goto(site.url + "/research")
        page.wait_for_selector("#rounds .chart")
        page.wait_for_selector("#curves .chart")
        page.wait_for_timeout(300)
        take(page, folder, "research.png")
        context.close()

"""What axe-core finds on a page."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def serious(page: Page) -> list[str]:
    """Return what axe-core calls serious or critical, each with the first element that has it."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:2]
    ]


def serious_in_both_themes(page: Page) -> list[str]:
    """Return what :func:`serious` finds in the light theme and in the dark one."""
    found = []
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(1_500)  # half a fade has no contrast
        found += [f"{theme} {said}" for said in serious(page)]
    return found

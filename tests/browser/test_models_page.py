"""The page ``/models`` in a real browser: a person promotes, is refused, and rolls back."""

from browser.axe_findings import serious_in_both_themes
from browser.conftest import Dashboard, cell, fill_in
from playwright.sync_api import Page, expect

from blemish.registry import Registry
from blemish.registry.aliases import move_champion


def open_models(page: Page, dashboard: Dashboard, version: int) -> None:
    page.goto(f"{dashboard.url}/models?version={version}")
    expect(page.get_by_text(f"Version {version}", exact=True)).to_be_visible()


def test_promote_refuse_and_roll_back(page: Page, dashboard: Dashboard) -> None:
    """The better version is promoted, the worse refused with its numbers; three roll back in a row.

    Without the password nothing moves; names and reasons with markup are shown as text. In the
    dialogs axe-core finds nothing serious.
    """
    registry = Registry.connect(workspace=dashboard.shop)
    assert registry.aliases()["champion"] == 1

    open_models(page, dashboard, 3)
    page.get_by_role("button", name="Promote version 3").click()
    assert page.get_by_label("Your name").input_value() == ""
    expect(page.get_by_text("Move it although")).to_have_count(0)
    fill_in(page, reason="Finds <img src=x onerror=window.hacked=1> more", password="wrong")
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    expect(page.get_by_text("That is not the password.")).to_be_visible()
    assert serious_in_both_themes(page) == []
    assert registry.aliases()["champion"] == 1

    fill_in(page, reason="Finds <img src=x onerror=window.hacked=1> more")
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    expect(page.get_by_text("Version 3 is champion now.")).to_be_visible(timeout=60_000)
    assert registry.aliases()["champion"] == 3

    open_models(page, dashboard, 1)
    page.get_by_role("button", name="Promote version 1").click()
    fill_in(page, reason="I liked it")
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    expect(page.get_by_text("Refused: the champion is still version 3.")).to_be_visible(
        timeout=60_000
    )
    expect(page.get_by_text("What failed:")).to_be_visible()
    expect(cell(page, "; could lose")).to_be_attached()
    expect(page.get_by_text("Move it although the gate refused")).to_be_visible()
    assert serious_in_both_themes(page) == []
    assert registry.aliases()["champion"] == 3
    assert registry.resolve(1).gate["verdict"] == "refused"

    open_models(page, dashboard, 1)
    page.get_by_role("button", name="Ask the gate").click()
    expect(page.get_by_text("Version 1 would be refused.")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("dialog").get_by_label("Reason")).to_have_count(0)
    assert registry.aliases()["champion"] == 3

    for before, after in ((3, 2), (2, 4)):
        move_champion(registry, before, after, who="Somebody", why="promote", reason="")
    page.wait_for_timeout(5_000)  # the page keeps what the registry said for four seconds
    open_models(page, dashboard, 3)
    for before, after in ((4, 2), (2, 3), (3, 1)):
        page.get_by_role("button", name=f"Roll back to version {after}").click(timeout=30_000)
        if after == 2:
            assert serious_in_both_themes(page) == []
        fill_in(page, reason="Too many marks on line 2")
        page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
        sentence = f"Version {after} is champion again; it was version {before}."
        expect(page.get_by_text(sentence)).to_be_visible()
        expect(page.get_by_text("No server answers, so none serves it.")).to_be_visible()
        assert registry.aliases()["champion"] == after
    last = registry.history()[-1]
    assert (last.why, last.who, last.reason) == (
        "rollback",
        "Quality <b>engineer</b>",
        "Too many marks on line 2",
    )
    page.get_by_role("tab", name="History").click()
    expect(cell(page, "rollback")).to_be_attached()
    assert page.locator("img[src=x]").count() == 0


def test_lineage_is_shown(page: Page, dashboard: Dashboard) -> None:
    """Run, commit, digests and the whole SHA-256 of a version are on its page.

    Each row says what its Dice was measured on, and leads to a comparison with the champion.
    """
    version = Registry.connect(workspace=dashboard.shop).resolve(2)
    open_models(page, dashboard, 2)
    page.goto(f"{dashboard.url}/models?version=99")
    expect(page.get_by_text("names version 99, which is not in the registry")).to_be_visible()
    open_models(page, dashboard, 2)
    for text in (version.run_id, version.git_commit, version.sha256, version.fingerprint):
        expect(cell(page, text)).to_be_attached()
    expect(cell(page, "24 images of synthetic")).to_be_attached()
    expect(cell(page, "?a=champion&b=2")).to_be_attached()

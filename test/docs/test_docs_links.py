"""Links between the project's pages lead somewhere."""

import re

import pages
import pytest

PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "receiver/README.md", "test/README.md",
         *sorted(str(page.relative_to(pages.ROOT)) for page in (pages.ROOT / "docs").rglob("*.md")),
         *sorted(str(page.relative_to(pages.ROOT)) for page in (pages.ROOT / "extension").rglob("README.md"))]


def without_code(page):
    return re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)


def anchors(page):
    """Returns the names that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", without_code(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links(name):
    source = pages.ROOT / name
    page = source.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page)) if not link.startswith("https://")]
    for link in links:
        path, _, anchor = link.partition("#")
        target = source.parent / path if path else source
        assert target.exists(), f"{name}: {link}"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{name}: {link}"

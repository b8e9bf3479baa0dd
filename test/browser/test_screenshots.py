"""The pictures of the README, made from the page as it is. They are kept where MSGSTATUS_SCREENSHOTS says, else thrown away."""

import base64
import os
import pathlib

import pytest


@pytest.mark.parametrize(("name", "width", "height", "dark"), [
    ("log", 1280, 1180, False), ("details", 1280, 940, False), ("dark", 1280, 1180, True), ("phone", 390, 844, False),
])
def test_screenshot(otto, tmp_path, name, width, height, dark):
    otto.dark(dark)
    otto.size(width, height)
    otto.open("/messages?state=read" if name == "details" else "/messages")
    if name == "details":
        otto.click("#log tbody a").one("#message-id")
        otto.at_rest()
    elif width > 600:
        otto.until(lambda: len(otto.all("#charts canvas")) == 2, "two charts")
    otto.script("scrollTo(0, 0); document.activeElement.blur()")
    picture = base64.b64decode(otto.cdp("Page.captureScreenshot", format="png")["data"])
    assert 5_000 < len(picture) <= 200_000
    kept = pathlib.Path(os.environ.get("MSGSTATUS_SCREENSHOTS", tmp_path))
    kept.mkdir(parents=True, exist_ok=True)
    (kept / f"weblog-{name}.png").write_bytes(picture)

"""The suite of the page skips, where it may, whatever of its programs is missing."""

import os
import subprocess
import sys

import pages


def test_without_selenium_it_is_skipped(tmp_path):
    (tmp_path / "selenium.py").write_text("raise ImportError('there is none')\n", encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", pages.ROOT / "test/browser"], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(tmp_path), "MSGSTATUS_WITHOUT_BROWSER": "1"}, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert " skipped" in done.stdout and "passed" not in done.stdout

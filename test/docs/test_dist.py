"""A release's archives: META.json is what PGXN takes (https://pgxn.org/spec), and the archives hold what it names."""

import json
import re
import shutil
import subprocess
import tarfile
import zipfile

import pages
import pytest

META = json.loads((pages.ROOT / "META.json").read_text(encoding="utf-8"))
VERSION = re.search(r"^default_version *= *'(.*)'", (pages.ROOT / "extension/msgstatus.control").read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
SEMANTIC = re.compile(r"\d+\.\d+\.\d+(-[A-Za-z][A-Za-z0-9-]*)?")
TERM = re.compile(r"[^\s/\\\x00-\x1f]{2,}")
REQUIRED = {"abstract", "license", "maintainer", "meta-spec", "name", "provides", "version"}
OPTIONAL = {"description", "generated_by", "no_index", "prereqs", "release_status", "resources", "tags"}
LICENSES = {"agpl_3", "apache_1_1", "apache_2_0", "artistic_1", "artistic_2", "bsd", "freebsd", "gfdl_1_2", "gfdl_1_3", "gpl_1", "gpl_2",
            "gpl_3", "lgpl_2_1", "lgpl_3_0", "mit", "mozilla_1_0", "mozilla_1_1", "openssl", "perl_5", "postgresql", "qpl_1_0", "ssleay",
            "sun", "zlib", "open_source", "restricted", "unrestricted", "unknown"}


def problems(meta):
    """Returns what in META.json version 1.0.0 of PGXN's specification forbids."""
    found = [f"no {name}" for name in REQUIRED - meta.keys()]
    found += [f"unknown {name}" for name in meta.keys() - REQUIRED - OPTIONAL if not re.match("[Xx]_", name)]
    maintainers = meta.get("maintainer", "")
    texts = [meta.get(name, "x") for name in ("abstract", "description", "generated_by")]
    texts += [maintainers] if isinstance(maintainers, str) else maintainers
    if not all(isinstance(text, str) and text for text in texts):
        found.append("an empty text")
    if not TERM.fullmatch(meta.get("name", "")):
        found.append("name")
    if not SEMANTIC.fullmatch(str(meta.get("version"))):
        found.append("version")
    if meta.get("license") not in LICENSES:
        found.append("license")
    if meta.get("meta-spec", {}).get("version") != "1.0.0":
        found.append("meta-spec")
    if meta.get("release_status", "stable") not in ("stable", "testing", "unstable"):
        found.append("release_status")
    for name, extension in meta.get("provides", {}).items():
        if not TERM.fullmatch(name) or not {"file", "version"} <= extension.keys() <= {"file", "version", "abstract", "docfile"}:
            found.append(f"provides {name}")
        elif not SEMANTIC.fullmatch(extension["version"]):
            found.append(f"version of {name}")
    for phase, relations in meta.get("prereqs", {}).items():
        if phase not in ("configure", "build", "test", "runtime", "develop") or \
                not relations.keys() <= {"requires", "recommends", "suggests", "conflicts"}:
            found.append(f"prereqs {phase}")
        found += [f"prereqs of {name}" for names in relations.values() for name, version in names.items()
                  if version != 0 and not SEMANTIC.fullmatch(str(version))]
    tags = meta.get("tags", [])
    if len(set(tags)) != len(tags) or not all(0 < len(tag) < 256 and not re.search(r"[/\\\x00-\x1f]", tag) for tag in tags):
        found.append("tags")
    return found


def test_meta_json():
    assert problems(META) == []
    assert META["version"] == VERSION == META["provides"]["msgstatus"]["version"]
    for name in ("file", "docfile"):
        assert (pages.ROOT / META["provides"]["msgstatus"][name]).exists()


@pytest.mark.parametrize("change", [
    {"license": "PostgreSQL License"}, {"version": "0.2"}, {"name": "x"}, {"abstract": ""}, {"release_status": "young"}, {"tags": ["a", "a"]},
    {"provides": {"msgstatus": {"file": "x"}}}, {"prereqs": {"runtime": {"requires": {"PostgreSQL": "15"}}}}, {"colour": "red"},
    {"meta-spec": {"version": "2.0.0"}}])
def test_a_mistake_is_noticed(change):
    assert problems({**META, **change})


@pytest.mark.skipif(not shutil.which("git") or not (pages.ROOT / ".git").exists(), reason="not a checkout of git")
def test_the_archives(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--local", pages.ROOT, clone], check=True)
    if subprocess.run(["git", "-C", pages.ROOT, "diff", "--quiet", "HEAD"], check=False).returncode != 0:
        pytest.skip("what is not committed is not in the archives")
    printed = subprocess.run([".ci/dist"], cwd=clone, check=True, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}).stdout
    with zipfile.ZipFile(clone / f"build/dist/msgstatus-{VERSION}.zip") as archive, \
            tarfile.open(clone / f"build/dist/msgstatus-{VERSION}.tar.gz") as tarball:
        for names, extra in ((archive.namelist(), {".extension-only"}), (tarball.getnames(), set())):
            top = f"msgstatus-{VERSION}/"
            inside = {name.removeprefix(top).rstrip("/") for name in names if name.startswith(top)}
            assert {"META.json", "Makefile", "README.md", "LICENSE", *(META["provides"]["msgstatus"][name] for name in ("file", "docfile"))} | extra <= inside
            assert (".extension-only" in inside) == bool(extra)
        assert archive.testzip() is None
        # PGXN's client calls `make all` and `make install`: there these are PGXS's, and install no packages.
        archive.extractall(tmp_path / "unpacked")
    checked = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=clone / "build/dist", check=True, capture_output=True, text=True).stdout
    assert checked.count(": OK") == 2 == len(printed.splitlines())
    for target in ("all", "install"):
        shown = subprocess.run(["make", "--dry-run", target], cwd=tmp_path / f"unpacked/msgstatus-{VERSION}", check=True, capture_output=True, text=True).stdout
        assert "install-packages" not in shown and "receiver" not in shown.replace("docs/operations/receiver", ""), target

"""The pages of docs/, read as Markdown and run as SQL.

A page's ```sql blocks are one session, from top to bottom. A ```text block that follows one shows what psql prints for it.
The word after `sql` says what is special about a block:

    sql              runs without an error
    sql raises=22023 its last statement raises this SQLSTATE, and the ```text block shows the message
    sql signature    is a signature, and is not run
    sql elsewhere    needs more than PostgreSQL and msgstatus; a test of its own runs it

The pages of docs/reference/ and docs/providers/ each begin with the first block of the reference's README.md, in a database of
their own.

As a program, `pages.py PAGE...` prints each page with its ```text blocks as they should be, for whoever edits it:

    test/docs/pages.py docs/tutorial.md >new && mv new docs/tutorial.md
"""

import os
import pathlib
import re
import subprocess
import sys
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/support"))

from pgserver import PgServer  # noqa: E402

FENCE = re.compile(r"^```(\w*) *(.*)$")
# psql prints these between the outputs of two blocks.
MARK = "--- block {} ---"


@dataclass
class Block:
    """A fenced block: its language, what else its first line says, its lines, and where it starts in the page."""

    language: str
    flags: list
    line: int
    lines: list = field(default_factory=list)

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def raises(self):
        """The SQLSTATE that the block is to end with, or None."""
        return next((flag.split("=", 1)[1] for flag in self.flags if flag.startswith("raises=")), None)


@dataclass
class Example:
    """A block of SQL that is run, and the block that shows its output, if there is one."""

    sql: Block
    shown: Block | None


def blocks_of(page):
    """Returns the fenced blocks of a Markdown text, in order."""
    blocks, current = [], None
    for number, line in enumerate(page.splitlines(), start=1):
        fence = FENCE.match(line)
        if current is None and fence:
            current = Block(fence[1], fence[2].split(), number)
        elif current is not None and line == "```":
            blocks.append(current)
            current = None
        elif current is not None:
            current.lines.append(line)
    if current is not None:
        raise ValueError(f"the block that starts in line {current.line} does not end")
    return blocks


def examples_of(page):
    """Returns the SQL blocks of a page that are run, each with the output shown after it."""
    examples = []
    for block in blocks_of(page):
        if block.language == "sql" and not {"signature", "elsewhere"} & set(block.flags):
            examples.append(Example(block, None))
        elif block.language == "text" and examples and examples[-1].shown is None:
            examples[-1].shown = block
    return examples


def code_spans(page):
    """Returns the code spans of a page, outside of fenced blocks, unescaped for tables."""
    prose = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return [span.replace("\\|", "|") for span in re.findall(r"`([^`]+)`", prose)]


def section(page, heading):
    """Returns the part of a page under a heading, up to the next one of its level or above."""
    start = page.index(f"\n{heading}\n") + 1
    level = len(heading) - len(heading.lstrip("#"))
    end = re.compile(rf"^#{{1,{level}}} ", flags=re.MULTILINE).search(page, start + len(heading))
    return page[start:end.start() if end else None]


def beginning_of(name):
    """Returns the SQL that a page's examples go on from; the name is the page's path below the project."""
    if not re.match(r"docs/(reference|providers)/(?!README\.md)", name):
        return ""
    return examples_of((ROOT / "docs/reference/README.md").read_text(encoding="utf-8"))[0].sql.text


def script_of(examples, beginning=""):
    """Returns the input of psql: what the examples go on from, and the blocks, each after a mark."""
    lines = [r"\pset pager off", "SET client_min_messages = warning;", r"\o /dev/null", beginning, r"\o"]
    for number, example in enumerate(examples):
        lines.append(rf"\echo {MARK.format(number)}")
        if example.sql.raises:
            lines += [r"\set ON_ERROR_STOP off", example.sql.text, r"\set ON_ERROR_STOP on",
                      r"""\echo 'ERROR: ' :LAST_ERROR_MESSAGE""", r"\echo SQLSTATE :SQLSTATE"]
        else:
            lines.append(example.sql.text)
    return "\n".join(lines) + "\n"


def normal(output):
    """Returns lines without the blanks at their ends, and without empty lines around them."""
    return "\n".join(line.rstrip() for line in output.splitlines()).strip("\n")


def run(page, conninfo, psql, beginning=""):
    """Runs a page's examples in one session. Returns the results up to the first error, as pairs of example and
    output, and the error, or None."""
    examples = examples_of(page)
    done = subprocess.run([psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", conninfo], input=script_of(examples, beginning),
                          env={**os.environ, "LC_ALL": "C.UTF-8"}, capture_output=True, encoding="utf-8", check=False)
    results = []
    for example, output in zip(examples, re.split(r"^--- block \d+ ---\n", done.stdout, flags=re.MULTILINE)[1:]):
        if example.sql.raises:
            output, _, sqlstate = output.rpartition("SQLSTATE ")
            if sqlstate.strip() != example.sql.raises:
                return results, f"line {example.sql.line}: raises {sqlstate.strip()}, not {example.sql.raises}\n{output}"
        results.append((example, normal(output)))
    if done.returncode != 0:
        example, output = results.pop()
        return results, f"line {example.sql.line}:\n{output}\n{done.stderr}"
    return results, None


def updated(page, results):
    """Returns the page with the actual outputs in place of those it shows."""
    lines = page.splitlines()
    for example, output in reversed(results):
        if example.shown:
            start = example.shown.line
            lines[start:start + len(example.shown.lines)] = output.splitlines()
    return "\n".join(lines) + "\n"


def main():
    with PgServer() as server:
        psql = str(server.bindir / "psql")
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        run(readme, server.conninfo(server.create_database("shop", setup="")), psql)
        for number, name in enumerate(sys.argv[1:]):
            page = pathlib.Path(name).read_text(encoding="utf-8")
            beginning = beginning_of(str(pathlib.Path(name).resolve().relative_to(ROOT)))
            # A page that makes no extension goes on where the README ends.
            goes_on = "CREATE EXTENSION" not in beginning + page
            database = "shop" if goes_on else server.create_database(f"page{number}", setup="")
            results, failure = run(page, server.conninfo(database), psql, beginning)
            if failure:
                sys.exit(f"{name}, {failure}")
            sys.stdout.write(updated(page, results))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The parts of docs/reference/ that the catalog gives: signatures, the types and defaults of parameters, and internals.md.

In a page, a section whose heading is `name` documents the function of that name. Its ```sql signature block and the columns "type" and
"default" of its table of parameters are written from the catalog, as the whole of internals.md is. As a program (`make reference`)
it brings the files up to date; test_docs_reference.py checks that there is nothing to bring up to date.
"""

import re

import pages

FOLDER = pages.ROOT / "docs/reference"
INTERNALS = FOLDER / "internals.md"

FUNCTIONS = """
    SELECT p.proname AS name, p.prokind AS kind, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
        coalesce(obj_description(p.oid, 'pg_proc'), '') AS comment
    FROM pg_proc AS p
    WHERE (p.pronamespace = 'msgstatus'::regnamespace OR p.proargtypes[0] = 'msgstatus.delivery_state'::regtype)
        -- The section of a function names its variants for other types of a parameter.
        AND COALESCE(obj_description(p.oid, 'pg_proc'), '') NOT LIKE p.proname || '() for a % of the type %'
    ORDER BY p.proname, p.oid::regprocedure::text"""
TYPES = """
    SELECT t.typname AS name, coalesce(obj_description(t.oid, 'pg_type'), obj_description(t.typrelid, 'pg_class'), '') AS comment
    FROM pg_type AS t
    WHERE t.typnamespace = 'msgstatus'::regnamespace AND t.typtype IN ('b', 'c') AND t.typelem = 0
        AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = t.typrelid AND c.relkind <> 'c')
    ORDER BY t.typname"""

# The chapters of internals.md: a heading, and the names that come under it; a name comes under the first that fits.
CHAPTERS = [
    ("Parts of install()", r"install_"),
    ("Behind types and operators", r"(delivery_state|message_status|delay_histogram)_"),
    ("Run as the owner of the tables", r"read_(?!delay)"),
    ("Other functions", r""),
]
INTERNALS_HEAD = """# Internals

Functions and types that other parts of the extension call. Do not call them yourself: they change without notice. `make reference`
writes this page from the comments in the catalog (`\\df+ msgstatus.*`).
"""


def pages_of():
    """Returns the text of each written page, by its path."""
    return {path: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md")) if path != INTERNALS}


def short(text):
    """Returns a signature of PostgreSQL's as one writes it with msgstatus on the search path."""
    for long, brief in (("timestamp with time zone", "timestamptz"), ("msgstatus.", "")):
        text = text.replace(long, brief)
    return re.sub(r"::\w+(\[\])?", "", text)


def split(arguments):
    """Returns the parts between the commas of a list of arguments, without those within parentheses and quotes."""
    return [part.strip() for part in re.findall(r"(?:[^,('\"]|\([^)]*\)|'[^']*'|\"[^\"]*\")+", arguments)]


class Function:
    """A function as the catalog has it: name, parameters (name, type, default), and result."""

    def __init__(self, row):
        self.name, self.comment = row["name"], row["comment"]
        self.is_aggregate = row["kind"] == "a"
        arguments = split(short(row["arguments"]))
        self.inputs = [argument for argument in arguments if not argument.startswith("OUT ")]
        outputs = [argument.removeprefix("OUT ") for argument in arguments if argument.startswith("OUT ")]
        self.result = short(row["result"])
        if outputs:
            self.result = f"{'TABLE' if self.result.startswith('SETOF') else 'record'}({', '.join(outputs)})"

    @property
    def head(self):
        """The signature in one line, as it stands in tables and in internals.md, without the result."""
        return f"{self.name}({', '.join(self.inputs)})"

    @property
    def parameters(self):
        """Triples of name, type and default; the default is None where the parameter must be given."""
        found = []
        for argument in self.inputs:
            declared, _, default = argument.partition(" DEFAULT ")
            name, _, kind = declared.partition(" ")
            found.append((name, kind, default or None))
        return found

    @property
    def block(self):
        """The signature as a block shows it."""
        inputs, result = self.head, self.result
        if len(f"{inputs} → {result}") > 110 and self.inputs:
            inputs = f"{self.name}(\n    " + ",\n    ".join(self.inputs) + "\n)"
        columns = re.match(r"(TABLE|record)\((.*)\)$", result)
        if columns:
            result = f"{columns[1]} (\n    " + ",\n    ".join(split(columns[2])) + "\n)"
        return f"{inputs} → {result}"


def functions_of(server, database):
    """Returns all functions of the extension."""
    return [Function(row) for row in server.query(database, FUNCTIONS)]


def sections_of(page):
    """Yields for each section that documents a function the function's name, and where the section begins and ends."""
    headings = [*re.finditer(r"^#{1,3} (.*)$", re.sub(r"^```.*?^```$", lambda block: re.sub(r".", "x", block[0]), page,
                                                     flags=re.MULTILINE | re.DOTALL), flags=re.MULTILINE)]
    for heading, following in zip(headings, [*headings[1:], None]):
        end = following.start() if following else len(page)
        name = re.fullmatch(r"`(\w+)`", heading[1])
        if name and "```sql signature\n" in page[heading.start():end]:
            yield name[1], heading.start(), end


def updated_section(section, function):
    """Returns a section with the signature and the types and defaults of its function."""
    section = re.sub(r"```sql signature\n.*?```", lambda _: f"```sql signature\n{function.block}\n```", section, count=1, flags=re.DOTALL)
    parameters = {name: (kind, default) for name, kind, default in function.parameters}
    lines, inside = [], False
    for line in section.splitlines(keepends=True):
        if line.startswith("| parameter |"):
            inside = True
        elif inside and line.startswith("| `"):
            cells = line.split(" | ")
            kinds = {parameters.get(name, ("no such parameter", None)) for name in re.findall(r"`(\w+)`", cells[0])}
            kind, default = kinds.pop() if len(kinds) == 1 else ("not of one type and default", None)
            line = " | ".join([cells[0], f"`{kind}`", f"`{default}`" if default else "required", *cells[3:]])
        elif not line.startswith("|"):
            inside = False
        lines.append(line)
    return "".join(lines)


def named_parameters(section):
    """Returns the names in the first column of a section's table of parameters, in order."""
    table = re.search(r"^\| parameter \|.*\n\|[-|]+\|\n((?:\|.*\n)*)", section, flags=re.MULTILINE)
    return [name for line in (table[1].splitlines() if table else []) for name in re.findall(r"`(\w+)`", line.split(" | ")[0])]


def updated(page, functions):
    """Returns a page with the parts that the catalog gives as it gives them."""
    by_name = {function.name: function for function in functions}
    for name, start, end in reversed([*sections_of(page)]):
        page = page[:start] + updated_section(page[start:end], by_name[name]) + page[end:]
    return page


def documented(texts):
    """Returns the names of the functions and types that the pages document: in a section, or by a signature in a table."""
    names = set()
    for page in texts:
        names |= {name for name, _, _ in sections_of(page)}
        for line in page.splitlines():
            if line.startswith("| `"):
                names |= set(re.findall(r"`(\w+)\(", line.split(" | ")[0]))
        names |= set(re.findall(r"^## `?(delivery_state|message_status|delay_histogram)`?$", page, flags=re.MULTILINE))
        names |= set(re.findall(r"`(\w+_row)`", page))
    return names


def internals(server, database, texts):
    """Returns internals.md: what no page documents, with its comment."""
    public = documented(texts)

    def lines(entries):
        escaped = [(name, comment.replace("|", "\\|").replace("<", "&lt;")) for name, comment in entries]
        return "\n".join(["| object | comment |", "|---|---|", *(f"| `{name}` | {comment} |" for name, comment in escaped)]) + "\n"

    parts, rest = [INTERNALS_HEAD], [function for function in functions_of(server, database) if function.name not in public]
    for heading, pattern in CHAPTERS:
        chosen = [function for function in rest if re.match(pattern, function.name)]
        rest = [function for function in rest if function not in chosen]
        entries = [(f"{function.head} → {function.result}".replace("|", "\\|"), function.comment) for function in chosen]
        parts.append(f"\n## {heading}\n\n{lines(entries)}")
    types = [(row["name"], row["comment"]) for row in server.query(database, TYPES) if row["name"] not in public]
    parts.append(f"\n## Row types\n\n{lines(types)}")
    return "".join(parts)


def main():
    with pages.PgServer() as server:
        database = server.create_database("reference")
        functions = functions_of(server, database)
        for path, page in pages_of().items():
            path.write_text(updated(page, functions), encoding="utf-8")
        INTERNALS.write_text(internals(server, database, pages_of().values()), encoding="utf-8")


if __name__ == "__main__":
    main()

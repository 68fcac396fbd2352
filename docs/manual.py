#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: docs/manual.py build DIRECTORY | check

build makes the manual from cothread.h: DIRECTORY/man/man3/*.3 (one page for each function, and cothread.3
for what they share), and DIRECTORY/html/cothread.html.
check says where the header does not keep the order that this needs, and which lines of the
documentation are longer than 100 columns.
"""

import html
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = 100
KIND = re.compile(r"(Plain|System call|Wait)\b[^;]*; from (own stack|task|any thread|signal)\b.*\.")
ITEM = re.compile(r"  (\S+)  +(\S.*)")  # what continues the text is indented deeper


PARTS = re.compile(r"(?P<comment>/\*(?:[^*]|\*(?!/))*\*/\n)|(?P<function>COTHREAD_API[^;]*;\n)|.*\n")


class Fault(Exception):
    """The header does not keep its order."""


@dataclass
class Item:
    name: str
    text: str


@dataclass
class Function:
    name: str
    declaration: str
    summary: str = ""
    parameters: list[Item] = field(default_factory=list)
    returns: str = ""
    errors: list[Item] = field(default_factory=list)
    example: list[str] = field(default_factory=list)
    kind: str = ""


@dataclass
class Section:
    title: str
    text: str
    parts: list["Function | str"] = field(default_factory=list)  # str: other declarations, as they stand

    def functions(self) -> Iterator[Function]:
        return (part for part in self.parts if isinstance(part, Function))


@dataclass
class Header:
    version: str
    opening: str
    sections: list[Section]

    def functions(self) -> Iterator[Function]:
        return (function for section in self.sections for function in section.functions())


# ---- Reading the header ----------------------------------------------------------------------------


def comment_lines(comment: str) -> list[str]:
    """The lines of a comment without its frame; a paragraph begins in column 0."""
    inner = comment.removeprefix("/*").removesuffix("*/").rstrip()
    return [re.sub(r"^ \*( |$)", "", line) for line in inner.removeprefix(" ").split("\n")]


def take_paragraph(lines: list[str]) -> str:
    """What stands in column 0, up to a line that does not, or that opens another part."""
    taken: list[str] = []
    while lines and lines[0] and not lines[0].startswith(" "):
        if taken and (lines[0] == "Example:" or re.match(r"Returns\b", lines[0]) or KIND.fullmatch(" ".join(lines))):
            break
        taken.append(lines.pop(0))
    return " ".join(taken)


def take_items(lines: list[str]) -> list[Item]:
    items: list[Item] = []
    while lines and lines[0].startswith("  "):
        line = lines.pop(0)
        if match := ITEM.fullmatch(line):
            items.append(Item(match[1], match[2]))
        elif items:
            items[-1].text += " " + line.strip()
        else:
            raise Fault(f"neither a parameter nor an error: {line.strip()}")
    return items


def parameter_names(declaration: str) -> list[str]:
    inside = declaration[declaration.index("(") + 1 : declaration.rindex(")")]
    if inside == "void":
        return []
    return [re.findall(r"\w+", parameter)[-1] for parameter in inside.split(",")]


def read_function(comment: str, declaration: str, codes: set[str]) -> Function:
    declaration = " ".join(re.sub(r"\bCOTHREAD_(API|CHECKED)\b", "", declaration).split())
    match = re.search(r"(\w+)\(", declaration)
    if match is None:
        raise Fault(f"no function: {declaration}")
    function = Function(match[1], declaration)
    lines = comment_lines(comment)
    function.summary = take_paragraph(lines)
    if not re.match(rf"{function.name} [a-z]", function.summary) or not function.summary.endswith("."):
        raise Fault("the comment does not begin with a sentence about the function")
    function.parameters = take_items(lines)
    names = [item.name for item in function.parameters]
    if names != parameter_names(declaration):
        raise Fault(f"describes {names or 'no parameters'}, and takes {parameter_names(declaration) or 'none'}")
    function.returns = take_paragraph(lines)
    if not function.returns.startswith("Returns "):
        raise Fault("says nothing that begins with Returns after its parameters")
    function.errors = take_items(lines)
    for error in function.errors:
        if error.name not in codes:
            raise Fault(f"{error.name} is no error code")
    if bool(function.errors) != function.returns.lower().endswith(" or"):
        raise Fault("what it returns ends in `or` if errors follow, and only then")
    if lines and lines[0] == "Example:":
        lines.pop(0)
        while lines and lines[0].startswith("  "):
            function.example.append(lines.pop(0)[2:])
    function.kind = " ".join(lines)
    if not KIND.fullmatch(function.kind):
        raise Fault(f"the last line is not `Kind; from`: {function.kind or 'nothing'}")
    return function


def section_of(comment: str) -> Section:
    lines = comment_lines(comment)
    return Section(lines[0].strip("- "), "\n".join(lines[1:]))


def read_header(text: str) -> tuple[Header, list[str]]:
    """The header, and what is wrong with it."""
    codes = set(re.findall(r"^#define (COTHREAD_E[A-Z]+) \(-\d+\)", text, re.M))
    version = re.search(r'^#define COTHREAD_VERSION "(.*)"', text, re.M)
    header = Header(version[1] if version else "", "", [])
    faults: list[str] = []
    comment = ""
    for found in PARTS.finditer(text):
        line = found.group().removesuffix("\n")
        number = text.count("\n", 0, found.start()) + 1
        section = header.sections[-1] if header.sections else None
        if found["comment"]:
            if not header.opening:
                header.opening = "\n".join(comment_lines(line))
            elif line.startswith("/* ----"):
                header.sections.append(section_of(line))
                comment = ""
            else:
                comment = line
        elif found["function"]:
            try:
                if not comment or section is None:
                    raise Fault("has no comment of its own")
                section.parts.append(read_function(comment, line, codes))
            except Fault as fault:
                faults.append(f"cothread.h:{number}: {line.split('(')[0].split()[-1]}: {fault}")
            comment = ""
        elif section is not None and not re.match(r"#(if|endif)|#ifdef|extern|}$", line):
            declared = re.match(r"typedef struct (\w+)|typedef .*\(\*(\w+)\)|typedef \w+ (\w+);", line)
            if declared:
                name = declared[1] or declared[2] or declared[3]
                if not comment.startswith(f"/* {name} "):
                    faults.append(f"cothread.h:{number}: {name}: has no comment that begins with its name")
            append_other(section, (comment + "\n" if comment else "") + line)
            comment = ""
    return header, faults


def append_other(section: Section, text: str) -> None:
    if section.parts and isinstance(section.parts[-1], str):
        section.parts[-1] += "\n" + text
    else:
        section.parts.append(text)


# ---- man pages -------------------------------------------------------------------------------------


def roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "").replace("^", "\\(ha").replace("'", "\\(aq")
    return re.sub(r"^\.", r"\\&.", text, flags=re.M)


def roff_items(items: list[Item]) -> str:
    return "".join(f".TP\n.B {roff(item.name)}\n{roff(item.text)}\n" for item in items)


def preformatted(lines: list[str]) -> str:
    return ".nf\n" + "".join(roff(line) + "\n" for line in lines) + ".fi\n"


def title(name: str, version: str) -> str:
    return f'.TH {name} 3 "" "libcothread {version}" "libcothread manual"\n'


def first_sentence(text: str) -> str:
    return re.split(r"\.(?: |$)|: ", text)[0]


def man_page(function: Function, section: Section, version: str) -> str:
    says = first_sentence(function.summary).removeprefix(function.name + " ")
    page = title(function.name, version)
    page += f".SH NAME\n{function.name} \\- {roff(says)}\n"
    page += ".SH SYNOPSIS\n" + preformatted(["#include <cothread.h>", "", *wrapped(function.declaration)])
    page += f".SH DESCRIPTION\n{roff(function.summary)}\n"
    if function.parameters:
        page += ".SH PARAMETERS\n" + roff_items(function.parameters)
    page += f".SH RETURN VALUE\n{roff(function.returns)}{' an error.' if function.errors else ''}\n"
    page += ".SH ERRORS\n" + roff_items(function.errors) + (".PP\n" if function.errors else "")
    if "Never fails" in function.returns:
        page += "None.\n"
    else:
        waits = " and those of every wait" if function.kind.startswith("Wait") else ""
        page += f"{'Besides' if function.errors else 'Only'} the standard errors{waits}: see\n.BR cothread (3).\n"
    if function.example:
        page += ".SH EXAMPLE\n" + preformatted(function.example)
    page += f".SH KIND\n{roff(function.kind)}\n"
    others = [other.name for other in section.functions() if other is not function]
    page += ".SH SEE ALSO\n" + "".join(f".BR {name} (3),\n" for name in others) + ".BR cothread (3)\n"
    return page


def wrapped(declaration: str) -> list[str]:
    """A declaration in lines that a terminal shows whole."""
    if len(declaration) <= 72:
        return [declaration]
    head, _, parameters = declaration.partition("(")
    parts = parameters.removesuffix(");").split(", ")
    return [head + "(", *(f"    {part}," for part in parts[:-1]), f"    {parts[-1]});"]


def overview_page(header: Header) -> str:
    """cothread.3: what all functions share, and their list."""
    summary = first_sentence(header.opening.split("\n")[0]).removeprefix("cothread.h - ")
    page = title("cothread", header.version) + f".SH NAME\ncothread \\- {roff(summary)}\n"
    page += ".SH SYNOPSIS\n.nf\n#include <cothread.h>\n.fi\n.SH DESCRIPTION\n"
    opening = header.opening.split("\n")[3:]
    page += preformatted(opening)
    for section in header.sections:
        page += f".SH {roff(section.title.upper())}\n"
        if section.text:
            page += preformatted(section.text.split("\n"))
        for part in section.parts:
            if isinstance(part, Function):
                page += f".PP\n.BR {part.name} (3)\n"
            elif part.strip():
                page += ".PP\n" + preformatted(part.strip("\n").split("\n"))
    return page


# ---- HTML ------------------------------------------------------------------------------------------

STYLE = """body { max-width: 50em; margin: 2em auto; padding: 0 1em; font-family: sans-serif; line-height: 1.45 }
pre { background: #8881; padding: .6em; overflow-x: auto } dt { font-family: monospace }
h3 { border-top: 1px solid #8886; padding-top: 1em } .kind { font-style: italic }"""


def marked(text: str, names: set[str]) -> str:
    """Text as HTML, with `code` and links to the functions it names."""
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text, quote=False))
    return re.sub(r"\bcothread_\w+", lambda m: f'<a href="#{m[0]}">{m[0]}</a>' if m[0] in names else m[0], text)


def html_items(items: list[Item], names: set[str]) -> str:
    rows = "".join(f"<dt>{item.name}</dt><dd>{marked(item.text, names)}</dd>\n" for item in items)
    return f"<dl>\n{rows}</dl>\n" if items else ""


def html_function(function: Function, names: set[str]) -> str:
    lines = "\n".join(wrapped(function.declaration))
    text = f'<h3 id="{function.name}">{function.name}</h3>\n<pre>{html.escape(lines)}</pre>\n'
    text += f"<p>{marked(function.summary, names - {function.name})}</p>\n" + html_items(function.parameters, names)
    text += f"<p>{marked(function.returns, names)}</p>\n" + html_items(function.errors, names)
    if function.example:
        text += "<pre>" + html.escape("\n".join(function.example)) + "</pre>\n"
    return text + f'<p class="kind">{html.escape(function.kind)}</p>\n'


def html_page(header: Header) -> str:
    names = {function.name for function in header.functions()}
    page = f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>cothread.h {header.version}</title>\n'
    page += f"<style>{STYLE}</style></head><body>\n<h1>cothread.h {header.version}</h1>\n<ul>\n"
    for number, section in enumerate(header.sections):
        links = ", ".join(f'<a href="#{function.name}">{function.name}</a>' for function in section.functions())
        page += f'<li><a href="#section{number}">{html.escape(section.title)}</a>{": " if links else ""}{links}</li>\n'
    page += f"</ul>\n<pre>{marked(header.opening, names)}</pre>\n"
    for number, section in enumerate(header.sections):
        page += f'<h2 id="section{number}">{html.escape(section.title)}</h2>\n'
        page += f"<pre>{marked(section.text.strip(), names)}</pre>\n" if section.text.strip() else ""
        for part in section.parts:
            if isinstance(part, Function):
                page += html_function(part, names)
            elif part.strip():
                page += f"<pre>{html.escape(part.strip())}</pre>\n"
    return page + "</body></html>\n"


# ---- The two commands ------------------------------------------------------------------------------


def long_lines() -> Iterator[str]:
    directories = ("docs", "bindings/c/examples")
    files = [path for name in directories for path in (ROOT / name).rglob("*")]
    docs = [path for path in files if path.suffix in {".md", ".c", ".txt"}]
    for path in [ROOT / "cothread.h", *sorted(ROOT.glob("*.md")), *sorted(docs)]:
        for number, line in enumerate(path.read_text().split("\n"), 1):
            if len(line) > COLUMNS and not line.startswith("|") and "](" not in line:
                yield f"{path.relative_to(ROOT)}:{number}: {len(line)} columns"


def build(header: Header, directory: Path) -> None:
    man, pages = directory / "man" / "man3", directory / "html"
    for place in (man, pages):
        place.mkdir(parents=True, exist_ok=True)
    (man / "cothread.3").write_text(overview_page(header))
    for section in header.sections:
        for function in section.functions():
            (man / f"{function.name}.3").write_text(man_page(function, section, header.version))
    (pages / "cothread.html").write_text(html_page(header))


def main() -> int:
    text = (ROOT / "cothread.h").read_text()
    header, faults = read_header(text)
    if sys.argv[1:] == ["check"]:
        faults += long_lines()
    elif len(sys.argv) != 3 or sys.argv[1] != "build":
        print(__doc__, file=sys.stderr)
        return 2
    elif not faults:
        build(header, Path(sys.argv[2]))
    for fault in faults:
        print(f"FAILED {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

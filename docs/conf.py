"""Sphinx builds the documentation: ``python -m sphinx -W -b html docs outputs/docs``.

Pages are Markdown; the notebooks are taken from ``notebooks/`` as they are and run while the pages are built
when JAXSL_DOCS_EXECUTE is set. Formulas become MathML, so that no page needs the network.
"""

import os
import re
import shutil
import sys
from pathlib import Path

from docutils import nodes
from latex2mathml.converter import convert

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
import jaxsl  # noqa: E402

project, author, release = "jaxsl", "the authors of jaxsl", jaxsl.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["conf.py", "results/**"]
# Sphinx looks up the name of every attribute as if it were a reference, and finds it in several classes.
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_title = f"jaxsl {release}"
html_theme_options = {"top_of_page_buttons": []}
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["formula.css"]

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "cache" if os.environ.get("JAXSL_DOCS_EXECUTE") else "off"
nb_execution_cache_path = str(ROOT / "outputs" / "docs_cache")
nb_execution_timeout = 600
nb_execution_raise_on_error = True

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # shapes say more, and stand in the text
autodoc_default_options = {"members": True}
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_use_ivar, napoleon_use_rtype, napoleon_attr_annotations = True, False, False

# Notebooks have to lie below the pages; the copy is ignored by git.
shutil.rmtree(ROOT / "docs" / "notebooks", ignore_errors=True)
shutil.copytree(ROOT / "notebooks", ROOT / "docs" / "notebooks", ignore=shutil.ignore_patterns("__pycache__"))

SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Example|Yields):$")


def plain_docstring(app, what, name, obj, options, lines):
    """Our docstrings are plain text with ``code``: formulas are indented, stars and bars mean nothing."""
    out: list[str] = []
    literal = section = False
    for line in lines:
        indented, blank = line.startswith("    "), not line.strip()
        if SECTION.match(line):
            section = True
        if not section and indented and not literal and (not out or not out[-1].strip()):
            out += ["::", ""]
            literal = True
        if literal and not indented and not blank:
            literal = False
        out.append(line if literal or line.lstrip().startswith(">>>") else escaped(line))
    lines[:] = out


def escaped(line: str) -> str:
    """Stars, bars and trailing underscores outside of ``code`` as themselves."""
    pieces = re.split(r"(``[^`]+``)", line)
    return "".join(
        piece if piece.startswith("``") else re.sub(r"([*|]|_(?=\W|$))", r"\\\1", piece) for piece in pieces
    )


def visit_math(translator, node):
    """A formula in a line."""
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def visit_displaymath(translator, node):
    """A formula of its own."""
    translator.body.append(f'<div class="formula">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app):
    """Connect the above."""
    app.connect("autodoc-process-docstring", plain_docstring, priority=400)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))

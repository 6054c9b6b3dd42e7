"""Every explorer of every lecture in JupyterLab: each control at its ends, moved by the keyboard.

Of a lecture only the cells run that its explorers need, found by the names that they share.
"""

import ast
import base64
import re
import symtable
import time
from pathlib import Path

import jupytext
import nbformat
import pytest
from playwright.sync_api import expect

from .conftest import ROOT, SECONDS
from .notebook import Notebook

LECTURES = sorted(path.stem for path in (ROOT / "lectures").glob("*.py"))
CONTROLS = "[role=slider], .widget-toggle-buttons, select, input[type=checkbox], input[type=text]"
TYPED = {"word": "sin", "your own: a b c": "sin cos tan"}  # by label, what a field for text answers with a picture
NONSENSE = "qwzxv"
CHANGING = re.compile("fit|append|update|add|train")  # functions that change what they are given, or whose method they are


# --- which cells an explorer needs

def root(node):
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def facts(source):
    """Names that a cell sets, names that it changes, and names that it takes from the cells before."""
    sets, changes, takes = set(), set(), set()
    for statement in ast.parse(source).body:
        tables = [symtable.symtable(ast.unparse(statement), "cell", "exec")]
        top = {symbol.get_name() for symbol in tables[0].get_symbols() if symbol.is_assigned() or symbol.is_imported()}
        used = {symbol.get_name() for symbol in tables[0].get_symbols() if symbol.is_referenced()}
        while tables:
            table = tables.pop()
            tables += table.get_children()
            used |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        own = top if isinstance(statement, ast.FunctionDef | ast.ClassDef) else set()
        for node in ast.walk(statement):
            if isinstance(node, ast.For | ast.withitem):  # the loop's own variable does not come from before
                target = node.target if isinstance(node, ast.For) else node.optional_vars
                own |= {name.id for name in ast.walk(target) if isinstance(name, ast.Name)} if target else set()
            elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
                changes.add(root(node))
            elif isinstance(node, ast.AugAssign):
                changes.add(root(node.target))
            elif isinstance(node, ast.Call) and CHANGING.match(ast.unparse(node.func).rpartition(".")[2]):
                changes |= {root(argument) for argument in [node.func, *node.args]}
        if isinstance(statement, ast.For | ast.If | ast.With):
            inner, _, from_before = facts("\n".join(map(ast.unparse, statement.body)))
            own |= inner - from_before
        takes |= used - own - sets
        sets |= top
    return sets, changes, takes


def needed(sources):
    """Positions of the cells with an explorer, and of those that they need."""
    wanted, positions = set(), []
    for position in reversed(range(len(sources))):
        sets, changes, takes = facts(sources[position])
        if "explore(" in sources[position] or (sets | changes) & wanted:
            positions.append(position)
            wanted = (wanted - (sets - changes)) | takes
    return positions[::-1]


def write_notebook(path, sources):
    """A notebook whose cells have the ids cell-0, cell-1, ..."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {
        "name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}})
    for k, source in enumerate(sources):
        notebook.cells.append(nbformat.v4.new_code_cell(source, id=f"cell-{k}"))
    nbformat.write(notebook, path)


def write_lecture(path, lecture):
    """The cells that the explorers of a lecture need. Returns the ids of the cells with an explorer."""
    cells = jupytext.read(ROOT / "lectures" / f"{lecture}.py").cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    sources = [sources[position] for position in needed(sources)]
    write_notebook(path, sources)
    return [f"cell-{k}" for k, source in enumerate(sources) if re.search(r"^(widgets\.)?explore\(", source, re.M)]


# --- an explorer in the page

class Explorer:
    """What a person sees of an explorer, and the keys that move it."""

    def __init__(self, cell):
        self.box = cell.locator(".explorer")
        expect(self.box).to_have_count(1)
        self.words = self.box.locator("[data-drawn]")
        self.controls = self.box.locator(CONTROLS).all()

    def name(self, control):
        return control.evaluate("""e => e.closest('.widget-inline-hbox, .widget-hbox').innerText.split('\\n')[0]
            || e.parentElement.innerText""")

    def value(self, control):
        return control.evaluate("""e => e.ariaValueNow ?? e.querySelector('.mod-active')?.innerText
            ?? (e.type === 'checkbox' ? e.checked : e.value)""")

    def drawn(self):
        return int(self.words.get_attribute("data-drawn"))

    def picture(self):
        """The PNG that is shown."""
        text = self.box.locator("img").evaluate("""async e => {
            const reader = new FileReader();
            const read = new Promise(done => { reader.onload = () => done(reader.result); });
            reader.readAsDataURL(await (await fetch(e.src)).blob());
            return read;
        }""")
        png = base64.b64decode(text.partition(",")[2])
        assert png.startswith(b"\x89PNG")
        return png

    def move(self, control, end):
        """To its lowest or first value (end = 0), or its highest or last (end = -1), by keys; wait for the picture.

        A field for text is emptied, or what `TYPED` has for it is typed.
        """
        if is_text(control):
            return self.type(control, TYPED[self.name(control).strip()] if end else "")
        before, drawn = self.value(control), self.drawn()
        if control.get_attribute("type") == "checkbox":
            control.focus()
            if control.is_checked() != bool(end):
                control.press("Space")
        elif control.locator("button").count():
            control.locator("button").nth(end).press("Enter")
        else:
            control.press("End" if end else "Home")
        if self.value(control) != before:
            self.wait(drawn)
        return self.picture()

    def type(self, control, text):
        """What a field for text holds is replaced, key by key, and Enter is pressed. Nothing is drawn before that."""
        before, drawn = self.value(control), self.drawn()
        control.press("ControlOrMeta+a")
        control.press("Delete")
        control.press_sequentially(text)
        time.sleep(0.5)  # the time of a drawing, if one were made
        assert self.drawn() == drawn
        control.press("Enter")
        if text != before:
            self.wait(drawn)
        return self.picture()

    def wait(self, drawn):
        """Until a picture is there that is newer than the one with this number."""
        deadline = time.monotonic() + SECONDS
        while self.drawn() <= drawn:
            assert time.monotonic() < deadline, "the picture was not drawn anew"
            time.sleep(0.02)
        assert self.words.get_attribute("role") == "status", self.words.inner_text()  # it is "alert" for an exception

    def tab_through(self, page):
        """Which controls the Tab key reaches from the first one on, itself included."""
        focused = """e => e.contains(document.activeElement)"""
        (self.controls[0].locator("button").first if self.controls[0].locator("button").count()
         else self.controls[0]).focus()
        reached = set()
        for _ in range(12 * len(self.controls)):
            reached |= {k for k, control in enumerate(self.controls) if control.evaluate(focused)}
            if len(reached) == len(self.controls):
                break
            page.keyboard.press("Tab")
        return reached


def is_text(control):
    return control.get_attribute("type") == "text"


def run_all(page, notebook, seconds=400):
    notebook.menu("Run", "Run All Cells")
    page.wait_for_function(
        """() => window.jupyterapp.shell.currentWidget.content.widgets.every(cell => cell.model.executionCount !== null)
              || window.jupyterapp.shell.currentWidget.content.widgets.some(cell => cell.model.outputs?.toJSON()
                    .some(output => output.output_type === 'error'))""", timeout=seconds * 1000)
    assert not errors(page)
    notebook.wait_for_kernel(seconds)


def errors(page):
    """What was raised, and what was written to stderr, in any cell."""
    outputs = page.evaluate("""() => window.jupyterapp.shell.currentWidget.content.widgets
        .flatMap(cell => cell.model.outputs?.toJSON() ?? [])""")
    return [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]


@pytest.fixture(scope="module")
def server(jupyterlab, tmp_path_factory):
    return jupyterlab(tmp_path_factory.mktemp("explorers"))


@pytest.fixture
def opened(server, page):
    """Opens a notebook of the server's folder, in a workspace of its own; its kernel ends with the test."""
    notebooks = []

    def open_notebook(name):
        # In the common workspace JupyterLab would also open again what the test before has opened.
        notebooks.append(Notebook(page, server.url(f"lab/workspaces/{name}/tree/{name}.ipynb")))
        return notebooks[-1]

    yield open_notebook
    if notebooks:
        page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("lecture", LECTURES)
def test_every_control_of_every_explorer_moves_the_picture(lecture, server, opened, page, shot):
    ids = write_lecture(server.folder / f"{lecture}.ipynb", lecture)
    assert 1 <= len(ids) <= 3
    notebook = opened(lecture)
    run_all(page, notebook)
    for number, cell_id in enumerate(ids, 1):
        explorer = Explorer(notebook.show(cell_id))
        shot(page, f"{lecture}-{number}-default")
        assert explorer.tab_through(page) == set(range(len(explorer.controls))), "not all controls are in the tab order"
        assert explorer.words.inner_text().strip(), "nothing says in words what the picture shows"
        still = []
        for control in filter(is_text, explorer.controls):
            default, strange = explorer.picture(), explorer.type(control, NONSENSE)
            assert strange != default and NONSENSE in explorer.words.inner_text()  # a line that names it, no exception
            shot(page, f"{lecture}-{number}-nonsense")
        for control in explorer.controls:
            default, low, high = explorer.picture(), explorer.move(control, 0), explorer.move(control, -1)
            if low == high or low == default == high:
                still.append(control)
        shot(page, f"{lecture}-{number}-highest")
        # Controls that only matter where another one stands elsewhere. All stand at their highest now; the others go to
        # their lowest, one after the other, until the picture moves.
        for control in still:
            others = iter([other for other in explorer.controls if other is not control])
            while explorer.move(control, 0) == explorer.move(control, -1):
                other = next(others, None)
                assert other is not None, f"{explorer.name(control)} never changes the picture"
                explorer.move(other, 0)
        for control in explorer.controls:
            explorer.move(control, 0)
        shot(page, f"{lecture}-{number}-lowest")
        assert not errors(page)


SMALL = """
import threading, time
import matplotlib.pyplot as plt
from course_utils import widgets
calls = []
def draw(position=0, failing=False):
    assert not failing, "asked to fail"
    calls.append((position, threading.current_thread() is threading.main_thread()))
    figure, axis = plt.subplots()
    axis.plot([0, position])
    print("position", position)
    time.sleep(0.3)
widgets.explore(draw, position=(0, 40), failing=False)
"""


@pytest.fixture
def small(server, opened):
    write_notebook(server.folder / "small.ipynb", [SMALL, "print(calls)", "import time; time.sleep(2); print('slept')"])
    notebook = opened("small")
    assert "Traceback" not in notebook.run("cell-0")
    return notebook


def test_a_drag_leaves_no_queue_of_old_values(small, page):
    explorer = Explorer(small.show("cell-0"))
    explorer.controls[0].focus()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    expect(explorer.words).to_have_text("position 40")
    calls = ast.literal_eval(small.run("cell-1"))
    assert calls[-1][0] == 40 and len(calls) < 35, calls
    assert all(in_main_thread for _, in_main_thread in calls)  # pyplot is not made for more than one


FIELD = """
import matplotlib.pyplot as plt
from course_utils import widgets
def draw(word="sin", size=3, angle=0):
    plt.figure().text(0.1, 0.5, word, fontsize=10 * size, rotation=angle)
    print("word", word, "size", size)
widgets.explore(draw, word="sin", size=(1, 9), angle=list(range(9)))
"""


def test_a_field_for_text_acts_on_enter_and_when_it_is_left(server, opened, page):
    write_notebook(server.folder / "field.ipynb", [FIELD])
    notebook = opened("field")
    assert "Traceback" not in notebook.run("cell-0")
    explorer = Explorer(notebook.show("cell-0"))
    field, slider, menu = explorer.controls
    assert explorer.name(field).strip() == "word" and explorer.value(field) == "sin"
    before = explorer.picture()
    assert explorer.type(field, "tan h") != before
    expect(explorer.words).to_have_text("word tan h size 3")
    field.press("End")
    field.press("x")
    field.press("Tab")  # leaves it
    expect(explorer.words).to_have_text("word tan hx size 3")
    assert slider.evaluate("e => e === document.activeElement")
    for control in (menu, field, slider):
        control.focus()
        page.keyboard.press("Shift")  # whoever uses keys sees where the focus is
        assert control.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    slider.press("ArrowRight")  # the field still waits, though drawings are fast
    expect(explorer.words).to_have_text("word tan hx size 4")
    assert explorer.type(field, "sin") != before
    assert not errors(page)


def test_a_control_moved_while_a_cell_runs_waits_for_it(small, page):
    explorer = Explorer(small.show("cell-0"))
    small.show("cell-2").locator(".cm-content").first.click()
    page.keyboard.press("ControlOrMeta+Enter")
    explorer.controls[0].press("End")
    expect(explorer.words).to_have_text("position 40")
    small.wait_for_kernel()
    assert "slept" in small.output("cell-2") and "position" not in small.output("cell-2")


def contrast(first, second):
    """The contrast ratio of WCAG 2 of two colours, "rgb(r, g, b)"."""
    def luminance(color):
        parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(first), luminance(second)])
    return (high + 0.05) / (low + 0.05)


BACKGROUND = """e => {
    while (getComputedStyle(e).backgroundColor === 'rgba(0, 0, 0, 0)') e = e.parentElement;
    return getComputedStyle(e).backgroundColor;
}"""


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_an_explorer_can_be_read_in_either_theme(theme, small, page, shot):
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
    explorer = Explorer(small.show("cell-0"))
    color = "e => getComputedStyle(e).color"

    def readable(place):
        return contrast(place.evaluate(color), place.evaluate(BACKGROUND)) > 4.5

    # The theme's colours come a moment after its name.
    dark = theme.endswith("Dark")
    page.wait_for_function(f"""() => ({BACKGROUND})(document.querySelector('.explorer')).match(/\\d+/) {'<' if dark else '>'} 127""")
    for place in [explorer.words, *explorer.box.locator("label:visible").all()]:
        assert readable(place), place.inner_text()
    slider, failing = explorer.controls
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert slider.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"  # who has the focus is seen
    expect(explorer.words).to_have_text("position 1")
    before = explorer.picture()
    failing.press("Space")
    expect(explorer.words).to_have_attribute("role", "alert")
    assert "raised AssertionError: asked to fail" in explorer.words.inner_text() and readable(explorer.words)
    assert explorer.picture() == before
    shot(page, f"small-{'dark' if dark else 'light'}")


def test_the_cells_that_an_explorer_needs_are_found():
    sources = ["import math", "x = 1\ny = 2", "y = 3", "z = []", "z.append(x)", "for k in range(3):\n    w = k", "def f():\n    return z",
               "explore(f)", "explore = 1"]
    assert needed(sources) == [1, 3, 4, 6, 7]
    assert [cell for lecture in LECTURES for cell in re.findall("^(?:widgets.)?explore[(]", Path(ROOT / "lectures" / f"{lecture}.py").read_text(), re.M)]

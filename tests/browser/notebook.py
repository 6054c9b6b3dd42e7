"""A notebook in JupyterLab, handled through the page: what to press, where to type, what to wait for."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
# JupyterLab takes cells far from the view out of the page, so what a cell says is asked of its model.
MODEL = "id => { const model = window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model)" \
        ".find(model => model.id === id); return %s; }"


class Notebook:
    """The notebook that is open in `page`, or opens from `url`.

    Cells are named by their id: in a lab that is the grade id, where there is one.
    """

    def __init__(self, page: Page, url: str | None = None) -> None:
        self.page = page
        if url:
            page.goto(url)
        page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context?.isReady", timeout=120_000)
        self.wait_for_kernel()

    def wait_for_kernel(self, seconds: float = 180) -> None:
        """Until the kernel is idle and no cell waits for it."""
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp.shell.currentWidget;
                return panel?.sessionContext?.session?.kernel?.status === 'idle'
                    && !document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-InputPrompt.jp-mod-running')
                    && panel.content.widgets.every(cell => cell.model.executionState !== 'running');
            }""", timeout=seconds * 1000)

    def index(self, cell_id: str) -> int:
        """The position of a cell, counted from 0."""
        return self.page.evaluate(
            "id => window.jupyterapp.shell.currentWidget.content.widgets.findIndex(cell => cell.model.id === id)",
            cell_id)

    def cell(self, cell_id: str) -> Locator:
        """The place of a cell in the page; only cells near the view have one."""
        position = self.index(cell_id)
        assert position >= 0, f"there is no cell {cell_id}"
        return self.page.locator(f"{PANEL} .jp-Cell[data-windowed-list-index='{position}']")

    def show(self, cell_id: str, edge: str = "start") -> Locator:
        """Scroll the start or the end of a cell into the view and make it the active one. Returns its place."""
        cell = self.cell(cell_id)
        self.page.evaluate(
            """async ([i, edge]) => {
                const content = window.jupyterapp.shell.currentWidget.content;
                content.activeCellIndex = i;
                await content.scrollToItem(i, edge);
            }""", [self.index(cell_id), edge])
        expect(cell).to_be_visible()
        return cell

    def edit(self, cell_id: str) -> None:
        """Put the cursor into a cell."""
        cell = self.show(cell_id)
        rendered = cell.locator(".jp-MarkdownOutput")
        if rendered.count():
            rendered.dblclick()
        cell.locator(".cm-content").first.click()

    def type_over_last_line(self, cell_id: str, line: str) -> None:
        """Select the last line of a cell and type another, letter by letter."""
        self.edit(cell_id)
        for keys in ("ControlOrMeta+End", "Shift+Home"):
            self.page.keyboard.press(keys)
        self.page.keyboard.type(line)

    def type(self, cell_id: str, source: str) -> None:
        """Replace what a cell says, through the keyboard."""
        self.edit(cell_id)
        self.page.keyboard.press("ControlOrMeta+a")
        # As pasted text: typed letter by letter, the editor would indent and close brackets by itself.
        self.page.keyboard.insert_text(source)

    def run(self, cell_id: str) -> str:
        """Run one cell with Ctrl+Enter, and return the text below it."""
        self.show(cell_id).locator(".cm-content").first.click()
        before = self.count(cell_id)
        self.page.keyboard.press("ControlOrMeta+Enter")
        self.page.wait_for_function(
            """([id, before]) => {
                const cells = window.jupyterapp.shell.currentWidget.content.widgets;
                const count = cells.find(cell => cell.model.id === id).model.executionCount;
                return count !== null && count !== before;
            }""", arg=[cell_id, before], timeout=180_000)
        self.wait_for_kernel()
        return self.output(cell_id)

    def count(self, cell_id: str) -> int | None:
        """The number in the brackets beside a cell."""
        return self.page.evaluate(MODEL % "model.executionCount", cell_id)

    def source(self, cell_id: str) -> str:
        return self.page.evaluate(MODEL % "model.sharedModel.getSource()", cell_id)

    def wait_for_source(self, cell_id: str, source: str) -> None:
        """Until a cell says this."""
        self.page.wait_for_function(
            """([id, source]) => window.jupyterapp.shell.currentWidget.content.widgets.some(
                cell => cell.model.id === id && cell.model.sharedModel.getSource() === source)""",
            arg=[cell_id, source])

    def output(self, cell_id: str) -> str:
        """The text below a cell as it is read, without colours."""
        outputs = self.page.evaluate(MODEL % "model.outputs.toJSON()", cell_id)
        text = ""
        for output in outputs:
            if output["output_type"] == "error":
                text += "\n".join(output["traceback"]) + "\n"
            else:
                data = output.get("text", output.get("data", {}).get("text/plain", ""))
                text += data if isinstance(data, str) else "".join(data)
        return re.sub(r"\x1b\[[0-9;]*m", "", text)

    def menu(self, *words: str) -> None:
        """Choose an entry of a menu: menu("Run", "Run All Cells")."""
        self.page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{words[0]}$")).click()
        for word in words[1:]:
            self.page.locator(".lm-Menu-item", has_text=re.compile(f"^{re.escape(word)}")).first.click()

    def run_all(self) -> None:
        """Run > Run All Cells, until the last code cell has a number."""
        self.menu("Run", "Run All Cells")
        self.page.wait_for_function(
            """() => {
                const cells = window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model);
                const code = cells.filter(cell => cell.type === 'code' && cell.sharedModel.getSource().trim());
                return code.every(cell => cell.executionCount !== null);
            }""", timeout=240_000)
        self.wait_for_kernel()

    def save(self) -> None:
        self.page.keyboard.press("ControlOrMeta+s")
        self.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")

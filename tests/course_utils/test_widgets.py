import io
import os
import queue
import threading
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbclient
import pytest
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from course_utils import widgets
from course_utils.widgets import WIDGET, explore


@pytest.fixture(autouse=True)
def no_figures_left():
    plt.close("all")
    yield
    assert plt.get_fignums() == []


def draw(lr=0.1, steps=3, kind="plain", log=False):
    _, axis = plt.subplots()
    axis.plot([0, lr * steps])
    print(f"lr={lr} steps={steps} kind={kind} log={log}")
    if lr > 1:
        raise ValueError("a rate <b>above</b> 1 diverges")


def explorer(**changes):
    controls = {"lr": (0.01, 1.2, 0.01), "steps": (1, 9), "kind": ["plain", "Adam"], "log": False}
    return explore(draw, **(controls | changes))


def test_the_first_picture_is_of_the_defaults():
    it = explorer()
    assert it.values == {"lr": 0.1, "steps": 3, "kind": "plain", "log": False}
    assert it.text == "lr=0.1 steps=3 kind=plain log=False\n"
    assert Image.open(io.BytesIO(it.png)).width > 100


def test_each_control_is_the_widget_for_its_kind():
    it = explore(
        draw, lr=(0.01, 1.2, 0.01), steps=(1, 9), kind=["plain", "Adam"], log=True, labels={"lr": "learning rate"}
    )
    kinds = {name: type(control).__name__ for name, control in it.controls.items()}
    assert kinds == {"lr": "FloatSlider", "steps": "IntSlider", "kind": "ToggleButtons", "log": "Checkbox"}
    slider = it.controls["lr"]
    assert (slider.min, slider.max, slider.step, slider.value) == (0.01, 1.2, 0.01, 0.1)
    assert slider.readout and slider.readout_format == ".2f"
    assert slider.description == "learning rate" and it.controls["steps"].description == "steps"
    assert it.controls["log"].value is True


def test_a_long_list_is_a_menu_and_its_values_need_not_be_text():
    def show(degree=2):
        plt.figure()

    it = explore(show, degree=list(range(2, 30)))
    assert type(it.controls["degree"]).__name__ == "Dropdown"
    it.controls["degree"].value = 5
    assert it.values == {"degree": 5}


def spell(word="sin", size=1):
    plt.figure().text(0.1, 0.5, word[:9])
    print(f"{word!r} has {len(word)} letters")
    assert "\0" not in word


def test_a_text_is_a_field_that_waits_for_enter_and_starts_there(monkeypatch):
    it = explore(spell, word="cos", size=(1, 9), labels={"word": "your word"})
    field = it.controls["word"]
    assert type(field).__name__ == "Text" and it.values == {"word": "cos", "size": 1} and field.value == "cos"
    assert field.description == "your word" and not field.continuous_update
    before = it.png
    field.value = " tan  h "
    assert it.values["word"] == " tan  h " and it.text == "' tan  h ' has 8 letters\n" and it.png != before
    assert "has 8 letters" in it._message.value
    monkeypatch.setattr(widgets, "FAST", 60.0)  # a slider would follow the hand now, a field never does
    it.controls["size"].value = 2
    assert it.controls["size"].continuous_update and not field.continuous_update


def test_a_text_may_be_empty_and_needs_no_default():
    it = explore(lambda word: spell(word), word="")
    assert it.values == {"word": ""} and it.controls["word"].value == ""
    it.controls["word"].value = "<b>"
    assert "&#x27;&lt;b&gt;&#x27; has 3 letters" in it._message.value  # text, not markup
    good = it.png
    it.controls["word"].value = "\0"
    assert isinstance(it.error, AssertionError) and it.png == good and 'role="alert"' in it._message.value
    it.controls["word"].value = ""
    assert it.error is None


def test_the_line_under_a_static_picture_names_a_text_as_the_others():
    assert explore(spell, word="sin", size=(1, 9))._where_it_moves().endswith("can be moved: by word and size.")


def test_moving_a_control_draws_a_new_picture_in_the_same_widget():
    it = explorer()
    before, widget = it.png, it._picture if it.controls else None
    it.controls["steps"].value = 8
    assert it.values["steps"] == 8 and "steps=8" in it.text
    assert it.png != before and it._picture is widget and widget.value == it.png
    assert "steps=8" in it._message.value
    it.controls["steps"].value = 3
    assert it.png == before


def test_every_picture_has_the_same_size_and_a_white_ground_of_its_own():
    def show(width=1):
        _, axis = plt.subplots()
        axis.set(ylim=(0, 10**width), ylabel="y " * width)

    it = explore(show, width=(1, 9))
    first = Image.open(io.BytesIO(it.png))
    it.controls["width"].value = 9
    second = Image.open(io.BytesIO(it.png))
    assert first.size == second.size == (640, 480)  # a page that jumps cannot be read
    assert second.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)


def test_a_change_from_another_thread_waits_until_the_main_one_has_drawn_it(monkeypatch):
    waiting, threads = queue.Queue(), []

    def show(x=0):
        threads.append(threading.current_thread())
        plt.figure()
        print(x)

    it = explore(show, x=(0, 9))
    slider = it.controls["x"]
    loop = SimpleNamespace(add_callback=waiting.put)
    monkeypatch.setattr(widgets, "_kernel", lambda: SimpleNamespace(io_loop=loop))
    subshell = threading.Thread(target=slider.set_trait, args=("value", 5))
    subshell.start()
    draw_now = waiting.get(timeout=60)
    assert it.text == "0\n" and subshell.is_alive()
    draw_now()
    subshell.join(timeout=60)
    assert not subshell.is_alive() and waiting.empty()
    assert it.values == {"x": 5} and it.text == "5\n" and 'data-drawn="1"' in it._message.value
    slider.set_trait("value", 6)
    assert it.text == "6\n" and set(threads) == {threading.main_thread()} and len(threads) == 3


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "by k0."), (2, "by k0 and k1."), (4, "by k0, k1, k2 and k3."), (11, "by k0, k1 and 9 more.")],
)
def test_the_line_under_a_static_picture_names_the_controls(number, words):
    def show(**controls):
        plt.figure()

    it = explore(show, **{f"k{k}": (0, 1) for k in range(number)})
    assert it._where_it_moves().endswith(f"can be moved: {words}")


def test_an_exception_is_shown_in_words_and_the_last_picture_stays():
    it = explorer()
    it.controls["steps"].value = 5
    good = it.png
    it.controls["lr"].value = 1.1
    assert isinstance(it.error, ValueError)
    assert it.png == good == it._picture.value
    message = it._message.value
    assert 'role="alert"' in message
    assert "draw(lr=1.1, steps=5, kind=&#x27;plain&#x27;, log=False) raised ValueError" in message
    assert "a rate &lt;b&gt;above&lt;/b&gt; 1 diverges" in message  # text, not markup
    it.controls["lr"].value = 0.2
    assert it.error is None and "raised" not in it._message.value and it.png != good


def test_an_exception_of_the_first_call_is_raised():
    with pytest.raises(ValueError, match="diverges"):
        explore(lambda lr=1.1: draw(lr), lr=(0.0, 2.0))


def test_a_function_may_return_its_figure_and_others_are_left_alone():
    own = plt.figure()

    def show(x=1):
        figure, axis = plt.subplots()
        plt.subplots()
        axis.set_title(str(x))
        return figure

    it = explore(show, x=(0, 5))
    it.controls["x"].value = 2
    assert it.error is None and plt.get_fignums() == [own.number]
    plt.close(own)


def test_a_function_that_draws_nothing_is_told_so():
    def forgot(x=1):
        return x

    with pytest.raises(TypeError, match="forgot drew no figure and returned int"):
        explore(forgot, x=(0, 5))


@pytest.mark.parametrize(
    ("controls", "error", "message"),
    [
        ({"rate": (0, 1)}, TypeError, "draw has no argument 'rate'"),
        ({"lr": (1.0, 0.5)}, ValueError, "is not .lowest, highest, step."),
        ({"lr": (0.0, 1.0, 0)}, ValueError, "is not .lowest, highest, step."),
        ({"lr": (0.5, 1.0)}, ValueError, "the default 0.1 is not between 0.5 and 1.0"),
        ({"kind": []}, ValueError, "the list of choices is empty"),
        ({"kind": ["a", "b"]}, ValueError, "the default 'plain' is none of"),
        ({"kind": None}, TypeError, "neither .* nor a list of choices"),
        ({"lr": (0.0, 1.0), "labels": {"rate": "learning rate"}}, ValueError, "labels for no control: rate"),
    ],
)
def test_controls_that_make_no_sense(controls, error, message):
    with pytest.raises(error, match=message):
        explore(draw, **controls)


def test_an_argument_without_default_starts_at_the_lowest_or_first():
    def show(x, kind):
        plt.figure()

    assert explore(show, x=(2, 5), kind=["b", "a"]).values == {"x": 2, "kind": "b"}


def test_a_slow_function_waits_for_the_release_of_the_slider(monkeypatch):
    it = explorer()
    monkeypatch.setattr(widgets, "FAST", 60.0)
    it.controls["lr"].value = 0.2
    assert it.controls["lr"].continuous_update and it.controls["steps"].continuous_update
    monkeypatch.setattr(widgets, "FAST", 0.0)
    it.controls["lr"].value = 0.3
    assert not it.controls["lr"].continuous_update


@pytest.mark.parametrize(
    ("step", "expected"), [(1, ".0f"), (0.5, ".1f"), (0.01, ".2f"), (0.0025, ".4f"), (20.0, ".0f")]
)
def test_the_readout_tells_neighbours_apart(step, expected):
    assert widgets._format(step) == expected


def test_the_environment_may_force_either_version(monkeypatch):
    for setting, live in (("live", True), ("static", False)):
        monkeypatch.setenv("COURSE_WIDGETS", setting)
        assert widgets.has_front_end() is live
    monkeypatch.setenv("COURSE_WIDGETS", "on")
    with pytest.raises(ValueError, match="COURSE_WIDGETS must be"):
        widgets.has_front_end()


# --- in a real kernel

SETUP = """
import matplotlib.pyplot as plt
from course_utils import plotting, widgets
from course_utils.training import History
def draw(lr=0.1):
    figure, axis = plt.subplots(FigureClass=plotting.NotebookFigure)
    axis.plot([0, lr])
    if lr > 1:
        raise ValueError("too large")
    return figure
def histories():
    return plotting.plot_history(History([2, 1]), title="A"), plotting.plot_history(History([1, 2]), title="B")
"""
EXPLORE = "explorer = widgets.explore(draw, lr=(0.01, 1.2, 0.01))"


def environment():
    """That of a kernel that JupyterLab starts: with the inline backend, which the settings for the tests replace."""
    return {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "COURSE_WIDGETS")}


@pytest.fixture(scope="module")
def headless():
    """Outputs by source, as nbclient saves them, and the metadata of the notebook."""
    sources = [
        SETUP,
        EXPLORE,
        "widgets.explore(draw, lr=(0.01, 1.2, 0.01))",
        "histories()[1]",
        "histories(); print('end')",
        "from course_utils import training; import torch\n"
        "training.fit(torch.nn.Linear(2, 2), torch.rand(64, 2), torch.arange(64) % 2, epochs=3);",
    ]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute(env=environment())
    return {cell.source: cell.outputs for cell in notebook.cells}, notebook.metadata


def test_without_a_front_end_the_figure_stands_there_once_and_no_widget(headless):
    outputs, metadata = headless
    for source in (EXPLORE, "widgets.explore(draw, lr=(0.01, 1.2, 0.01))"):
        picture, line = outputs[source]
        assert picture.output_type == line.output_type == "display_data"
        assert picture.data["image/png"] and WIDGET not in picture.data | line.data
        assert line.data["text/plain"] == "Run in JupyterLab, this picture can be moved: by lr."
        assert line.data["text/markdown"] == f"*{line.data['text/plain']}*"
    assert "widgets" not in metadata


def test_figures_of_the_course_appear_once_and_in_order(headless):
    for source in ("histories()[1]", "histories(); print('end')"):
        pictures = [output for output in headless[0][source] if "image/png" in output.get("data", {})]
        assert [output.data["text/plain"] for output in pictures] == ["<figure: A, Loss>", "<figure: B, Loss>"], source


def test_a_progress_bar_leaves_one_line_and_no_warning(headless):
    (output,) = next(outputs for source, outputs in headless[0].items() if "training.fit" in source)
    line = output.data["text/plain"]
    assert set(output.data) == {"text/plain"} and "\n" not in line
    assert line.startswith("epoch 3/3") and "100 %" in line and "accuracy" in line


def test_a_page_made_of_a_notebook_that_jupyterlab_saved_shows_the_picture(lab):
    from nbconvert import HTMLExporter

    lab.execute(SETUP)
    (shown,) = [m["content"] for m in lab.execute(EXPLORE) if m["msg_type"] == "display_data"]
    cell = new_code_cell(EXPLORE, outputs=[new_output("display_data", data=shown["data"], metadata=shown["metadata"])])
    page, _ = HTMLExporter(template_name="lab").from_notebook_node(new_notebook(cells=[cell]))
    assert f"data:image/png;base64,{shown['data']['image/png'].strip()}" in page.replace("\n", "")
    assert shown["data"][WIDGET]["model_id"] not in page


class Lab:
    """The kernel's end of JupyterLab: requests that name their cell, and comm messages that set a widget."""

    def __init__(self, client):
        self.client = client

    def send(self, kind, content, metadata=None):
        message = self.client.session.msg(kind, content, metadata=metadata)
        self.client.shell_channel.send(message)
        return self.until_idle(message["header"]["msg_id"])

    def until_idle(self, parent):
        messages = []
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=60)
            except queue.Empty:
                pytest.fail("the kernel did not become idle")
            if message["parent_header"].get("msg_id") != parent:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return messages
            messages.append(message)

    def execute(self, code):
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        messages = self.send("execute_request", content, {"cellId": "1234"})
        assert not [m["content"] for m in messages if m["msg_type"] == "error"]
        return messages

    def set(self, model_id, **state):
        data = {"method": "update", "state": state, "buffer_paths": []}
        return self.send("comm_msg", {"comm_id": model_id, "data": data})


@pytest.fixture
def lab():
    manager, client = start_new_kernel(kernel_name="python3", env=environment())
    try:
        yield Lab(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_in_jupyterlab_a_slider_replaces_the_picture_and_adds_no_output(lab):
    lab.execute(SETUP)
    messages = lab.execute(EXPLORE)
    shown = [m["content"]["data"] for m in messages if m["msg_type"] in ("display_data", "execute_result")]
    assert len(shown) == 1 and set(shown[0]) == {WIDGET, "image/png", "text/plain"}
    models = {m["content"]["comm_id"]: m for m in messages if m["msg_type"] == "comm_open"}
    states = {comm_id: m["content"]["data"]["state"] for comm_id, m in models.items()}
    assert states[shown[0][WIDGET]["model_id"]]["_model_name"] == "VBoxModel"
    named = {state["_model_name"]: comm_id for comm_id, state in states.items()}
    slider, picture, words = named["FloatSliderModel"], named["ImageModel"], named["HTMLModel"]
    assert bytes(models[picture]["buffers"][0]).startswith(b"\x89PNG")

    def moved(value):
        messages = lab.set(slider, value=value)
        assert {m["msg_type"] for m in messages} <= {"comm_msg", "status"}  # nothing printed, nothing displayed
        return {
            m["content"]["comm_id"]: m for m in messages
            if m["msg_type"] == "comm_msg" and m["content"]["data"].get("method") == "update"
        }  # fmt: skip

    new = moved(0.9)[picture]
    assert bytes(new["buffers"][0]).startswith(b"\x89PNG")
    assert bytes(new["buffers"][0]) != bytes(models[picture]["buffers"][0])
    failed = moved(1.1)
    assert picture not in failed
    assert "raised ValueError: too large" in failed[words]["content"]["data"]["state"]["value"]

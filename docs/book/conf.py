"""Sphinx's settings for the book. docs/book/build.py calls Sphinx; source files are a copy that it makes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "Deep learning, from the 1943 neuron to adversarial examples"
author = "the authors of the course"
copyright = "the authors of the course. Text and figures CC BY 4.0, code MIT"
language = "en"
root_doc = "docs/index"
templates_path = [str(HERE / "templates")]
exclude_patterns = ["labs/**"]  # downloads, not pages
extensions = ["myst_nb", "sphinx_copybutton", "book_extension"]

# The lectures come executed.
nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

# From disk and without a network: everything that would come from a CDN lies in _static/vendor.
mathjax_path = "vendor/mathjax/es5/tex-mml-chtml.js"
nb_ipywidgets_js = {"vendor/requirejs/require.js": {}, "vendor/html-manager/dist/embed-amd.js": {}}
html_show_search_summary = False  # it would fetch pages, which a browser forbids on file://
nitpicky = True

html_theme = "sphinx_book_theme"
html_title = "Deep learning, from 1943 to today"
html_static_path = [str(HERE / "static"), os.environ["BOOK_STATIC"]]
html_extra_path = [str(HERE / "extra")]  # index.html, which leads to docs/index.html
html_css_files = ["book.css"]
html_use_index = False
html_copy_source = True
html_show_sourcelink = False
html_last_updated_fmt = None
html_context = {"default_mode": "auto"}
html_theme_options = {
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "navbar_persistent": [],  # the side bar has the search field
    "use_fullscreen_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

// A slide of a lecture is as long as its author needed. Here it is cut into pages of 1400 x 800 at paragraphs, code and
// figures; what is still too high or too wide alone is made smaller, and scrolls if it would be too small to be read.
const WIDTH = 1400, HEIGHT = 800, ROOM = 730;  // the rest is for the margins and the number of the slide
const SMALLEST = 0.6, ITEMS = 5;

// A long list becomes several, so that a page can be cut between them.
function splitLists(section) {
  for (const list of section.querySelectorAll(".jp-MarkdownOutput > ul")) {
    while (list.children.length > ITEMS) {
      const head = list.cloneNode(false);
      head.append(...[...list.children].slice(0, ITEMS));
      list.before(head);
    }
  }
}

// The parts that a page cannot be cut in, each with what it came from.
function partsOf(section) {
  const parts = [];
  splitLists(section);
  for (const cell of section.querySelectorAll(".jp-Cell")) {
    const fragment = cell.closest(".fragment") !== null;
    const blocks = cell.classList.contains("jp-MarkdownCell")
      ? [...cell.querySelector(".jp-MarkdownOutput").children]
      : [...cell.querySelectorAll(".jp-InputArea-editor, .code, .jp-OutputArea-output")]
          .filter((block) => !block.parentElement.closest(".code"));
    blocks.forEach((block, number) => parts.push({
      block, cell, fragment, head: /^H\d$/.test(block.tagName),
      code: block.matches(".code, .jp-InputArea-editor"), first: number === 0,
    }));
  }
  return parts;
}

function pageOf(parts, title) {
  const page = document.createElement("section");
  if (title) {
    const again = document.createElement("p");
    again.className = "again";
    again.textContent = title;
    page.append(again);
  }
  let group = null, cell = null;
  for (const part of parts) {
    if (part.cell !== cell) {
      cell = part.cell;
      group = document.createElement("div");
      // A page that continues a fragment would be empty at first.
      group.className = part.fragment && part !== parts[0] ? "group fragment" : "group";
      page.append(group);
    }
    group.append(part.block);
  }
  return page;
}

function heightOf(page, measure) {
  measure.replaceChildren(page);
  return page.scrollHeight;
}

function paginate(section, measure) {
  const parts = partsOf(section), notes = [...section.querySelectorAll("aside.notes")];
  const pages = [];
  let rest = parts, title = "";
  while (rest.length) {
    let count = rest.length;
    while (count > 1 && heightOf(pageOf(rest.slice(0, count), title), measure) > ROOM) count -= 1;
    // A head goes with what it is the head of, and code with what comes out of it if a page has room for both.
    while (count > 1 && count < rest.length && (rest[count - 1].head ||
           (rest[count - 1].code && rest[count].cell === rest[count - 1].cell))) count -= 1;
    const page = pageOf(rest.slice(0, count), title);
    if (heightOf(page, measure) > ROOM || page.scrollWidth > WIDTH) shrink(page, measure);
    for (const part of rest.slice(0, count)) if (part.head) title = part.block.textContent;
    pages.push(page);
    rest = rest.slice(count);
  }
  pages[0]?.append(...notes);
  section.replaceWith(...pages);
}

function shrink(page, measure) {
  for (let size = 0.95; size >= SMALLEST; size -= 0.05) {
    page.style.setProperty("--size", size);
    if (heightOf(page, measure) <= ROOM && page.scrollWidth <= WIDTH) return;
  }
  page.classList.add("scrolls");
  page.tabIndex = 0;
}

async function start() {
  await MathJax.startup.promise;
  await MathJax.typesetPromise();
  await document.fonts.ready;
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
  const measure = document.createElement("div");
  measure.className = "reveal measure";
  document.body.append(measure);
  for (const section of document.querySelectorAll(".slides > section > section")) paginate(section, measure);
  measure.remove();
  await Reveal.initialize({
    width: WIDTH, height: HEIGHT, margin: 0, center: false, hash: true, slideNumber: "c/t", transition: "none",
    plugins: [RevealNotes],
  });
  document.body.dataset.ready = "true";
}

start();

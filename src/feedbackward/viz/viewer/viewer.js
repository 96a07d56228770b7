/**
 * Shows a segmented picture: overlay, comparison, confidence, zoom, legend, and the class under the pointer.
 *
 * It knows no server: `new Viewer(root).show(result)` takes pixels. Its style is viewer.css.
 */

import { Divider } from "./divider.js";
import { listenToGestures } from "./gestures.js";
import { element, Legend, shareText } from "./legend.js";
import { heatGradient, paintClasses, paintConfidence } from "./painting.js";
import { Tabs } from "./tabs.js";
import { Viewport } from "./viewport.js";

const SHARP_SCALE = 3; // from here on the pixels themselves are shown
const STEP = 5; // CSS pixels of an arrow key, at least a pixel of the picture
const FAR_STEP = 40;
const ANNOUNCED_AFTER = 250; // ms: a key that is held down does not flood a screen reader

const MARKUP = `
  <div class="stage">
    <canvas tabindex="0" role="application" aria-roledescription="segmented picture"></canvas>
    <span class="stage-label" aria-hidden="true">Input</span>
    <span class="stage-label" aria-hidden="true">Result</span>
    <div class="divider" tabindex="0" role="slider" aria-label="Divider between input and result" aria-valuemin="0"
      aria-valuemax="100" aria-orientation="horizontal"><span></span></div>
    <p class="readout" data-part="readout" hidden></p>
    <p class="stage-hint" aria-hidden="true">Tap the picture for its classes</p>
    <div class="zoom" role="group" aria-label="Zoom">
      <button type="button" data-part="nearer" aria-label="Zoom in" title="Zoom in (+)">
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 3v10M3 8h10"/></svg></button>
      <button type="button" data-part="farther" aria-label="Zoom out" title="Zoom out (−)">
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 8h10"/></svg></button>
      <button type="button" data-part="fit" aria-label="Show the whole picture" title="Show the whole picture (0)">
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3"/></svg></button>
    </div>
    <p class="visually-hidden" aria-live="polite" data-part="announced"></p>
  </div>
  <div class="panel">
    <div class="tabs" role="tablist" aria-label="Tasks" data-part="tabs"></div>
    <div class="task" data-part="task">
      <div class="controls">
        <fieldset class="modes" data-part="modes">
          <legend class="visually-hidden">What is painted</legend>
          <label><input type="radio" value="classes" checked><span>Classes</span></label>
          <label><input type="radio" value="confidence"><span>Confidence</span></label>
        </fieldset>
        <div class="heat" data-part="heat" hidden><span>0%</span><i></i><span>100%</span></div>
        <label class="range"><span>Opacity</span><input type="range" min="0" max="100" value="60" data-part="opacity">
          <output data-part="percent"></output></label>
        <label class="switch"><span>Compare with the input</span>
          <input type="checkbox" role="switch" checked data-part="compare"></label>
      </div>
      <div data-part="legend"></div>
    </div>
  </div>`;

let viewers = 0;

/**
 * Its root gets the event "pick" when a pixel is clicked or Enter is pressed, whose detail is what `at` returns with the
 * task's name, and the event "task" when another task is shown.
 */
export class Viewer {
  #parts;
  #divider;
  #tabs;
  #result = null;
  #task = null;
  #legends = new Map();
  #view = null;
  #painting = document.createElement("canvas");
  #isPainted = false;
  #frame = 0;
  #crosshair = null;
  #announcing = 0;

  /** @param {HTMLElement} root an empty element, which gets a stage and a panel */
  constructor(root) {
    const id = `viewer-${++viewers}`;
    this.root = root;
    root.classList.add("viewer");
    root.innerHTML = MARKUP;
    this.canvas = root.querySelector("canvas");
    /** Controls and legend; more can be appended. */
    this.panel = root.querySelector(".panel");
    this.#parts = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    this.#parts.task.id = `${id}-task`;
    for (const radio of this.#modes) radio.name = `${id}-mode`;
    this.#parts.heat.querySelector("i").style.background = heatGradient;
    this.#divider = new Divider(root.querySelector(".stage"), () => this.#view.columns, () => this.#redraw());
    this.#tabs = new Tabs(this.#parts.tabs, this.#parts.task, (number) => this.select(this.#result.tasks[number]));
    this.#listen();
    this.#showOpacity();
  }

  /** The task that is shown. */
  get task() {
    return this.#task;
  }

  /** Of the colors, 0 to 1. */
  get opacity() {
    return this.#parts.opacity.value / 100;
  }

  /**
   * Show a result in place of the one before.
   * @param {object} result
   * @param {CanvasImageSource} result.image of any resolution
   * @param {number} result.width of the picture, in pixels: the coordinates that are read out
   * @param {number} result.height
   * @param {string} [result.name] for screen readers
   * @param {{
   *   name: string,
   *   classes: {index: number, name: string, color: string, share: number}[],
   *   background: number|null,
   *   mask: Uint8Array|Uint16Array,
   *   maskWidth: number, maskHeight: number,
   *   confidence: Uint8Array|null
   * }[]} result.tasks one or several. classes: those that occur, colors "#rrggbb". background: the class that is not
   *   painted at first. mask: an index for each pixel, row by row, of its own resolution; a value that is not the index
   *   of a class is no class. confidence: the probability of that class times 255, or null.
   */
  show(result) {
    this.#result = result;
    this.#crosshair = null;
    this.root.style.setProperty("--ratio", result.width / result.height);
    this.#view = new Viewport(result, this.#stageSize());
    this.canvas.setAttribute(
      "aria-label",
      `${result.name ?? "Picture"}, ${result.width} by ${result.height} pixels. Arrow keys read out the classes, ` +
        "with Shift in larger steps; plus and minus zoom, 0 shows the whole picture.",
    );
    this.#legends = new Map(result.tasks.map((task) => [task, new Legend(task, () => this.#repaint())]));
    this.#tabs.show(result.tasks.map(({ name }) => name));
    this.select(result.tasks.find(({ name }) => name === this.#task?.name) ?? result.tasks[0]);
  }

  /** Show one of the result's tasks. */
  select(task) {
    this.#task = task;
    this.#tabs.choose(this.#result.tasks.indexOf(task));
    this.#parts.legend.replaceChildren(this.#legends.get(task).element);
    this.#parts.modes.hidden = !task.confidence;
    if (!task.confidence) this.#modes[0].checked = true;
    this.#showMode();
    this.#readOut(this.#crosshair);
    this.root.dispatchEvent(new CustomEvent("task"));
  }

  /** What is at a pixel of the picture: {x, y, index, name, color, probability}; null outside. */
  at(x, y) {
    const { width, height } = this.#result;
    if (!(x >= 0 && y >= 0 && x < width && y < height)) return null;
    const { mask, maskWidth, maskHeight, confidence, classes } = this.#task;
    const place = Math.floor((y * maskHeight) / height) * maskWidth + Math.floor((x * maskWidth) / width);
    const found = classes.find(({ index }) => index === mask[place]);
    const probability = found && confidence ? confidence[place] / 255 : null;
    return { x, y, index: mask[place], name: found?.name ?? "no class", color: found?.color ?? null, probability };
  }

  /** The corner of a pixel of the picture, in CSS pixels from the canvas's upper left corner, and a pixel's size. */
  locate(x, y) {
    return { ...this.#view.toStage(x, y), scale: this.#view.scale };
  }

  #repaint() {
    this.#isPainted = false;
    this.#redraw();
  }

  #redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#result) this.#draw();
    });
  }

  #draw() {
    if (!this.#isPainted) {
      const paint = this.#mode === "confidence" ? paintConfidence : paintClasses;
      paint(this.#painting, this.#task, this.#legends.get(this.#task).colors);
      this.#isPainted = true;
    }
    const view = this.#view;
    const { canvas } = this;
    const density = devicePixelRatio;
    canvas.width = Math.round(view.stage.width * density);
    canvas.height = Math.round(view.stage.height * density);
    const context = canvas.getContext("2d");
    const { image, width, height } = this.#result;
    const scale = view.scale * density;
    const place = [view.x * density, view.y * density, width * scale, height * scale];
    context.imageSmoothingEnabled = scale < SHARP_SCALE;
    context.imageSmoothingQuality = "high";
    context.drawImage(image, ...place);
    const isCompared = this.#parts.compare.checked;
    context.save();
    context.beginPath();
    context.rect(isCompared ? this.#divider.edge(view.columns) * density : 0, 0, canvas.width, canvas.height);
    context.clip();
    context.globalAlpha = this.opacity;
    context.drawImage(this.#painting, ...place);
    context.restore();
    if (this.#crosshair) drawCrosshair(context, this.locate(this.#crosshair.x + 0.5, this.#crosshair.y + 0.5), density);
    this.#divider.place(view.columns, isCompared);
    this.#parts.nearer.disabled = view.isLargest;
    this.#parts.farther.disabled = this.#parts.fit.disabled = view.isFitted;
    canvas.classList.toggle("is-zoomed", !view.isFitted);
  }

  #stageSize() {
    const { clientWidth, clientHeight } = this.canvas;
    return { width: Math.max(clientWidth, 1), height: Math.max(clientHeight, 1) };
  }

  get #modes() {
    return [...this.#parts.modes.querySelectorAll("input")];
  }

  get #mode() {
    return this.#modes.find((radio) => radio.checked).value;
  }

  #showMode() {
    this.#parts.heat.hidden = this.#mode !== "confidence";
    this.#repaint();
  }

  #showOpacity() {
    const { opacity, percent } = this.#parts;
    percent.value = `${opacity.value}%`;
    opacity.style.setProperty("--value", percent.value);
    this.#redraw();
  }

  #listen() {
    const { opacity, compare, modes, nearer, farther, fit } = this.#parts;
    new ResizeObserver(() => {
      this.#view?.resize(this.#stageSize());
      this.#redraw();
    }).observe(this.canvas);
    opacity.addEventListener("input", () => this.#showOpacity());
    compare.addEventListener("change", () => this.#redraw());
    modes.addEventListener("change", () => this.#showMode());
    nearer.addEventListener("click", () => this.#zoom(1.5));
    farther.addEventListener("click", () => this.#zoom(1 / 1.5));
    fit.addEventListener("click", () => this.#fit());
    listenToGestures(this.canvas, {
      pan: (dx, dy) => this.#change((view) => view.pan(dx, dy)),
      zoom: (factor, x, y) => this.#zoom(factor, x, y),
      canZoom: (isNearer) => this.#view && !(isNearer ? this.#view.isLargest : this.#view.isFitted),
      fit: () => this.#fit(),
      hover: (place) => this.#readOut(place ? this.#pixel(place) : this.#crosshair),
      click: (place) => this.#click(this.#pixel(place)),
      step: (dx, dy, isFar) => this.#moveCrosshair(dx, dy, isFar ? FAR_STEP : STEP),
      enter: () => this.#pick(this.#crosshair),
      escape: () => this.#setCrosshair(null),
    });
  }

  #change(change) {
    change(this.#view);
    this.#redraw();
  }

  #zoom(factor, x, y) {
    const center = this.#crosshair && this.locate(this.#crosshair.x, this.#crosshair.y);
    this.#change((view) => view.zoom(factor, x ?? center?.x, y ?? center?.y));
    // A button that becomes disabled loses the focus.
    if (this.#view.isFitted && this.#parts.farther === document.activeElement) this.canvas.focus();
  }

  #fit() {
    this.#change((view) => view.fit());
    if (document.activeElement === this.#parts.fit) this.canvas.focus();
  }

  #pixel(place) {
    const { x, y } = this.#view.toPicture(place.x, place.y);
    return { x: Math.floor(x), y: Math.floor(y) };
  }

  #click(pixel) {
    this.#setCrosshair(null);
    this.#readOut(pixel);
    this.#pick(pixel);
  }

  #pick(pixel) {
    const found = pixel && this.at(pixel.x, pixel.y);
    if (found) this.root.dispatchEvent(new CustomEvent("pick", { detail: { ...found, task: this.#task.name } }));
  }

  #moveCrosshair(dx, dy, length) {
    const view = this.#view;
    const { width, height } = this.#result;
    const step = Math.max(1, Math.round(length / view.scale));
    const from = this.#crosshair ?? this.#pixel({ x: view.stage.width / 2, y: view.stage.height / 2 });
    const within = (at, most) => Math.min(Math.max(at, 0), most - 1);
    this.#setCrosshair({ x: within(from.x + dx * step, width), y: within(from.y + dy * step, height) });
    if (!view.isFitted) view.reveal(this.#crosshair);
  }

  #setCrosshair(pixel) {
    this.#crosshair = pixel;
    const found = this.#readOut(pixel);
    clearTimeout(this.#announcing);
    if (found) {
      this.#announcing = setTimeout(() => {
        const { name, probability, x, y } = found;
        const sure = probability === null ? "" : `, ${shareText(probability)}`;
        this.#parts.announced.textContent = `${name}${sure}, column ${x}, row ${y}`;
      }, ANNOUNCED_AFTER);
    }
    this.#redraw();
  }

  #readOut(pixel) {
    const { readout } = this.#parts;
    const found = pixel && this.at(pixel.x, pixel.y);
    readout.hidden = !found;
    if (!found) return null;
    const swatch = element("span", "swatch");
    swatch.style.setProperty("--color", found.color ?? "transparent");
    const sure = found.probability === null ? "" : shareText(found.probability);
    const place = `${found.x}, ${found.y}`;
    const texts = [element("strong", "", found.name), element("span", "", sure), element("span", "readout-place", place)];
    readout.replaceChildren(swatch, ...texts);
    return found;
  }
}

/** White on black, with a gap in which the pixel itself is seen. */
function drawCrosshair(context, { x, y, scale }, density) {
  const [gap, arm] = [3 + scale / 2, 12 + scale / 2];
  for (const [width, color] of [[4, "rgb(0 0 0 / 0.65)"], [1.5, "#fff"]]) {
    context.lineWidth = width * density;
    context.strokeStyle = color;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo((x + dx * gap) * density, (y + dy * gap) * density);
      context.lineTo((x + dx * arm) * density, (y + dy * arm) * density);
    }
    context.stroke();
  }
}

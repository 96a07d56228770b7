/** The line between input and result, which is dragged or moved by keys. */

const CLOSE = 70; // CSS pixels: below, a label has no room beside the divider

export class Divider {
  /** Where it stands: 0 shows the result alone, 1 the input alone. */
  part = 0.5;

  /**
   * @param {HTMLElement} stage which contains the divider and the two labels
   * @param {() => number[]} columns of the stage, [left, right], that are divided
   * @param {() => void} onMove
   */
  constructor(stage, columns, onMove) {
    this.handle = stage.querySelector(".divider");
    this.labels = [...stage.querySelectorAll(".stage-label")];
    this.onMove = onMove;
    const { handle } = this;
    handle.addEventListener("pointerdown", (event) => {
      if (event.button === 0) handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const [left, right] = columns();
      this.#move((event.clientX - stage.getBoundingClientRect().left - left) / (right - left));
    });
    handle.addEventListener("keydown", (event) => this.#key(event));
  }

  /** The column at which the result begins. */
  edge([left, right]) {
    return left + (right - left) * this.part;
  }

  place([left, right], isShown) {
    for (const part of [this.handle, ...this.labels]) part.hidden = !isShown;
    const edge = this.edge([left, right]);
    const [input, result] = this.labels;
    this.handle.style.left = `${edge}px`;
    input.style.left = `${left}px`;
    result.style.left = `${right}px`;
    input.classList.toggle("is-covered", edge - left < CLOSE);
    result.classList.toggle("is-covered", right - edge < CLOSE);
    const percent = Math.round(this.part * 100);
    this.handle.setAttribute("aria-valuenow", percent);
    this.handle.setAttribute("aria-valuetext", `${percent}% input, ${100 - percent}% result`);
  }

  #move(part) {
    this.part = Math.min(Math.max(part, 0), 1);
    this.onMove();
  }

  #key(event) {
    const step = event.shiftKey ? 0.1 : 0.02;
    const by = { ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step, PageUp: 0.1, PageDown: -0.1 };
    const to = { Home: 0, End: 1 }[event.key] ?? this.part + by[event.key];
    if (Number.isNaN(to)) return;
    event.preventDefault();
    this.#move(to);
  }
}

/** The classes of a task with their shares: each can be hidden, or shown alone. */

const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** A share as text; one that occurs is never 0. */
export function shareText(share) {
  return share > 0 && share < 0.001 ? "< 0.1%" : percent.format(share);
}

export class Legend {
  #hidden = new Set();
  #alone = null;
  #rows = new Map();

  /**
   * @param {{classes: {index: number, name: string, color: string, share: number}[], background: number|null}} task
   *   the background is hidden at first
   * @param {() => void} onChange is called when other classes are shown
   */
  constructor(task, onChange) {
    this.task = task;
    this.onChange = onChange;
    this.element = document.createElement("div");
    this.element.className = "legend";
    const found = task.classes.filter(({ share }) => share > 0).sort((one, other) => other.share - one.share);
    if (found.some(({ index }) => index !== task.background)) this.#hidden.add(task.background);
    this.element.append(this.#head(), this.#list(found), ...this.#rest());
    this.#update();
  }

  /** The colors of the classes that are shown, by index. */
  get colors() {
    return new Map(this.task.classes.filter(({ index }) => this.isShown(index)).map(({ index, color }) => [index, color]));
  }

  isShown(index) {
    return this.#alone === null ? !this.#hidden.has(index) : this.#alone === index;
  }

  #head() {
    const head = element("div", "legend-head");
    const title = element("h2", "", "Classes");
    this.all = element("button", "link", "Show all");
    this.all.type = "button";
    this.all.addEventListener("click", () => {
      this.#hidden.clear();
      this.#alone = null;
      this.#change();
      this.element.querySelector("li button")?.focus(); // this button has just disappeared
    });
    head.append(title, this.all);
    return head;
  }

  #list(classes) {
    const list = element("ul");
    const most = Math.max(...classes.map(({ share }) => share));
    for (const { index, name, color, share } of classes) {
      const row = element("li");
      row.style.setProperty("--color", color);
      row.style.setProperty("--part", share / most);
      const shown = element("button", "legend-class");
      shown.type = "button";
      shown.title = `Show or hide ${name}`;
      shown.append(element("span", "swatch"), element("span", "legend-name", name));
      shown.append(element("span", "legend-share", shareText(share)), element("span", "legend-bar"));
      shown.addEventListener("click", () => this.#toggle(index));
      const alone = element("button", "legend-alone", "Only");
      alone.type = "button";
      alone.setAttribute("aria-label", `Only ${name}`);
      alone.addEventListener("click", () => {
        this.#alone = this.#alone === index ? null : index;
        this.#change();
      });
      row.append(shown, alone);
      list.append(row);
      this.#rows.set(index, { shown, alone });
    }
    return list;
  }

  /** Pixels without a class have no row. */
  #rest() {
    const rest = 1 - this.task.classes.reduce((sum, { share }) => sum + share, 0);
    return rest < 0.0005 ? [] : [element("p", "note", `${shareText(rest)} of the pixels have no class.`)];
  }

  #toggle(index) {
    if (this.#alone !== null) {
      // From one class alone to that one and another: what is seen is where the next choice starts.
      this.#hidden = new Set([...this.#rows.keys()].filter((other) => other !== this.#alone));
      this.#alone = null;
    }
    if (!this.#hidden.delete(index)) this.#hidden.add(index);
    this.#change();
  }

  #change() {
    this.#update();
    this.onChange();
  }

  #update() {
    for (const [index, { shown, alone }] of this.#rows) {
      shown.setAttribute("aria-pressed", this.isShown(index));
      alone.setAttribute("aria-pressed", this.#alone === index);
    }
    this.all.hidden = [...this.#rows.keys()].every((index) => this.isShown(index));
  }
}

export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

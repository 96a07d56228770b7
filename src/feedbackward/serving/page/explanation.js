/** Why a pixel got its class: probabilities, Grad-CAM, skip connections, and what the network sees at each stride. */

import { element, shareText } from "./legend.js";

const HINT = "Click the picture, or press Enter at the crosshair, to choose a pixel.";

export class Explanation {
  #asked = null;

  /**
   * @param {HTMLElement} card
   * @param {(pixel: {x: number, y: number, task: string}) => Promise<object>} ask the answer of the API
   */
  constructor(card, ask) {
    this.ask = ask;
    this.button = element("button", "button");
    this.button.type = "button";
    this.note = element("p", "note");
    this.note.setAttribute("role", "status");
    this.content = element("div", "explanation");
    this.content.tabIndex = -1;
    card.append(element("h2", "", "Explain a pixel"), this.note, this.button, this.content);
    this.button.addEventListener("click", () => this.#explain());
    this.clear();
  }

  clear() {
    this.#asked = this.pixel = null;
    this.note.textContent = HINT;
    this.button.hidden = true;
    this.content.replaceChildren();
  }

  /** Offer to explain a pixel. */
  choose(pixel) {
    this.clear();
    this.pixel = pixel;
    this.note.textContent = `${pixel.name} at column ${pixel.x}, row ${pixel.y}`;
    this.button.textContent = "Explain";
    this.button.removeAttribute("aria-disabled");
    this.button.hidden = false;
  }

  async #explain() {
    const { pixel } = this;
    if (this.#asked === pixel) return;
    this.#asked = pixel;
    this.button.setAttribute("aria-disabled", true); // unlike disabled, it keeps the focus
    this.button.textContent = "Explaining…";
    try {
      const answer = await this.ask(pixel);
      if (this.#asked === pixel) this.#show(answer);
    } catch (error) {
      if (this.#asked === pixel) this.note.textContent = error.message;
    }
    if (this.#asked === pixel) this.button.hidden = true;
  }

  #show({ probabilities, grad_cam: cam, skips, depths }) {
    this.content.replaceChildren(
      section("Probabilities", table(probabilities.map(({ name, probability }) => [name, shareText(probability)]))),
      section(
        "Probability that moves without a skip connection",
        table(skips.map(({ path, stride, change }) => [stride ? `${path}, stride ${stride}` : path, shareText(change)])),
      ),
      section(
        "What speaks for the class: Grad-CAM",
        pictures("cam", [["Encoder's coarsest feature", cam.feature], ["Decoder's last signal", cam.signal]]),
      ),
      section(
        "Encoder's feature and decoder's signal",
        ...depths.map(({ stride, feature, signal }) =>
          pictures("depth", [[`Feature of stride ${stride}`, feature], ["Signal", signal]])),
      ),
    );
    if (document.activeElement === this.button) this.content.focus(); // the button goes
  }
}

function section(title, ...content) {
  const made = element("section");
  made.append(element("h3", "", title), ...content);
  return made;
}

function table(rows) {
  const made = element("dl");
  for (const [name, value] of rows) made.append(element("dt", "", name), element("dd", "", value));
  return made;
}

function pictures(kind, captioned) {
  const row = element("div", `pair ${kind}`);
  for (const [caption, source] of captioned) {
    const figure = element("figure");
    const image = new Image();
    image.src = source;
    image.alt = "";
    figure.append(image, element("figcaption", "", caption));
    row.append(figure);
  }
  return row;
}

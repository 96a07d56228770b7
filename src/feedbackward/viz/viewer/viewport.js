/** The part of a picture that is seen: zoom and place. Lengths on the stage are in CSS pixels. */

const LARGEST_SCALE = 32;

export class Viewport {
  /** Of a picture and a stage, {width, height} each; the whole picture is seen at first. */
  constructor(picture, stage) {
    this.picture = picture;
    this.stage = stage;
    this.fit();
  }

  /** The scale at which the whole picture is seen. */
  get fitted() {
    return Math.min(this.stage.width / this.picture.width, this.stage.height / this.picture.height);
  }

  get isFitted() {
    return this.scale <= this.fitted * 1.001;
  }

  get isLargest() {
    return this.scale >= this.#largest * 0.999;
  }

  fit() {
    this.scale = this.fitted;
    this.x = this.y = 0;
    this.#settle();
  }

  /** The stage has another size; what is in its center stays there. */
  resize(stage) {
    const whole = this.isFitted;
    const center = this.toPicture(this.stage.width / 2, this.stage.height / 2);
    this.stage = stage;
    if (whole) this.fit();
    else this.#place(center, stage.width / 2, stage.height / 2);
  }

  /** Zoom by a factor; the pixel at (x, y) of the stage stays there. */
  zoom(factor, x = this.stage.width / 2, y = this.stage.height / 2) {
    const anchor = this.toPicture(x, y);
    this.scale = Math.min(Math.max(this.scale * factor, this.fitted), this.#largest);
    this.#place(anchor, x, y);
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.#settle();
  }

  /** Move just so far that a point of the picture is seen. */
  reveal({ x, y }) {
    const seen = this.toStage(x, y);
    const margin = Math.min(24, this.stage.width / 4, this.stage.height / 4);
    const into = (at, length) => Math.min(Math.max(at, margin), length - margin) - at;
    this.pan(into(seen.x, this.stage.width), into(seen.y, this.stage.height));
  }

  toPicture(x, y) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  toStage(x, y) {
    return { x: x * this.scale + this.x, y: y * this.scale + this.y };
  }

  /** The columns of the stage that the picture covers, [left, right]. */
  get columns() {
    return [Math.max(this.x, 0), Math.min(this.x + this.picture.width * this.scale, this.stage.width)];
  }

  /** A picture of a few pixels fills the stage already: it can still be magnified. */
  get #largest() {
    return Math.max(LARGEST_SCALE, 4 * this.fitted);
  }

  #place(point, x, y) {
    this.x = x - point.x * this.scale;
    this.y = y - point.y * this.scale;
    this.#settle();
  }

  /** A picture that is smaller than the stage is centered; a larger one leaves no gap. */
  #settle() {
    this.x = settled(this.x, this.picture.width * this.scale, this.stage.width);
    this.y = settled(this.y, this.picture.height * this.scale, this.stage.height);
  }
}

function settled(at, length, room) {
  return length <= room ? (room - length) / 2 : Math.min(Math.max(at, room - length), 0);
}

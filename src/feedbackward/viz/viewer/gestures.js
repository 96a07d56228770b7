/** What pointers, wheel and keys do on a picture. All places are CSS pixels from its upper left corner. */

const CLICK = 4; // CSS pixels that a pointer may move in a click
const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

/**
 * @typedef {object} Gestures
 * @property {(dx: number, dy: number) => void} pan
 * @property {(factor: number, x?: number, y?: number) => void} zoom without a place: in the center
 * @property {(isNearer: boolean) => boolean} canZoom where it cannot, the wheel scrolls the page
 * @property {() => void} fit
 * @property {(place: {x: number, y: number}|null) => void} hover
 * @property {(place: {x: number, y: number}) => void} click
 * @property {(dx: number, dy: number, isFar: boolean) => void} step by an arrow key
 * @property {() => void} enter
 * @property {() => void} escape
 */

/** Listen on an element and call the gestures. */
export function listenToGestures(target, /** @type {Gestures} */ on) {
  const pointers = new Map();
  let isDrag = false;

  const placeOf = (event) => {
    const box = target.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  target.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    target.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, placeOf(event));
    isDrag = pointers.size > 1;
  });

  target.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    const now = placeOf(event);
    if (before) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (!other && !isDrag && distance(now, before) <= CLICK) return;
      isDrag = true;
      if (other) pinch(on, before, now, other);
      else on.pan(now.x - before.x, now.y - before.y);
      pointers.set(event.pointerId, now);
    }
    on.hover(now);
  });

  target.addEventListener("pointerup", (event) => {
    if (pointers.delete(event.pointerId) && !isDrag) on.click(placeOf(event));
  });
  target.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
  target.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && on.hover(null));

  const wheel = (event) => {
    if (!event.deltaY || !on.canZoom(event.deltaY < 0)) return;
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 * event.deltaY : event.deltaY;
    const { x, y } = placeOf(event);
    on.zoom(2 ** (-pixels / (event.ctrlKey ? 100 : 300)), x, y); // a pinch on a touchpad is a wheel with ctrlKey
  };
  target.addEventListener("wheel", wheel, { passive: false });

  target.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = {
      "+": () => on.zoom(1.5), "=": () => on.zoom(1.5), "-": () => on.zoom(1 / 1.5), "0": on.fit,
      Enter: on.enter, Escape: on.escape,
    };
    const step = STEPS[event.key];
    const action = step ? () => on.step(...step, event.shiftKey) : keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function pinch(on, before, now, other) {
  on.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  on.zoom(distance(now, other) / Math.max(distance(before, other), 1), (now.x + other.x) / 2, (now.y + other.y) / 2);
}

function distance(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

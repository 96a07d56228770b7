/** The files of a result. */

import { element } from "./legend.js";

const FIRST = {
  masks: ["Mask", "PNG"], overlays: ["Overlay", "JPEG"], polygons: ["Polygons", "GeoJSON"], shares: ["Shares", "JSON"],
  video: ["Video", "MP4"],
};
const MORE = {
  palette: ["Mask in color", "PNG"], contours: ["Outlines", "JPEG"], confidence: ["Confidence", "PNG"],
  foreground: ["Foreground", "PNG"], probabilities: ["Probabilities", "NPZ"], coco: ["COCO", "JSON"],
};

/**
 * Show links to the files in place of those before.
 * @param {HTMLElement} card
 * @param {Record<string, string>} urls by kind
 * @param {() => number} [alpha] the opacity of the overlay that is downloaded, 0 to 1
 */
export function showDownloads(card, urls, alpha) {
  const links = (kinds) =>
    Object.entries(kinds).filter(([kind]) => urls[kind]).map(([kind, [name, format]]) => {
      const link = element("a", "download");
      link.href = urls[kind];
      link.download = "";
      link.append(element("span", "", name), element("small", "", format));
      if (kind === "overlays") link.addEventListener("click", () => (link.href = `${urls[kind]}?alpha=${alpha()}`));
      return link;
    });
  const grid = (made) => {
    const list = element("div", "downloads");
    list.append(...made);
    return list;
  };
  const more = links(MORE);
  const details = element("details");
  details.append(element("summary", "", "More formats"), grid(more));
  card.replaceChildren(element("h2", "", "Download"), grid(links(FIRST)), ...(more.length ? [details] : []));
}

/** Images that are chosen, dropped or pasted anywhere on the page. */

/**
 * @param {{chooser: HTMLInputElement, buttons: Iterable<HTMLElement>, target: HTMLElement}} parts target: what is shown
 *   while something is dragged over the page
 * @param {(files: File[]) => void} onFiles
 */
export function listenToInputs({ chooser, buttons, target }, onFiles) {
  for (const button of buttons) button.addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    if (chooser.files.length) onFiles([...chooser.files]);
    chooser.value = ""; // the same file can be chosen again
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) onFiles([...event.clipboardData.files]);
  });
  const hasFiles = (event) => event.dataTransfer.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    target.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) target.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    target.hidden = true;
    onFiles([...event.dataTransfer.files]);
  });
}

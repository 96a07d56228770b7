/** Tabs that choose one of several tasks; arrow keys move between them. */

import { element } from "./legend.js";

export class Tabs {
  /**
   * @param {HTMLElement} list an element of the role tablist
   * @param {HTMLElement} panel what the tabs choose the content of; it has an id
   * @param {(number: number) => void} onChoice
   */
  constructor(list, panel, onChoice) {
    this.list = list;
    this.panel = panel;
    this.onChoice = onChoice;
    list.addEventListener("click", (event) => {
      const tab = event.target.closest("button");
      if (tab) onChoice(this.#tabs.indexOf(tab));
    });
    list.addEventListener("keydown", (event) => this.#key(event));
  }

  get #tabs() {
    return [...this.list.children];
  }

  /** Show a tab for each name; none for a single one. */
  show(names) {
    const several = names.length > 1;
    this.list.hidden = !several;
    this.list.replaceChildren(...(several ? names.map((name, number) => this.#tab(name, number)) : []));
    if (several) this.panel.setAttribute("role", "tabpanel");
    else for (const name of ["role", "aria-labelledby"]) this.panel.removeAttribute(name);
  }

  choose(number) {
    this.#tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", at === number);
      tab.tabIndex = at === number ? 0 : -1;
    });
    if (this.#tabs[number]) this.panel.setAttribute("aria-labelledby", this.#tabs[number].id);
  }

  #tab(name, number) {
    const tab = element("button", "", name);
    tab.type = "button";
    tab.id = `${this.panel.id}-${number}`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", this.panel.id);
    return tab;
  }

  #key(event) {
    const tabs = this.#tabs;
    const chosen = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
    const to = { ArrowRight: chosen + 1, ArrowLeft: chosen - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined || !tabs.length) return;
    event.preventDefault();
    const number = (to + tabs.length) % tabs.length;
    this.onChoice(number);
    tabs[number].focus();
  }
}

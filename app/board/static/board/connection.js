// What both connections share: when to try again, how to show a state, and local times. Read by every page.
"use strict";

const Board = {
  // Full jitter: a random moment below a bound that doubles, so that pages cut off together do not return together.
  wait: (attempt) => Math.random() * Math.min(20000, 500 * 2 ** attempt),

  show(id, state, text) {
    const line = document.getElementById(id);
    line.dataset.state = state;
    if (line.textContent !== text) line.textContent = text;
  },

  fill(id, texts) {
    const piece = document.getElementById(id).content.firstElementChild.cloneNode(true);
    for (const [place, text] of Object.entries(texts)) piece.querySelector(place).textContent = text;
    return piece;
  },

  localTimes(root) {
    const words = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
    for (const time of root.querySelectorAll("time[datetime]"))
      if (time.dateTime) time.textContent = words.format(new Date(time.dateTime));
  },
};

Board.localTimes(document);

// Notices over the event stream: on the start page into the list, elsewhere above the page. Read by every page.
"use strict";

(() => {
  const list = document.getElementById("notices");
  const news = document.getElementById("news");
  let since = list ? list.dataset.since : "";
  let source, timer, attempt = 0;

  function put(notice) {
    const old = document.querySelector(`.notice[data-id="${notice.id}"]`);
    if (notice.withdrawn) return old && old.remove();
    const piece = Board.fill("notice-template", { h2: notice.title, ".text": notice.text, ".author": notice.author });
    piece.dataset.id = notice.id;
    piece.classList.toggle("important", notice.important);
    piece.querySelector("time").dateTime = notice.published;
    Board.localTimes(piece);
    if (old) return old.replaceWith(piece);
    piece.classList.add("fresh");
    if (!list) piece.append(closer(piece));
    (list || news).prepend(piece);
  }

  function closer(piece) {
    const button = Object.assign(document.createElement("button"), { className: "quiet", textContent: "Dismiss" });
    button.addEventListener("click", () => piece.remove());
    return button;
  }

  function open() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(`${document.body.dataset.stream}?since=${since}`);
    source.addEventListener("hello", (event) => {
      const { pool, release, last } = JSON.parse(event.data);
      if (since === "") since = last;
      attempt = 0;
      Board.show("live", "on", `Notices live by ${pool} ${release}`.trim());
    });
    source.addEventListener("notice", (event) => {
      since = event.lastEventId;
      put(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      Board.show("live", "off", "Notices: reconnecting");
      // The browser tries again by itself after an interruption, but gives up on an error page.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, Board.wait(attempt++));
    });
  }

  // A hidden tab lets go: a browser allows six connections to a host, over all its tabs. It resumes when it is shown.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return open();
    clearTimeout(timer);
    source?.close();
    return Board.show("live", "off", "Notices: paused");
  });
  window.addEventListener("online", open);
  if (!document.hidden) open();
})();

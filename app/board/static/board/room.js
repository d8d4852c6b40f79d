// A room: joins with the last number seen, sends what is pending until it is confirmed, keeps drafts. Read by room pages.
"use strict";

(() => {
  const room = document.getElementById("room");
  const log = document.getElementById("log");
  const scroll = document.getElementById("scroll");
  const newest = document.getElementById("newest");
  const form = document.getElementById("say");
  const text = document.getElementById("text");
  const hint = document.getElementById("hint");
  const key = `${room.dataset.socket}${room.dataset.user}`; // per tab, room and person
  const pending = new Map(JSON.parse(sessionStorage.getItem(`${key}pending`) || "[]"));
  const fatal = { 4400: "Not understood: reload this page", 4401: "Signed out: sign in again", 4404: "This room is closed to you" };
  let last = Number(room.dataset.last);
  let socket, timer, answered = true, attempt = 0;

  // Showing

  const atEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
  const toEnd = () => { scroll.scrollTop = scroll.scrollHeight; newest.hidden = true; };

  function put(id, author, authorId, said, posted) {
    const follow = atEnd();
    const old = log.querySelector(`[data-id="${id}"]`);
    if (old) old.remove();
    const mine = String(authorId) === room.dataset.user;
    const item = Board.fill("message-template", { ".author": author, ".text": said, ".avatar": author.slice(0, 1).toUpperCase() });
    item.dataset.id = id;
    item.classList.toggle("mine", mine);
    item.classList.toggle("pending", !posted);
    item.querySelector(".avatar").classList.replace("tint-0", `tint-${(authorId || 0) % 8}`);
    item.querySelector("time").dateTime = posted || "";
    item.querySelector("time").textContent = "sending …";
    Board.localTimes(item);
    if (posted) log.insertBefore(item, log.querySelector(".pending"));
    else log.append(item);
    if (follow || mine) toEnd();
    else newest.hidden = false;
  }

  // Sending

  function keep() {
    sessionStorage.setItem(`${key}pending`, JSON.stringify([...pending]));
    sessionStorage.setItem(`${key}draft`, text.value);
    const left = hint.dataset.length - text.value.length;
    hint.textContent = left < 200 ? `${left} characters left` : hint.dataset.hint;
  }

  function tell(frame) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  }

  function send(id) {
    if (pending.has(id)) tell({ type: "send", id, text: pending.get(id) });
  }

  function say() {
    const said = text.value.trim();
    if (!said) return;
    const id = crypto.randomUUID();
    pending.set(id, said);
    text.value = "";
    keep();
    put(id, room.dataset.name, Number(room.dataset.user), said, null);
    send(id);
  }

  // The connection

  const on = {
    hello: ({ pool, release }) => { room.dataset.place = `${pool} ${release}`.trim(); },
    joined: (frame) => {
      ({ last } = frame);
      answered = true;
      attempt = 0;
      Board.show("socket", "on", `Live by ${room.dataset.place}`);
    },
    message: (frame) => {
      if (frame.number <= last) return;
      last = frame.number;
      put(frame.id, frame.author, frame.author_id, frame.text, frame.posted);
    },
    sent: ({ id }) => {
      pending.delete(id);
      keep();
      log.querySelector(`[data-id="${id}"]`)?.classList.remove("pending");
    },
    refused: ({ id, reason, again }) => {
      if (again) {
        hint.textContent = reason;
        return setTimeout(send, 5000, id);
      }
      if (!text.value) text.value = pending.get(id) || "";
      pending.delete(id);
      keep();
      hint.textContent = reason;
      log.querySelector(`[data-id="${id}"]`)?.remove();
      return undefined;
    },
  };

  function open() {
    timer = clearTimeout(timer);
    const current = socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}${room.dataset.socket}`);
    current.addEventListener("open", () => {
      answered = true;
      sync("join");
      for (const id of pending.keys()) send(id);
    });
    current.addEventListener("message", (event) => {
      const frame = JSON.parse(event.data);
      if (current === socket) on[frame.type]?.(frame);
    });
    current.addEventListener("close", (event) => {
      if (current !== socket) return;
      if (!fatal[event.code]) return lost();
      socket = null;
      Board.show("socket", "off", fatal[event.code]);
    });
  }

  function lost() {
    const dead = socket;
    socket = null; // its close event may come late or never
    dead?.close();
    clearTimeout(timer);
    timer = setTimeout(open, Board.wait(attempt++));
    Board.show("socket", "off", "Reconnecting: what you write is kept");
  }

  // Also the heartbeat: it fetches what a lost bus did not bring, and a connection that does not answer is dead.
  function sync(type) {
    if (socket?.readyState !== WebSocket.OPEN) return;
    if (!answered) return lost();
    answered = false;
    tell({ type, since: last });
  }

  hint.dataset.hint = hint.textContent;
  text.value = sessionStorage.getItem(`${key}draft`) || "";
  for (const id of pending.keys()) if (log.querySelector(`[data-id="${id}"]`)) pending.delete(id); // stored, unconfirmed
  for (const [id, said] of pending) put(id, room.dataset.name, Number(room.dataset.user), said, null);
  text.addEventListener("input", keep);
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    say();
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); say(); });
  newest.addEventListener("click", toEnd);
  scroll.addEventListener("scroll", () => { if (atEnd()) newest.hidden = true; });
  window.addEventListener("offline", lost);
  window.addEventListener("online", () => { if (timer) open(); });
  setInterval(sync, 20000, "sync");
  toEnd();
  open();
})();

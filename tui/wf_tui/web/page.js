"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const asked = new URLSearchParams(location.search);
  const size = Number(asked.get("fontsize"));
  const terminal = document.getElementById("terminal");
  terminal.dataset.sessionWebsocketUrl = location.origin.replace(/^http/, "ws") + "/ws/" + asked.get("token");
  if (size >= 6 && size <= 60) terminal.dataset.fontSize = size;
  // The terminal measures its letters once: the font has to be there by then.
  document.fonts.load('16px "Roboto Mono"');
  document.getElementById("start").addEventListener("click", () => location.reload());
});
// Keys are for the console, without a click into it first; this comes after textual.js has built it.
window.addEventListener("load", () => {
  setTimeout(() => document.querySelector(".xterm-helper-textarea").focus());
});

new EventSource("/ticker.json").onmessage = (event) => {
  document.getElementById("tick").textContent = event.data;
};

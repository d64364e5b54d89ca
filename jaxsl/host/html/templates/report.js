// Point at a run: its numbers appear, and the same run lights up in every chart and table.
const tip = document.getElementById("tip");
const texts = new Map();
for (const title of document.querySelectorAll(".mark > title")) {
  texts.set(title.parentNode, title.textContent);
  title.remove(); // without this script the browser shows the title by itself
}
let lit = [];
function light(keys) {
  for (const element of lit) element.classList.remove("on");
  lit = keys.flatMap((key) => [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)]);
  for (const element of lit) element.classList.add("on");
}
document.addEventListener("pointermove", (event) => {
  // Replicates lie on top of each other: all marks under the pointer speak.
  const under = document.elementsFromPoint(event.clientX, event.clientY).map((at) => at.closest("[data-key], .mark"));
  const marks = [...new Set(under.filter((mark) => mark))];
  light(marks.map((mark) => mark.dataset.key).filter((key) => key));
  const said = [...new Set(marks.filter((mark) => texts.has(mark)).map((mark) => texts.get(mark)))];
  tip.hidden = !said.length;
  if (tip.hidden) return;
  tip.textContent = said.slice(0, 4).join("\n\n") + (said.length > 4 ? `\n\nand ${said.length - 4} more` : "");
  tip.style.left = `${Math.max(0, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${Math.max(0, Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8))}px`;
});

// Code is shown by anchors, some of them inside of functions: it is moved to the left edge.
for (const code of document.querySelectorAll("pre > code")) {
    const lines = code.textContent.split("\n").filter((line) => line.trim() !== "");
    const indent = Math.min(...lines.map((line) => line.search(/\S/)));
    if (indent > 0 && indent < Infinity) {
        code.innerHTML = code.innerHTML.replace(new RegExp(`^ {${indent}}`, "gm"), "");
    }
}

// What can be computed of the page as it is: contrast, headings, labels, ids, tables. Returns a list of sentences as JSON.
const found = [];
const shown = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && element.getClientRects().length > 0;
const name = (element) => `${element.tagName.toLowerCase()}${element.id && '#' + element.id}.${element.className?.baseVal ?? element.className}`;

// Colours, by a canvas, so that every notation is understood.
const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
function rgba(colour) {
  context.clearRect(0, 0, 1, 1);
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
}
function luminance([r, g, b]) {
  const [x, y, z] = [r, g, b].map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
}
function ground(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    if (colour[3] === 255) return colour;
  }
  return [255, 255, 255, 255];
}
function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const seen = new Set();
for (let node; (node = walker.nextNode());) {
  const element = node.parentElement;
  if (!node.data.trim() || seen.has(element) || !shown(element) || element.closest(':disabled, noscript')) continue;
  seen.add(element);
  const style = getComputedStyle(element);
  const size = parseFloat(style.fontSize);
  const enough = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
  const ratio = contrast(rgba(style.color), ground(element));
  if (ratio < enough) found.push(`contrast ${ratio.toFixed(2)} of "${node.data.trim().slice(0, 30)}" in ${name(element)}`);
}
for (const control of document.querySelectorAll('input, select, textarea, button')) {
  if (!shown(control) || control.disabled) continue;
  if (control.matches('input:not([type=checkbox]), select')) {
    const border = contrast(rgba(getComputedStyle(control).borderTopColor), ground(control.parentElement));
    if (border < 3) found.push(`the edge of ${name(control)} has a contrast of ${border.toFixed(2)}`);
  }
  if (!control.matches('button') && !control.labels.length) found.push(`no label for ${name(control)}`);
  const box = control.getBoundingClientRect();
  if (Math.min(box.width, box.height) < 16) found.push(`${name(control)} is ${box.width} by ${box.height} pixels`);
}
const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
for (const id of new Set(ids.filter((one, at) => ids.indexOf(one) !== at))) found.push(`two elements with the id ${id}`);
for (const attribute of ['for', 'aria-labelledby', 'aria-describedby']) {
  for (const element of document.querySelectorAll(`[${attribute}]`)) {
    if (!document.getElementById(element.getAttribute(attribute))) found.push(`${attribute} of ${name(element)} points nowhere`);
  }
}
const headings = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter(shown).map((heading) => Number(heading.tagName[1]));
if (headings.filter((level) => level === 1).length !== 1) found.push(`${headings.filter((level) => level === 1).length} headings of the first level`);
headings.forEach((level, at) => { if (level > (headings[at - 1] ?? 0) + 1) found.push(`a heading of level ${level} after ${headings[at - 1] ?? 'nothing'}`); });
for (const table of document.querySelectorAll('table')) {
  if (!table.caption?.textContent) found.push(`${name(table)} without a caption`);
  if ([...table.querySelectorAll('th')].some((cell) => !cell.scope)) found.push(`${name(table)} has a head that says not of what`);
}
for (const element of document.querySelectorAll('[tabindex]')) if (element.tabIndex > 0) found.push(`${name(element)} has an order of its own`);
for (const element of document.querySelectorAll('[onclick], [style], style, script:not([src])')) {
  if (element !== document.body && !element.matches('canvas, canvas *')) found.push(`${name(element)} has script or style in it`);
}
for (const image of document.querySelectorAll('svg')) if (image.getAttribute('aria-hidden') !== 'true') found.push(`${name(image)} is read out`);
for (const list of document.querySelectorAll('ul, ol')) {
  if ([...list.children].some((item) => item.tagName !== 'LI')) found.push(`${name(list)} holds something else than items`);
}
if (!document.documentElement.lang) found.push('no language');
if (!document.title) found.push('no title');
const wide = document.scrollingElement.scrollWidth - innerWidth;
if (wide > 0) found.push(`the page is ${wide} pixels wider than the window`);
return JSON.stringify(found);

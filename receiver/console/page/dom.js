// Builds elements. Everything that comes from the server reaches the page as a text node, never as markup or an address.

// Returns an element. An attribute `onclick` and the like is a listener; false, null and undefined leave an attribute out.
export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (typeof value === 'function') element.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

// Returns an icon of the sprite, which screen readers pass over: a word always stands beside it.
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `/assets/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

// Returns a text of somebody else's, whose direction of writing ends with it; a dash where there is none.
export function foreign(value, attributes) {
  if (value == null || value === '') return h('span', { class: 'none' }, '–');
  return h('bdi', attributes, typeof value === 'object' ? JSON.stringify(value) : String(value));
}

export function button(label, onclick, { symbol, ...attributes } = {}) {
  return h('button', { type: 'button', onclick, ...attributes }, symbol && icon(symbol), label);
}

// Returns the panel that stands in place of content: what is missing, why, and what can be done.
export function panel(symbol, title, sentence, ...more) {
  return h('div', { class: 'panel' }, icon(symbol), h('h2', null, title), sentence && h('p', null, foreign(sentence)), more);
}

// Returns a value as a text that people can read.
export const asText = (given) => typeof given === 'string' ? given : JSON.stringify(given, null, 2);

// Returns a list of names and values; those without a value are left out.
export function facts(pairs) {
  return h('dl', { class: 'facts' }, pairs.filter(([, value]) => value != null && value !== '' && value !== false).map(([name, value]) =>
    h('div', null, h('dt', null, name), h('dd', null, value instanceof Node ? value : foreign(value)))));
}

export function heading(title, ...tools) {
  return h('div', { class: 'heading' }, h('h1', { tabindex: -1 }, title), h('div', { class: 'tools' }, tools));
}

// Returns a text that can be long, in a box that scrolls, also by keyboard.
export function verbatim(text, label) {
  return h('pre', { tabindex: 0, role: 'region', 'aria-label': label, dir: 'auto' }, text);
}

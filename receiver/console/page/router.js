// Shows the view that belongs to the address. A view is a function that returns an element, or throws a Failure.
import { h, icon, panel, button } from './dom.js';
import { Failure } from './api.js';

const main = document.getElementById('main');
let routes = [];
let current = null; // the view that is shown or on its way: { name, controller }

// Goes to an address of this page. `state` is kept in the history, and so survives reload and the back button.
export function go(address, state = null, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](state, '', address);
  return render({ scroll: true });
}

// Shows the present address (again).
export async function render({ scroll = false } = {}) {
  current?.controller.abort();
  const controller = new AbortController();
  const [name, title, show, match] = find(location.pathname);
  const same = current?.name === name;
  const focused = document.activeElement?.id;
  const mine = current = { name, controller };
  for (const link of document.querySelectorAll('nav a')) {
    if (link.pathname === `/${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  main.setAttribute('aria-busy', 'true');
  let view;
  try {
    view = await show({
      argument: match[1] === undefined ? undefined : decodeURIComponent(match[1]),
      query: new URLSearchParams(location.search),
      state: history.state ?? {},
      signal: controller.signal,
    });
  } catch (error) {
    if (mine !== current || error.name === 'AbortError') return;
    if (!(error instanceof Failure)) console.error(error);
    view = failed(error, title);
  }
  if (mine !== current) return;
  main.replaceChildren(view);
  main.removeAttribute('aria-busy');
  const first = main.querySelector('h1');
  document.title = `${first?.textContent ?? title} · msgstatus`;
  if (scroll) scrollTo(0, 0);
  // In the same view the focus stays on the control that was used; a new view begins at its heading.
  const kept = same && focused && document.getElementById(focused);
  if (kept) kept.focus({ preventScroll: true });
  else if (document.activeElement === document.body && routes.started) first?.focus({ preventScroll: true });
  else if (!same && routes.started) first?.focus({ preventScroll: true });
  routes.started = true;
}

function find(path) {
  for (const [name, title, pattern, show] of routes) {
    const match = pattern.exec(path);
    if (match) return [name, title, show, match];
  }
  return ['', 'Not found', () => { throw new Failure(404, 'There is no such page.'); }, ['']];
}

// Returns what stands in place of a view, or of a part of it, that could not be loaded.
export function failed(error, title) {
  const [symbol, words] = error.status === 403 ? ['slash', 'Not permitted'] : error.status === 404 ? ['question', 'Not found']
    : ['alert', 'This could not be loaded'];
  return h('div', null, title && h('h1', { tabindex: -1 }, title),
    panel(symbol, words, error.status === undefined ? 'The page has a fault; its console tells more.' : error.message,
      error.status !== 403 && error.status !== 404 && button('Try again', () => render(), { symbol: 'refresh', id: 'again' })));
}

export function start(table) {
  routes = table;
  addEventListener('popstate', () => render());
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href^="/"]');
    if (!link || link.hasAttribute('download') || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(link.getAttribute('href'));
  });
  return render();
}

// The list that details were opened from, with its filters and page.
let list = null;
export function remember() { list = [location.pathname + location.search, history.state]; }

export function backToList() {
  const [address, state] = list ?? ['/messages', null];
  return h('p', null, h('a', { href: address, class: 'back', onclick: (event) => {
    event.preventDefault();
    event.stopPropagation();
    go(address, state);
  } }, icon('left'), 'Messages'));
}

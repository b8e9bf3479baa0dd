// Tables that become cards on a phone, and pages of them by cursor.
import { h, button } from './dom.js';
import { go } from './router.js';

// Returns a table. A column is { title, cell, sort, order, head, wide }: `cell` returns the content for a row, `sort` is called by
// the button in its head, `order` is the aria-sort of the order in force. The roles stand there because CSS that lays rows out as
// cards takes them away.
export function table(caption, columns, rows, attributes) {
  return h('div', { class: 'scroll' }, h('table', { role: 'table', ...attributes }, h('caption', null, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, columns.map(({ title, sort, order, id }) =>
      h('th', { scope: 'col', role: 'columnheader', 'aria-sort': order }, sort ? button(title, sort, { class: 'sort', id }) : title)))),
    h('tbody', { role: 'rowgroup' }, rows.map((row) => tableRow(columns, row)))));
}

export function tableRow(columns, row) {
  return h('tr', { role: 'row' }, columns.map((column) => h(column.head ? 'th' : 'td', {
    role: column.head ? 'rowheader' : 'cell', scope: column.head && 'row', 'data-label': column.title, class: column.wide && 'wide',
  }, h('div', null, column.cell(row)))));
}

// Returns the buttons for the page before and after. Cursors stay in the history, as they can hold an id.
export function pager(state, next, newer = 'Newer', older = 'Older') {
  const before = state.before ?? [];
  const turn = (cursor, pages) => go(location.pathname + location.search, { ...state, cursor, before: pages });
  return h('nav', { class: 'pager', 'aria-label': 'Pages of the list' },
    button(newer, () => turn(before.at(-1), before.slice(0, -1)), { symbol: 'left', id: 'newer', disabled: !before.length }),
    h('span', null, `Page ${before.length + 1}`),
    button(older, () => turn(next, [...before, state.cursor ?? null]), { symbol: 'right', id: 'older', disabled: !next }));
}

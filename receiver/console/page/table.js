// Tables that become cards on a phone, and pages of them by cursor.
import { h, button, foreign } from './dom.js';
import { go } from './router.js';
import { phrase, value } from './words.js';

// A column is { title, cell, head, wide, sort, order, id }: `cell` returns the content for a row, the button in the head calls `sort`,
// `order` is the aria-sort in force. The roles stand there because CSS that lays rows out as cards takes them away.
export function table(caption, columns, rows, attributes) {
  return h('div', { class: 'scroll' }, h('table', { role: 'table', ...attributes }, h('caption', null, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, columns.map(({ title, sort, order, id }) =>
      h('th', { scope: 'col', role: 'columnheader', 'aria-sort': order }, sort ? button(title, sort, { class: 'sort', id }) : title)))),
    h('tbody', { role: 'rowgroup' }, rows.map((row) => tableRow(columns, row)))));
}

export function tableRow(columns, row) {
  return h('tr', { role: 'row' }, columns.map(({ head, title, cell }) => h(head ? 'th' : 'td',
    { role: head ? 'rowheader' : 'cell', scope: head && 'row', 'data-label': title }, h('div', null, cell(row)))));
}

// Returns columns for all members of rows that hold one value, except those named; the first heads its row.
export function columnsOf(rows, except = []) {
  const names = new Set(rows.flatMap((row) => Object.keys(row).filter((name) => row[name] != null && typeof row[name] !== 'object')));
  return [...names].filter((name) => !except.includes(name)).map((name, at) => ({ title: phrase(name), head: !at && !except.length,
    cell: (row) => row[name] == null ? foreign(null) : value(name, row[name]) }));
}

// Returns the buttons for the page before and after. Cursors stay in the history of the tab.
export function pager(state, next) {
  const before = state.before ?? [];
  const turn = (cursor, pages) => go(location.pathname + location.search, { ...state, cursor, before: pages });
  return h('nav', { class: 'pager', 'aria-label': 'Pages of the list' },
    button('Newer', () => turn(before.at(-1), before.slice(0, -1)), { symbol: 'left', id: 'newer', disabled: !before.length }),
    h('span', null, `Page ${before.length + 1}`),
    button('Older', () => turn(next, [...before, state.cursor ?? null]), { symbol: 'right', id: 'older', disabled: !next }));
}

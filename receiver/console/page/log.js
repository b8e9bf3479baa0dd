// The log: filters, statistics, charts, and the messages page by page.
import { h, icon, button, foreign, panel, heading } from './dom.js';
import { time, state as stateOf, number, percent, count } from './words.js';
import { read, parameters } from './api.js';
import { failed, go, remember } from './router.js';
import { readFilter, filterForm, apply, isFiltered } from './filters.js';
import { table, tableRow, pager } from './table.js';
import { whoami } from './session.js';
import { watch } from './live.js';
import { refreshPending } from './ask.js';
import { volumeCharts } from './charts.js';

// An address holds the stand-in of an id, as the id of a provider can hold a number.
export const address = (row) => `/messages/${encodeURIComponent(row.link ?? row.message_id)}`;

const columns = [
  { title: 'Time', head: true, cell: (row) => h('a', { href: address(row), id: `m-${row.link ?? row.message_id}`,
    'aria-label': `Details of message ${row.message_id}` }, time(row.created_at)) },
  { title: 'Recipient', cell: (row) => foreign(row.recipient) },
  { title: 'Type', cell: (row) => foreign(row.type) },
  { title: 'Provider', cell: (row) => [foreign(row.provider), row.direction === 'inbound' && h('small', null, ' inbound')] },
  { title: 'State', cell: (row) => [stateOf(row.state), row.state_at && h('small', null, ' ', time(row.state_at))] },
  { title: 'Error', wide: true, cell: (row) => row.error_code || row.error_title ? h('span', { class: 'clip' },
    row.error_code != null && h('code', null, foreign(row.error_code)), ' ', foreign(row.error_meaning ?? row.error_title)) : h('span', { class: 'none' }, '–') },
  { title: 'Last check', cell: (row) => row.last_status_check ? time(row.last_status_check) : h('span', { class: 'none' }, '–') },
];

export async function showLog({ query, state, signal }) {
  const session = await whoami();
  const filter = readFilter(query, state.personal);
  const answer = await read('/api/messages', { ...filter, cursor: state.cursor }, signal);
  const { sort, ...members } = filter;
  remember();
  const byState = sort === 'state';
  const sorted = columns.map((column) => ({
    Time: { ...column, id: 'sort-time', order: byState ? 'none' : 'descending', sort: () => apply({ ...filter, sort: null }) },
    State: { ...column, id: 'sort-state', order: byState ? 'descending' : 'none', sort: () => apply({ ...filter, sort: 'state' }) },
  }[column.title] ?? column));
  const rows = new Map();
  const list = answer.messages.length
    ? table(`${count(answer.messages.length, 'message')} on this page, ${byState ? 'by state' : 'the newest first'}`, sorted, [], { id: 'log' })
    : isFiltered(filter) ? panel('filter', 'No message passes this filter', 'Widen it, or clear it.')
      : panel('inbox', 'No messages yet', 'They appear here when the first webhook arrives.');
  const body = list.querySelector('tbody');
  for (const message of answer.messages) {
    const row = tableRow(sorted, message);
    row.addEventListener('click', (event) => {
      if (!event.target.closest('a') && !getSelection().toString()) go(address(message));
    });
    rows.set(message.message_id, row);
    body.append(row);
  }
  const arrived = h('div', { role: 'status', class: 'arrived' });
  const outcome = h('div', { role: 'status', id: 'outcome' });
  watch({
    filter: members, since: answer.read_at, messages: answer.messages, signal, status: arrived,
    onNew: (text) => arrived.replaceChildren(button(`${text} – show`, () => apply(filter), { symbol: 'inbox', id: 'show-new', class: 'primary' })),
    onChanged: (message) => {
      const row = rows.get(message.message_id);
      // The link in the first cell stays, and with it the focus.
      if (row) [...tableRow(sorted, message).cells].forEach((cell, at) => at && row.cells[1].parentNode.replaceChild(cell, row.cells[at]));
      row?.classList.remove('changed');
      requestAnimationFrame(() => row?.classList.add('changed'));
    },
  });
  const wide = matchMedia('(min-width: 48rem)').matches;
  return h('div', null,
    heading('Messages', refreshPending(session, members, answer.read_at, outcome), csvButton(members, outcome)), outcome,
    h('details', { class: 'fold', open: wide || isFiltered(filter) }, h('summary', { id: 'fold-filters' }, icon('filter'), 'Filters'), filterForm(filter, session)),
    statistics(members, signal), volumeCharts(members, signal), arrived, list, pager(state, answer.next));
}

// Returns the counts under the filter, which fill in when they come.
function statistics(members, signal) {
  const place = h('section', { 'aria-label': 'Statistics', class: 'figures', 'aria-busy': 'true' }, h('p', { class: 'none' }, 'Loading the statistics…'));
  read('/api/stats', members, signal).then((stats) => place.replaceChildren(h('dl', null, [
    ['Total', number(stats.total)], ['Delivered', number(stats.delivered), 'good'], ['Read', number(stats.read), 'good'],
    ['Failed', number(stats.failed), stats.failed > 0 && 'bad'], ['Pending', number(stats.pending)],
    ['Success rate', percent(stats.success_rate), null, 'delivered, of all'],
  ].map(([name, value, tone, meaning]) => h('div', { class: tone }, h('dt', null, name), h('dd', null, value), meaning && h('small', null, meaning))))))
    .catch((error) => error.name === 'AbortError' || place.replaceChildren(failed(error)))
    .finally(() => place.removeAttribute('aria-busy'));
  return place;
}

function csvButton(members, outcome) {
  const words = [icon('download'), 'Download CSV'];
  const name = `messages-${new Date().toISOString().slice(0, 10)}.csv`;
  if (!members.recipient && !members.text) {
    return h('a', { class: 'button', id: 'csv', href: `/api/messages.csv?${parameters(members)}`, download: name }, words);
  }
  return button(words, async () => (await import('./download.js')).download(members, name, outcome), { id: 'csv' });
}

// Campaigns with their progress, and the recipients of one.
import { h, icon, foreign, panel, heading, facts } from './dom.js';
import { read } from './api.js';
import { number, percent, phrase, state as stateOf, value } from './words.js';
import { table, pager } from './table.js';
import { address } from './log.js';

const shown = ['sent', 'delivered', 'read', 'failed', 'skipped', 'pending'];
const key = (row) => row.campaign_id ?? row.id;

function progress(row) {
  const done = row.progress_percentage ?? row.progress ?? 0;
  return h('div', { class: 'progress' }, h('progress', { max: 100, value: done, 'aria-label': 'Progress' }), h('span', null, percent(done)));
}

export async function showCampaigns({ query, state, signal }) {
  const chosen = query.get('campaign');
  const answer = await read('/api/campaigns', { campaign: chosen, cursor: state.cursor }, signal);
  if (chosen) return recipients(chosen, answer, state);
  const rows = answer.campaigns ?? [];
  return h('div', null, heading('Campaigns'), rows.length ? h('ul', { class: 'cards' }, rows.map((row) => h('li', { class: 'card' },
    h('h2', null, h('a', { href: `/campaigns?${new URLSearchParams({ campaign: key(row) })}` }, foreign(row.campaign_name ?? row.name ?? key(row)))),
    h('p', { class: 'none' }, foreign(phrase(String(row.status ?? ''))), ` · ${number(row.total_target)} recipients`), progress(row),
    facts([...shown.map((name) => [phrase(name), number(row[name])]),
      ...['delivery_rate', 'read_rate', 'success_rate'].map((name) => [phrase(name), percent(row[name])])]))))
    : panel('megaphone', 'No campaigns', 'A campaign appears here once it is made.'), answer.next && pager(state, answer.next));
}

function recipients(chosen, answer, state) {
  const rows = answer.recipients ?? [];
  const hidden = new Set(['recipient', 'state', 'status', 'message_id']);
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => !hidden.has(name) && rows.some((row) => row[name] != null && typeof row[name] !== 'object'));
  const columns = [
    { title: 'Recipient', head: true, cell: (row) => row.message_id ? h('a', { href: address(row) }, foreign(row.recipient)) : foreign(row.recipient) },
    { title: 'State', cell: (row) => stateOf(row.state ?? row.status) },
    ...names.map((name) => ({ title: phrase(name), wide: /reason|title|error/.test(name), cell: (row) => row[name] == null ? foreign(null) : value(name, row[name]) })),
  ];
  const about = answer.campaign;
  return h('div', null, h('p', null, h('a', { href: '/campaigns', class: 'back' }, icon('left'), 'All campaigns')),
    heading(about?.campaign_name ?? about?.name ?? 'Campaign', h('a', { class: 'button', href: `/messages?${new URLSearchParams({ campaign: chosen })}` }, 'Its messages')),
    about && typeof about === 'object' && progress(about),
    rows.length ? table('Recipients', columns, rows) : panel('inbox', 'No recipients', 'This campaign has none on this page.'), pager(state, answer.next, 'Previous', 'Next'));
}

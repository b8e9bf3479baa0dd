// Campaigns with their progress, and the recipients of one.
import { h, icon, foreign, panel, heading, facts } from './dom.js';
import { read } from './api.js';
import { number, percent, phrase, state as stateOf } from './words.js';
import { table, columnsOf, pager } from './table.js';
import { address } from './log.js';

const counts = ['sent', 'delivered', 'read', 'failed', 'skipped', 'pending'];
const rates = ['delivery_rate', 'read_rate', 'success_rate'];
const link = (path, campaign, words, attributes) => h('a', { href: `${path}?${new URLSearchParams({ campaign })}`, ...attributes }, words);

function card(row, title) {
  const done = row.progress_percentage ?? 0;
  return [title, h('p', { class: 'none' }, foreign(phrase(row.status ?? '')), ` · ${number(row.total_target)} recipients`),
    h('div', { class: 'progress' }, h('progress', { max: 100, value: done, 'aria-label': 'Progress' }), h('span', null, percent(done))),
    facts([...counts.map((name) => [phrase(name), number(row[name])]), ...rates.map((name) => [phrase(name), percent(row[name])])])];
}

export async function show({ query, state, signal }) {
  const chosen = query.get('campaign');
  const answer = await read('/api/campaigns', { campaign: chosen, cursor: state.cursor }, signal);
  const campaigns = answer.campaigns ?? [];
  if (chosen) return recipients(chosen, answer, state);
  return h('div', null, heading('Campaigns'), campaigns.length ? h('ul', { class: 'cards' }, campaigns.map((row) => h('li', { class: 'card' },
    card(row, h('h2', null, link('/campaigns', row.campaign_id, foreign(row.campaign_name)))))))
    : panel('megaphone', 'No campaigns', 'A campaign appears here once it is made.'), answer.next && pager(state, answer.next));
}

function recipients(chosen, { campaign, recipients: rows = [], next }, state) {
  const columns = [
    // An id of a provider can hold a number, which no address may; a stand-in cannot.
    { title: 'Recipient', head: true, cell: (row) => row.link || /^m_/.test(row.message_id) ? h('a', { href: address(row) }, foreign(row.phone_number)) : foreign(row.phone_number) },
    { title: 'State', cell: (row) => stateOf(row.state) }, ...columnsOf(rows, ['recipient_id', 'phone_number', 'state', 'link', 'message_id']),
  ];
  return h('div', null, h('p', null, h('a', { href: '/campaigns', class: 'back' }, icon('left'), 'Campaigns')),
    heading(campaign?.campaign_name ?? 'Campaign', link('/messages', chosen, 'Its messages', { class: 'button' })),
    campaign && h('section', { class: 'card', 'aria-label': 'Progress' }, card(campaign)),
    rows.length ? table('Recipients', columns, rows) : panel('inbox', 'No recipients'), pager(state, next));
}

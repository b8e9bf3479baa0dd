// Dead letters: what could not be used, why, and the way to try it again.
import { h, icon, button, foreign, panel, heading, verbatim } from './dom.js';
import { call } from './api.js';
import { time, count, number } from './words.js';
import { render } from './router.js';
import { pager } from './table.js';
import { whoami } from './session.js';
import { confirmed, notify } from './notices.js';

export async function showRejected({ state, signal }) {
  const session = await whoami();
  const answer = await call('/api/rejected' + (state.cursor ? `?${new URLSearchParams({ cursor: state.cursor })}` : ''), { signal });
  const rows = answer.rejected ?? answer.letters ?? [];
  const may = session.can?.replay;
  const replay = async (body) => {
    try {
      const result = await call('/api/rejected/replay', { body });
      notify(`${count(result.replayed ?? 0, 'dead letter')} replayed: ${number(result.applied ?? 0)} applied, ${number(result.still_rejected ?? 0)} still rejected.`);
      render();
    } catch (error) {
      notify(error.message, true);
    }
  };
  return h('div', null, heading('Dead letters', may && rows.length > 0 && button('Replay all', async () => {
    if (await confirmed('Replay all dead letters?', 'Each is applied again with its original time of receipt. What is rejected again comes back as a new one.', 'Replay')) replay({});
  }, { symbol: 'refresh', id: 'replay-all' })),
  rows.length ? h('ul', { class: 'cards one' }, rows.map((row) => h('li', { class: 'card' },
    h('h2', { class: 'reason' }, icon('alert'), foreign(row.reason)),
    h('p', { class: 'none' }, `No. ${row.id} · received `, time(row.received_at), ' · from ', foreign(row.source), row.replayed ? ' · replayed' : ''),
    row.body != null ? h('details', null, h('summary', null, `Body of no. ${row.id}`),
      verbatim(typeof row.body === 'string' ? row.body : JSON.stringify(row.body, null, 2), `Body of dead letter ${row.id}`))
      : h('p', { class: 'none' }, 'The body is not shown to this role.'),
    may && button('Replay', () => replay({ ids: [String(row.id)] }), { symbol: 'refresh', id: `replay-${row.id}`, 'aria-label': `Replay no. ${row.id}` }))))
    : panel('check', 'No dead letters', 'Everything that arrived could be used.'), pager(state, answer.next));
}

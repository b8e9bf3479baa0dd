// Dead letters: what could not be used, why, and the way to try it again.
import { h, icon, button, foreign, panel, heading, verbatim, asText } from './dom.js';
import { call, read } from './api.js';
import { time, count } from './words.js';
import { render } from './router.js';
import { table, columnsOf, pager } from './table.js';
import { whoami } from './session.js';
import { confirmed, notify } from './notices.js';

export async function show({ state, signal }) {
  const { can } = await whoami();
  const { rejected, next, bodies_shown: shown, summary } = await read('/api/rejected', { cursor: state.cursor }, signal);
  const replay = async (body) => {
    try {
      const result = await call('/api/rejected/replay', { body });
      notify(`${count(result.replayed, 'dead letter')} replayed: ${result.applied} applied, ${result.still_rejected} still rejected.`);
      render();
    } catch (error) {
      notify(error.message, true);
    }
  };
  const replayAll = async () => {
    if (await confirmed('Replay all dead letters?', 'Each is applied again with its time of receipt. What is rejected again comes back as a new one.', 'Replay')) replay({});
  };
  return h('div', null,
    heading('Dead letters', can?.replay && rejected.length > 0 && button('Replay all', replayAll, { symbol: 'refresh', id: 'replay-all' })),
    summary.length > 0 && table('By reason', columnsOf(summary), summary),
    rejected.length ? h('ul', { class: 'cards one' }, rejected.map((row) => h('li', { class: 'card' },
      h('h2', { class: 'reason' }, icon('alert'), foreign(row.reason)),
      h('p', { class: 'none' }, `No. ${row.id}, received `, time(row.received_at), ', from ', foreign(row.source), row.replayed === true && ', replayed'),
      body(row),
      can?.replay && button('Replay', () => replay({ ids: [String(row.id)] }), { symbol: 'refresh', id: `replay-${row.id}`, 'aria-label': `Replay no. ${row.id}` }))))
      : shown ? panel('check', 'No dead letters', 'Everything that arrived could be used.') : h('p', { class: 'none' }, 'Single dead letters are not shown to this role.'),
    shown && pager(state, next));
}

// Returns the body of a dead letter. A long one comes whole when it is asked for.
function body(row) {
  const text = verbatim(pretty(row.body), `Body of dead letter ${row.id}`);
  const whole = row.body_cut && button('Show all of it', async () => {
    const { rejected: [letter] } = await read('/api/rejected', { id: row.id });
    text.textContent = pretty(letter?.body ?? '');
    whole.remove();
  });
  return h('details', null, h('summary', null, `Body of no. ${row.id}`), text, whole);
}

function pretty(text) {
  try {
    return asText(JSON.parse(text));
  } catch {
    return asText(text);
  }
}

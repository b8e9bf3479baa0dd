// Health: do webhooks come, are they counted, is the refresh worker there.
import { h, heading, facts } from './dom.js';
import { call } from './api.js';
import { phrase, value } from './words.js';
import { table, columnsOf } from './table.js';
import { draw, picture } from './charts.js';

const pause = 15000;
const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const isOne = ([, given]) => given === null || typeof given !== 'object';

export async function show({ signal }) {
  const place = h('div');
  let drawn = new AbortController(); // ends the pictures of the time before
  signal.addEventListener('abort', () => drawn.abort());
  const fill = async () => {
    const health = Object.entries(await call('/api/health', { signal }));
    drawn.abort();
    drawn = new AbortController();
    place.replaceChildren(part('Now', Object.fromEntries(health.filter(isOne)), drawn.signal),
      ...health.filter((entry) => !isOne(entry)).map(([name, given]) => part(phrase(name), given, drawn.signal)));
  };
  await fill();
  const timer = setInterval(() => document.hidden || fill().catch(() => {}), pause);
  signal.addEventListener('abort', () => clearInterval(timer));
  return h('div', null, heading('Health'), place);
}

// Returns a card: values by name, lists as tables, counts by the minute as a picture.
function part(title, given, signal) {
  const members = Object.entries(given);
  const nested = Array.isArray(given) ? [[title, given]] : members.filter((entry) => !isOne(entry));
  return h('section', { class: 'card' }, h('h2', null, title),
    !Array.isArray(given) && facts(members.filter(isOne).map(([name, one]) => [phrase(name), one === null ? 'none' : value(name, one)])),
    nested.map(([name, one]) => Array.isArray(one) ? one.length > 0 && list(phrase(name), one, signal)
      : facts(Object.entries(one).map(([key, each]) => [`${phrase(name)}: ${phrase(key).toLowerCase()}`, each === null ? 'none' : value(key, each)]))));
}

function list(title, rows, signal) {
  if (!rows[0].at) return table(title, columnsOf(rows), rows);
  const total = rows.reduce((sum, row) => sum + row.events, 0);
  const [canvas, figure] = picture(`${total} in the last ${rows.length} minutes`);
  draw(canvas, signal, (of) => ({ type: 'bar', labels: rows.map((row) => minute.format(new Date(row.at))),
    datasets: [{ label: title, data: rows.map((row) => row.events), backgroundColor: of('sent') }] })).catch(() => {});
  return figure;
}

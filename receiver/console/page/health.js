// Health: do webhooks come, are they counted, is the refresh worker there.
import { h, heading, facts } from './dom.js';
import { call } from './api.js';
import { phrase, value } from './words.js';
import { table, columnsOf } from './table.js';
import { draw, picture } from './charts.js';

const pause = 15000;
const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const known = (members) => facts(Object.entries(members).map(([name, given]) => [phrase(name), given === null ? 'none' : value(name, given)]));

export async function show({ signal }) {
  const place = h('div');
  const fill = async () => {
    const groups = { now: {} };
    for (const [name, given] of Object.entries(await call('/api/health', { signal }))) {
      if (given && typeof given === 'object') groups[name] = given;
      else groups.now[name] = given;
    }
    place.replaceChildren(...Object.entries(groups).filter(([, given]) => Object.keys(given).length).map(([name, given]) =>
      h('section', { class: 'card' }, h('h2', null, phrase(name)), Array.isArray(given) ? list(phrase(name), given, signal) : known(given))));
  };
  await fill();
  const timer = setInterval(() => document.hidden || fill().catch(() => {}), pause);
  signal.addEventListener('abort', () => clearInterval(timer));
  return h('div', null, heading('Health'), place);
}

// Returns counts by the minute as a picture, other lists as a table.
function list(title, rows, signal) {
  if (!rows[0]?.at) return table(title, columnsOf(rows), rows);
  const total = rows.reduce((sum, row) => sum + row.events, 0);
  const [canvas, figure] = picture(`${total} in the last ${rows.length} minutes`);
  draw(canvas, signal, (of) => ({ type: 'bar', labels: rows.map((row) => minute.format(new Date(row.at))),
    datasets: [{ label: title, data: rows.map((row) => row.events), backgroundColor: of('sent') }] })).catch(() => {});
  return figure;
}

// Health: are webhooks coming, are they counted, is the refresh worker there.
import { h, heading, facts, panel } from './dom.js';
import { call } from './api.js';
import { phrase, value, time, number, severity } from './words.js';
import { table } from './table.js';
import { draw, picture } from './charts.js';

const pause = 15000;
const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

export async function showHealth({ signal }) {
  const place = h('div');
  const fill = async () => {
    const health = await call('/api/health', { signal });
    const scalars = Object.entries(health).filter(([, given]) => given === null || typeof given !== 'object');
    const groups = Object.entries(health).filter(([, given]) => given && typeof given === 'object' && !Array.isArray(given));
    const lists = Object.entries(health).filter(([, given]) => Array.isArray(given));
    place.replaceChildren(
      scalars.length > 0 && h('section', { class: 'card', 'aria-label': 'Now' }, facts(scalars.map(([name, given]) => [phrase(name), given === null ? 'none' : value(name, given)]))) || '',
      h('div', { class: 'columns' }, groups.map(([name, members]) => h('section', { class: 'card', 'aria-label': phrase(name) }, h('h2', null, phrase(name)),
        facts(Object.entries(members).map(([key, given]) => [phrase(key), given === null ? 'none' : value(key, given)]))))),
      ...lists.map(([name, rows]) => list(name, rows, signal)).filter(Boolean));
  };
  await fill();
  const again = () => { if (!signal.aborted) setTimeout(async () => {
    if (!document.hidden && !signal.aborted) await fill().catch(() => {});
    again();
  }, pause); };
  again();
  return h('div', null, heading('Health'), place);
}

// Returns a picture of counts by the minute, else a table.
function list(name, rows, signal) {
  const title = phrase(name);
  const counter = rows.length && Object.keys(rows[0]).find((key) => typeof rows[0][key] === 'number');
  const at = rows.length && ['minute', 'at'].find((key) => key in rows[0]);
  if (at && counter) {
    const [canvas, figure] = picture(title);
    draw(canvas, signal, (of) => ({ type: 'bar', labels: rows.map((row) => minute.format(new Date(row[at]))),
      datasets: [{ label: title, data: rows.map((row) => row[counter]), backgroundColor: of('sent') }] })).catch(() => {});
    return h('section', { class: 'charts', 'aria-label': title }, figure);
  }
  if (!rows.length) return null;
  if (typeof rows[0] !== 'object') return h('section', { class: 'card' }, h('h2', null, title), h('p', null, rows.join(', ')));
  return h('section', null, h('h2', null, title), table(title, Object.keys(rows[0]).map((key, index) =>
    ({ title: phrase(key), head: index === 0, cell: (row) => row[key] == null ? 'none' : value(key, row[key]) })), rows));
}

// Pictures of the volume and of the rates, drawn by Chart.js, which is loaded when the first one is shown.
import { h, icon, panel } from './dom.js';
import { read } from './api.js';
import { failed } from './router.js';
import { number, percent } from './words.js';
import { table } from './table.js';

let library;
function load() {
  library ??= new Promise((resolve, reject) => {
    const onerror = () => { library = null; reject(new Error('Chart.js could not be loaded')); };
    document.head.append(h('script', { src: '/assets/chart.js', onload: resolve, onerror }));
  });
  return library;
}

// What the bars are made of, from below: a name, a colour of the style sheet, and states.
const groups = [
  ['Received', 'off', ['processing', 'received']],
  ['Waiting', 'wait', ['none', 'pending', 'scheduled', 'accepted', 'queued', 'sending']],
  ['Sent', 'sent', ['sent', 'partially_delivered']], ['Delivered', 'good', ['delivered']], ['Read', 'read', ['read', 'played']],
  ['Failed', 'bad', ['failed', 'undelivered']], ['Canceled or skipped', 'line', ['canceled', 'skipped']],
];
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// Draws, and draws again in the other colours when the viewer's scheme changes. `settings` gets the function that gives colours.
export async function draw(canvas, signal, settings) {
  await load();
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  let chart;
  const paint = () => {
    chart?.destroy();
    const { type, labels, datasets, stacked, max } = settings(colour);
    const axis = { ticks: { color: colour('muted'), maxRotation: 0, autoSkipPadding: 16 }, grid: { color: colour('line') }, stacked };
    chart = new Chart(canvas, { type, data: { labels, datasets }, options: {
      animation: false, maintainAspectRatio: false, interaction: { mode: 'index', intersect: false },
      scales: { x: { ...axis, grid: { display: false } }, y: { ...axis, ticks: { ...axis.ticks, stepSize: max && max / 4 }, beginAtZero: true, max } },
      plugins: { legend: { position: 'bottom', labels: { color: colour('text'), boxWidth: 12, boxHeight: 12 } } },
    } });
  };
  if (signal.aborted) return;
  paint();
  scheme.addEventListener('change', paint, { signal });
  signal.addEventListener('abort', () => chart.destroy());
}

// Returns a canvas, and the figure that it is in.
export function picture(label) {
  const canvas = h('canvas', { role: 'img', 'aria-label': label });
  return [canvas, h('figure', null, h('figcaption', null, label), h('div', { class: 'canvas' }, canvas))];
}

export function volumeCharts(filter, signal) {
  const place = h('div', { class: 'charts' });
  const show = async () => {
    place.replaceChildren(h('p', { class: 'none' }, 'Loading the charts…'));
    try {
      const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
      const answer = await read('/api/volumes', { ...filter, zone }, signal);
      if (answer.buckets.length) await fill(place, answer, signal);
      else place.replaceChildren(panel('info', answer.too_many ? 'Too many recipients begin like this for a chart' : 'No messages in this time'));
    } catch (error) {
      if (!signal.aborted) place.replaceChildren(failed(error));
    }
  };
  const keep = () => localStorage.setItem('charts', fold.open ? 'closed' : 'open'); // it turns only after the click
  const fold = h('details', { class: 'fold', id: 'charts', ontoggle: () => fold.open && !place.firstChild && show() },
    h('summary', { id: 'fold-charts', onclick: keep }, icon('pulse'), 'Volume and rates'), place);
  fold.open = (localStorage.getItem('charts') ?? (innerWidth < 768 ? 'closed' : 'open')) === 'open';
  return fold;
}

async function fill(place, { step, buckets }, signal) {
  const format = new Intl.DateTimeFormat(undefined, step === 'hour' ? { weekday: 'short', hour: '2-digit', minute: '2-digit' } : { day: 'numeric', month: 'short' });
  const labels = buckets.map(({ at }) => format.format(new Date(at)));
  const sum = (bucket, states) => states.reduce((all, state) => all + (bucket.states[state] ?? 0), 0);
  const present = groups.filter(([, , states]) => buckets.some((bucket) => sum(bucket, states)));
  const [volume, volumeFigure] = picture(`Messages per ${step}, by state`);
  const [rates, ratesFigure] = picture(`Delivery and read rate per ${step}, in per cent`);
  const columns = [{ title: phraseOf(step), head: true, cell: ({ at }) => format.format(new Date(at)) },
    ...present.map(([title, , states]) => ({ title, cell: (row) => number(sum(row, states)) })),
    { title: 'Delivery rate', cell: (row) => percent(row.delivery_rate) }, { title: 'Read rate', cell: (row) => percent(row.read_rate) }];
  place.replaceChildren(volumeFigure, ratesFigure,
    h('details', null, h('summary', { id: 'figures' }, 'The figures as a table'), table(`Messages and rates per ${step}`, columns, buckets)));
  const line = (label, name, tone, borderDash, of) => ({ label, data: buckets.map((bucket) => bucket[name]), borderColor: of(tone),
    backgroundColor: of(tone), borderDash, borderWidth: 2, pointRadius: buckets.length > 40 ? 0 : 2, spanGaps: true });
  await draw(volume, signal, (of) => ({ type: 'bar', labels, stacked: true, datasets: present.map(([label, tone, states]) =>
    ({ label, data: buckets.map((bucket) => sum(bucket, states)), backgroundColor: of(tone) })) }));
  await draw(rates, signal, (of) => ({ type: 'line', labels, max: 100,
    datasets: [line('Delivery rate', 'delivery_rate', 'good', [], of), line('Read rate', 'read_rate', 'read', [6, 4], of)] }));
}
const phraseOf = (step) => step === 'hour' ? 'Hour' : 'Day';

// Pictures of the volume and of the rates, drawn by Chart.js, which is loaded when the first one is shown.
import { h, icon, panel } from './dom.js';
import { read } from './api.js';
import { failed } from './router.js';
import { phrase, number, percent } from './words.js';
import { table } from './table.js';

let library;
function load() {
  library ??= new Promise((resolve, reject) => {
    document.head.append(h('script', { src: '/assets/chart.js', onload: resolve, onerror: () => { library = null; reject(new Error('chart.js')); } }));
  });
  return library;
}

// Each series has a colour of the style sheet, and a dash of its own where it is a line.
const series = [['received', 'off'], ['pending', 'wait'], ['queued', 'wait'], ['sending', 'wait'], ['sent', 'sent'], ['delivered', 'good'], ['read', 'read'],
  ['failed', 'bad']];

function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(); }

// Draws, and draws again in the other colours when the viewer's scheme changes.
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
      scales: { x: { ...axis, grid: { display: false } }, y: { ...axis, beginAtZero: true, max } },
      plugins: { legend: { position: 'bottom', labels: { color: colour('text'), boxWidth: 12, boxHeight: 12 } } },
    } });
  };
  paint();
  scheme.addEventListener('change', paint, { signal });
  signal.addEventListener('abort', () => chart.destroy());
}

export function picture(label) {
  const canvas = h('canvas', { role: 'img', 'aria-label': label });
  return [canvas, h('figure', null, h('figcaption', null, label), h('div', { class: 'canvas' }, canvas))];
}

export function volumeCharts(filter, signal) {
  const place = h('div', { class: 'charts' });
  const { sort, ...members } = filter;
  const show = async () => {
    place.replaceChildren(h('p', { class: 'none' }, 'Loading the charts…'));
    try {
      const { step, buckets } = await read('/api/volumes', members, signal);
      if (!buckets.length) return place.replaceChildren(panel('info', 'No volume in this time'));
      await fill(place, step, buckets, signal);
    } catch (error) {
      if (error.name !== 'AbortError') place.replaceChildren(failed(error));
    }
  };
  const fold = h('details', { class: 'fold', id: 'charts', ontoggle: () => {
    sessionStorage.setItem('charts', fold.open ? 'open' : 'closed');
    if (fold.open && !place.firstChild) show();
  } }, h('summary', { id: 'fold-charts' }, icon('heart'), 'Volume and rates'), place);
  fold.open = sessionStorage.getItem('charts') !== 'closed';
  return fold;
}

async function fill(place, step, buckets, signal) {
  const format = new Intl.DateTimeFormat(undefined, step === 'hour' ? { weekday: 'short', hour: '2-digit', minute: '2-digit' } : { day: 'numeric', month: 'short' });
  const labels = buckets.map(({ at }) => format.format(new Date(at)));
  const present = series.filter(([name]) => buckets.some((bucket) => bucket[name] > 0));
  const [volume, volumeFigure] = picture(`Messages per ${step}, by state`);
  const [rates, ratesFigure] = picture(`Delivery and read rate per ${step}, in per cent`);
  const columns = [{ title: step === 'hour' ? 'Hour' : 'Day', head: true, cell: (row) => format.format(new Date(row.at)) },
    ...present.map(([name]) => ({ title: phrase(name), cell: (row) => number(row[name]) })),
    ...['delivery_rate', 'read_rate'].map((name) => ({ title: phrase(name), cell: (row) => percent(row[name]) }))];
  place.replaceChildren(volumeFigure, ratesFigure,
    h('details', null, h('summary', { id: 'figures' }, 'The figures as a table'), table(`Messages and rates per ${step}`, columns, buckets)));
  const line = (name, tone, dash, of) => ({ label: phrase(name), data: buckets.map((bucket) => bucket[name]), borderColor: of(tone), backgroundColor: of(tone),
    borderDash: dash, borderWidth: 2, pointRadius: buckets.length > 40 ? 0 : 2, spanGaps: true });
  await draw(volume, signal, (of) => ({ type: 'bar', labels, stacked: true, datasets: present.map(([name, tone]) =>
    ({ label: phrase(name), data: buckets.map((bucket) => bucket[name]), backgroundColor: of(tone) })) }));
  await draw(rates, signal, (of) => ({ type: 'line', labels, max: 100,
    datasets: [line('delivery_rate', 'good', [], of), line('read_rate', 'read', [6, 4], of)] }));
}

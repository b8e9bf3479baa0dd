// Alerts that are active: a banner on every page, and a page of their own.
import { h, icon, foreign, panel, heading, facts } from './dom.js';
import { call } from './api.js';
import { count, severity, time, phrase, value } from './words.js';

const banner = document.getElementById('alerts');
// Where cron does not call check_alerts(), the rules count the messages of an hour one by one, for each page that is open.
const pause = 300000;
let timer;
let missed = false; // while the page was hidden

const sentence = (alert) => alert.sentence ?? alert.message ?? phrase(alert.name ?? '');

function show(alerts) {
  banner.hidden = !alerts.length;
  const worst = alerts.find((alert) => alert.severity === 'critical') ?? alerts[0];
  banner.className = worst?.severity === 'critical' ? 'bad' : '';
  banner.replaceChildren(...alerts.length ? [icon('alert'), h('p', null, `${count(alerts.length, 'active alert')}: `, foreign(sentence(worst))),
    h('a', { href: '/alerts' }, 'All alerts')] : []);
}

// Brings the banner up to date now, and every five minutes while the page is visible.
export async function watchAlerts() {
  clearTimeout(timer);
  timer = setTimeout(watchAlerts, pause);
  missed = document.hidden;
  if (missed) return;
  try {
    show((await call('/api/alerts', { signedOut: false })).alerts ?? []);
  } catch {
    show([]); // the view itself says what is wrong
  }
}

document.addEventListener('visibilitychange', () => missed && !document.hidden && watchAlerts());

export function hideAlerts() {
  clearTimeout(timer);
  missed = false;
  show([]);
}

export async function showAlerts({ signal }) {
  const { alerts = [] } = await call('/api/alerts', { signal });
  show(alerts);
  const placed = new Set(['severity', 'name', 'since', 'sentence', 'message']);
  return h('div', null, heading('Alerts'), alerts.length ? h('ul', { class: 'cards one' }, alerts.map((alert) => h('li', { class: 'card' },
    h('h2', null, severity(alert.severity), ' ', foreign(phrase(alert.name ?? ''))), h('p', null, foreign(sentence(alert))),
    facts([['Since', time(alert.since)], ...Object.entries(alert).filter(([name, given]) => !placed.has(name) && given != null)
      .map(([name, given]) => [phrase(name), value(name, given)])]))))
    : panel('check', 'No active alerts', 'Every rule holds at the moment.'));
}

// Turns what the API answers into words: times in the viewer's zone, numbers, states.
import { h, icon, foreign } from './dom.js';

const short = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });
const withYear = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });
const counts = new Intl.NumberFormat();

// Returns a time in the viewer's zone; its tooltip shows it exactly, with the zone and in UTC.
export function time(value) {
  const at = new Date(value);
  if (value == null || isNaN(at)) return foreign(value);
  const format = Date.now() - at < 180 * 86400e3 ? short : withYear;
  return h('time', { datetime: value, title: `${exact.format(at)}\n${value}` }, format.format(at));
}

export const number = (value) => value == null || isNaN(value) ? '–' : counts.format(value);
export const percent = (value) => value == null ? '–' : `${counts.format(Math.round(value * 10) / 10)} %`;
export const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

// Returns a span of milliseconds with its two largest units.
export function span(milliseconds) {
  if (milliseconds == null) return '';
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  let rest = milliseconds / 1000;
  if (rest < 60) return `${counts.format(Math.round(rest * 10) / 10)} s`;
  const parts = [];
  for (const [unit, size] of [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]]) {
    if (rest >= size && parts.length < 2) parts.push(`${Math.floor(rest / size)} ${unit}`);
    rest %= size;
  }
  return parts.join(' ');
}

// `last_status_check` becomes "Last status check".
export const phrase = (name) => (name[0] ?? '').toUpperCase() + name.slice(1).replaceAll('_', ' ');

// Each state's icon and tone, in ascending order; the word is the state itself.
const looks = {
  processing: ['clock', 'wait'], received: ['inbox', 'good'], pending: ['clock', 'wait'], scheduled: ['clock', 'wait'],
  accepted: ['clock', 'wait'], queued: ['clock', 'wait'], sending: ['send', 'wait'], sent: ['check', 'sent'],
  partially_delivered: ['half', 'warn'], skipped: ['slash', 'off'], canceled: ['slash', 'off'], failed: ['cross', 'bad'],
  undelivered: ['cross', 'bad'], delivered: ['checks', 'good'], read: ['eye', 'good'], played: ['play', 'good'],
};
export const states = Object.keys(looks);

export function state(name) {
  const [symbol, tone] = looks[name] ?? ['question', 'off'];
  return h('span', { class: `state ${tone}` }, icon(symbol), name ? phrase(String(name)) : 'No status yet');
}

// Returns a level of urgency as a word and an icon.
export function severity(name) {
  const [symbol, tone] = { critical: ['alert', 'bad'], warning: ['alert', 'warn'] }[name] ?? ['info', 'sent'];
  return h('span', { class: `state ${tone}` }, icon(symbol), phrase(String(name ?? 'notice')));
}

// Returns a value of any member by its form, for answers whose members grow.
export function value(name, given) {
  if (typeof given === 'boolean') return given ? 'yes' : 'no';
  if (/(_at|since|_seen|_until|_check|oldest.*|last.*)$/.test(name) && /^\d{4}-\d\d-\d\d/.test(given)) return time(given);
  if (/(_rate|percentage)$/.test(name)) return percent(given);
  if (typeof given === 'number') return number(given);
  return foreign(given);
}

// One message: its timeline, its events, its error, and everything else that is known of it.
import { h, icon, button, foreign, facts, heading, verbatim } from './dom.js';
import { call } from './api.js';
import { time, span, state as stateOf, phrase, value, number } from './words.js';
import { render, backToList } from './router.js';
import { table } from './table.js';
import { whoami } from './session.js';
import { refreshOne } from './ask.js';
import { notify } from './notices.js';

// Members with a place of their own; all others are listed by their name.
const placed = new Set(['message_id', 'link', 'state', 'content', 'media_url', 'price', 'price_unit', 'refreshable', 'events_cut']);

export async function showDetails({ argument, signal }) {
  const session = await whoami();
  const message = await call(`/api/messages/${encodeURIComponent(argument)}`, { signal });
  const outcome = h('div', { role: 'status', id: 'outcome' });
  const error = message.error;
  const media = message.media_url;
  const campaign = message.campaign;
  const key = campaign?.id;
  return h('div', null, backToList(),
    heading('Message', refreshOne(session, message, outcome, () => render()), copyButton(message)),
    h('p', { class: 'lead' }, stateOf(message.state), foreign(message.message_id, { class: 'mono', id: 'message-id' })), outcome,
    h('div', { class: 'columns' },
      h('section', { class: 'card', 'aria-labelledby': 'timeline' }, h('h2', { id: 'timeline' }, 'Timeline'), timeline(message.timeline ?? [])),
      h('section', { class: 'card', 'aria-labelledby': 'facts' }, h('h2', { id: 'facts' }, 'Facts'), facts([
        ...Object.entries(message).filter(([name, given]) => !placed.has(name) && typeof given !== 'object')
          .map(([name, given]) => [phrase(name), given === '' ? null : value(name, given)]),
        ['Price', message.price == null ? null : `${message.price} ${message.price_unit ?? ''}`],
        ['Campaign', key && h('a', { href: `/campaigns?${new URLSearchParams({ campaign: key })}` }, foreign(campaign.name ?? key))],
      ]), message.hidden?.length > 0 && h('p', { class: 'none' }, `Not shown to this role: ${message.hidden.map(phrase).join(', ').toLowerCase()}.`))),
    error && h('section', { class: 'card', 'aria-labelledby': 'error' }, h('h2', { id: 'error' }, 'Error'), facts([
      ['Code', error.code != null && h('code', null, foreign(error.code))], ['Title', error.title], ['Meaning', error.meaning], ['What to do', error.advice],
      ['Details', error.details && verbatim(text(error.details), 'Details of the error')],
      ['Can be retried', error.retryable == null ? 'not known' : error.retryable ? 'yes' : 'no']])),
    (message.content || media || message.metadata) && h('section', { class: 'card', 'aria-labelledby': 'content' }, h('h2', { id: 'content' }, 'Content'), facts([
      ['Text', message.content && verbatim(text(message.content), 'Text of the message')],
      ['Media', media && verbatim(text(media), 'Addresses of media')],
      ['Metadata', message.metadata && verbatim(text(message.metadata), 'Metadata')]])),
    h('section', { class: 'card', 'aria-labelledby': 'events' }, h('h2', { id: 'events' }, 'Events'), events(message.events ?? [], message.events_cut)),
    h('details', { class: 'fold' }, h('summary', { id: 'fold-raw' }, icon('list'), 'Raw JSON'), verbatim(text(message), 'Raw JSON of the message')));
}

const text = (given) => typeof given === 'string' ? given : JSON.stringify(given, null, 2);

function copyButton(message) {
  return button('Copy JSON', async () => {
    try {
      await navigator.clipboard.writeText(text(message));
      notify('The JSON is in the clipboard.');
    } catch {
      notify('The browser does not let this page use the clipboard; open "Raw JSON" below.', true);
    }
  }, { symbol: 'copy', id: 'copy' });
}

function timeline(steps) {
  if (!steps.length) return h('p', { class: 'none' }, 'Nothing was reported yet.');
  return h('ol', { class: 'timeline' }, steps.map((step) => h('li', null, stateOf(step.state), time(step.at),
    step.since_previous_ms != null && h('small', null, `${span(step.since_previous_ms)} later`))));
}

function events(list, cut) {
  if (!list.length) return h('p', { class: 'none' }, 'No event is on record.');
  const columns = [
    { title: 'Event time', head: true, cell: (row) => [time(row.event_time ?? row.at), row.time_source && h('small', null, ' ', foreign(row.time_source))] },
    { title: 'State', cell: (row) => stateOf(row.state) },
    { title: 'Received', cell: (row) => time(row.received_at) },
    { title: 'Source', cell: (row) => foreign(row.source) },
    { title: 'Error', wide: true, cell: (row) => [row.error_code && h('code', null, foreign(row.error_code)), ' ', foreign(row.error_title ?? (row.error_code ? '' : null))] },
    { title: 'Detail', wide: true, cell: (row) => row.detail ? h('details', null, h('summary', null, 'Show'), verbatim(text(row.detail), 'Detail of the event')) : foreign(null) },
  ];
  return table(`${cut ? 'The first ' : ''}${number(list.length)} of the trail, in order of event time`, columns, list);
}

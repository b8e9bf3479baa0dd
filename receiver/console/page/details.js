// One message: its timeline, its events, its error, and everything else that is known of it.
import { h, icon, button, foreign, facts, heading, verbatim, asText } from './dom.js';
import { call } from './api.js';
import { time, span, state as stateOf, phrase, value, number } from './words.js';
import { render, backToList } from './router.js';
import { table } from './table.js';
import { whoami } from './session.js';
import { refreshOne } from './ask.js';
import { notify } from './notices.js';

// Members with a place of their own; the others are listed by their names.
const placed = ['message_id', 'link', 'state', 'content', 'media_url', 'price', 'price_unit', 'refreshable', 'refresh_waiting', 'events_cut'];
const section = (title, ...content) => h('section', { class: 'card' }, h('h2', null, title), content);

export async function show({ argument, signal }) {
  const session = await whoami();
  const message = await call(`/api/messages/${encodeURIComponent(argument)}`, { signal });
  const outcome = h('div', { role: 'status', id: 'outcome' });
  const { error, campaign, hidden = [] } = message;
  const long = (given, label) => given && verbatim(asText(given), label);
  return h('div', null, backToList(), heading('Message', refreshOne(session, message, outcome, render), copyButton(message)),
    h('p', { class: 'lead' }, stateOf(message.state), foreign(message.message_id, { class: 'mono', id: 'message-id' })), outcome,
    h('div', { class: 'columns' }, section('Timeline', timeline(message.timeline)), section('Facts', facts([
      ...Object.entries(message).filter(([name, given]) => !placed.includes(name) && typeof given !== 'object').map(([name, given]) => [phrase(name), value(name, given)]),
      ['Price', message.price != null && `${message.price} ${message.price_unit ?? ''}`],
      ['Campaign', campaign && h('a', { href: `/campaigns?${new URLSearchParams({ campaign: campaign.id })}` }, foreign(campaign.name))],
    ]), hidden.length > 0 && h('p', { class: 'none' }, `Not shown to this role: ${hidden.join(', ').replaceAll('_', ' ')}.`))),
    error && section('Error', facts([['Code', error.code], ['Title', error.title], ['Meaning', error.meaning], ['What to do', error.advice],
      ['Can be retried', error.retryable == null ? 'not known' : error.retryable ? 'yes' : 'no'], ['Details', long(error.details, 'Details of the error')]])),
    (message.content || message.media_url || message.metadata) && section('Content', facts([['Text', long(message.content, 'Text of the message')],
      ['Media', long(message.media_url, 'Address of the medium')], ['Metadata', long(message.metadata, 'Metadata')]])),
    section('Events', events(message.events, message.events_cut)),
    h('details', { class: 'fold' }, h('summary', { id: 'fold-raw' }, icon('list'), 'Raw JSON'), verbatim(asText(message), 'Raw JSON of the message')));
}

function copyButton(message) {
  return button('Copy JSON', async () => {
    try {
      await navigator.clipboard.writeText(asText(message));
      notify('The JSON is in the clipboard.');
    } catch {
      notify('The browser does not let this page use the clipboard; open "Raw JSON" below.', true);
    }
  }, { symbol: 'copy', id: 'copy' });
}

function timeline(steps) {
  if (!steps.length) return h('p', { class: 'none' }, 'Nothing was reported yet.');
  return h('ol', { class: 'timeline' }, steps.map((step) => h('li', null, stateOf(step.state), time(step.at),
    step.since_previous_ms != null && h('small', null, `${span(step.since_previous_ms)} later`), step.observed === false && h('small', null, 'implied'))));
}

function events(list, cut) {
  if (!list.length) return h('p', { class: 'none' }, 'No event is on record.');
  return table(`${cut ? 'The first ' : ''}${number(list.length)} of the trail, in order of event time`, [
    { title: 'Event time', head: true, cell: (row) => [time(row.event_time), row.time_source && h('small', null, foreign(row.time_source))] },
    { title: 'State', cell: (row) => stateOf(row.state) },
    { title: 'Received', cell: (row) => time(row.received_at) },
    { title: 'Source', cell: (row) => foreign(row.source) },
    { title: 'Error', cell: (row) => foreign([row.error_code, row.error_title].filter((part) => part != null).join(' ')) },
    { title: 'Detail', cell: (row) => row.detail ? h('details', null, h('summary', null, 'Show'), verbatim(asText(row.detail), 'Detail of the event')) : foreign(null) },
  ], list);
}

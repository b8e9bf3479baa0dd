// Refresh: has the statuses of messages fetched from their provider anew, and says in words what came of it.
import { h, icon, button, foreign } from './dom.js';
import { call } from './api.js';
import { count } from './words.js';
import { confirmed } from './notices.js';

const pause = 1500;
const patience = 60000;

const missing = () => h('span', { class: 'none', id: 'not-configured' }, icon('info'), 'Twilio client not configured');

// Returns the button for all pending messages under a filter, or what stands in its place; nothing for those who may not.
export function refreshPending(session, filter, since, outcome) {
  if (!session.can?.refresh) return null;
  if (!session.refresh_configured) return missing();
  return button('Refresh All Statuses', async () => {
    if (await confirmed('Refresh all statuses?', 'Every pending message under the present filter is asked for at its provider, as far as the provider has an API for it.',
      'Refresh')) await ask('/api/refresh-pending', filter, { since }, outcome);
  }, { symbol: 'refresh', id: 'refresh-all' });
}

export function refreshOne(session, message, outcome, onChange) {
  if (!session.can?.refresh || message.direction === 'inbound') return null;
  if (message.refreshable === false) return h('span', { class: 'none' }, 'Its provider has no way to be asked for a status.');
  if (!session.refresh_configured) return missing();
  const members = { message_ids: [message.message_id] };
  return button('Refresh Status', async () => {
    const progress = await ask('/api/refresh', members, members, outcome);
    if (progress?.fetched || progress?.changed) onChange();
  }, { symbol: 'refresh', id: 'refresh' });
}

// Returns an answer of the API as a list of sentences.
function sentences(answer) {
  if (answer.not_configured) return ['Twilio client not configured.'];
  return [
    `${count(answer.asked ?? 0, 'message')} asked for.`,
    answer.already_queued > 0 && `${count(answer.already_queued, 'message')} already waiting for an answer.`,
    answer.recent > 0 && `${count(answer.recent, 'message')} fetched within the last minute: not asked again.`,
    answer.final > 0 && `${count(answer.final, 'message')} in a final state: nothing more can come.`,
    answer.unknown > 0 && `${count(answer.unknown, 'message')} not known here.`,
    ...(answer.not_possible ?? []).map((one) => `${count(one.count, 'message')} of ${one.provider ?? 'other providers'}: no API to ask.`),
  ].filter(Boolean);
}

// Asks, and then reports what comes until nothing is waited for. Returns the last progress.
async function ask(path, body, which, outcome) {
  const list = h('ul');
  const came = h('p');
  outcome.replaceChildren(h('div', { class: 'notice' }, icon('refresh'), h('div', null, list, came)));
  let progress;
  try {
    const answer = await call(path, { body });
    list.append(...sentences(answer).map((sentence) => h('li', null, foreign(sentence))));
    const waited = (answer.asked ?? 0) + (answer.already_queued ?? 0);
    for (const end = Date.now() + patience; waited && outcome.isConnected && !answer.not_configured;) {
      progress = await call('/api/refresh/progress', { body: which });
      came.textContent = words(progress);
      if (!progress.waiting) return progress;
      if (Date.now() > end) came.textContent += ' The rest shows in the log when it comes.';
      if (Date.now() > end) break;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  } catch (error) {
    list.append(h('li', null, foreign(error.message)));
  }
  return progress;
}

function words(progress) {
  return [
    progress.waiting > 0 ? `${count(progress.waiting, 'answer')} still to come.` : 'All answers are here.',
    `${count(progress.fetched ?? 0, 'status came', 'statuses came')}, ${progress.changed ?? 0} of them with news.`,
    progress.failed > 0 && `${progress.failed} could not be fetched.`,
    progress.unknown > 0 && `${progress.unknown} not known to the provider.`,
  ].filter(Boolean).join(' ');
}

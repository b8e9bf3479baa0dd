// Asks for statuses anew, and says in words what was asked for and what comes. Loaded when somebody asks.
import { h, icon, foreign } from './dom.js';
import { call } from './api.js';
import { count } from './words.js';

const pause = 1500;
const patience = 60000;

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
export async function ask(path, body, which, outcome) {
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

// Keeps a page of the log fresh while it is visible: one small request every five seconds, never two at once.
import { call } from './api.js';
import { count } from './words.js';
import { h } from './dom.js';

const pause = 5000;
const most = 100; // the API counts no further

export function watch({ filter, since, messages, signal, status, onNew, onChanged }) {
  // The API looks back for some time before the last answer, so what has changed comes more than once.
  const known = new Map(messages.map((message) => [message.message_id, JSON.stringify(message)]));
  let asked = since;
  let arrived = 0;
  let failures = 0;
  let timer;
  const wait = () => { timer = setTimeout(ask, Math.min(pause * 2 ** failures, 60000)); };
  async function ask() {
    if (signal.aborted) return;
    if (document.hidden) return wait();
    try {
      const answer = await call('/api/messages/changes', { body: { ...filter, since, changed_since: asked, ids: [...known.keys()] }, signal });
      for (const message of answer.changed) {
        const text = JSON.stringify(message);
        if (known.get(message.message_id) !== text) onChanged(message);
        known.set(message.message_id, text);
      }
      if (failures > 1 || answer.new !== arrived) status.replaceChildren();
      if (answer.new && !status.firstChild) onNew(answer.new >= most ? `${most} or more new messages` : count(answer.new, 'new message'));
      arrived = answer.new;
      asked = answer.read_at;
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      if (failures === 2) status.replaceChildren(h('p', { class: 'none' }, `Live updates are paused. ${error.message}`));
      if (error.status === 403) return;
    }
    wait();
  }
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    clearTimeout(timer);
    ask();
  }, { signal });
  signal.addEventListener('abort', () => clearTimeout(timer));
  wait();
}

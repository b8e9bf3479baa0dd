// CSV of the filter. The browser downloads it by itself, with its own progress, unless the filter names a person: then the page
// asks by POST, shows how much has come, and hands the browser the file at the end.
import { h, icon, button } from './dom.js';
import { send, parameters } from './api.js';

const name = () => `messages-${new Date().toISOString().slice(0, 10)}.csv`;

export function csvButton(filter, outcome) {
  const words = [icon('download'), 'Download CSV'];
  if (!filter.recipient && !filter.text) {
    return h('a', { class: 'button', id: 'csv', href: `/api/messages.csv?${parameters(filter)}`, download: name() }, words);
  }
  return button(words, () => download(filter, outcome), { id: 'csv' });
}

async function download(body, outcome) {
  const stop = new AbortController();
  const words = h('span', null, 'CSV: waiting for the first rows…');
  const running = h('span', null, h('progress', { 'aria-label': 'CSV' }), ' ', button('Cancel', () => stop.abort()));
  outcome.replaceChildren(h('div', { class: 'notice' }, words, running));
  const parts = [];
  let bytes = 0;
  const size = () => `${(bytes / 1e6).toFixed(1)} MB`;
  try {
    const response = await send('/api/messages.csv', { body, signal: stop.signal });
    const reader = response.body.getReader();
    for (let part; !(part = await reader.read()).done;) {
      parts.push(part.value);
      bytes += part.value.length;
      words.textContent = `CSV: ${size()} so far`;
    }
    const link = h('a', { href: URL.createObjectURL(new Blob(parts, { type: 'text/csv' })), download: name() });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    words.textContent = `CSV: complete, ${size()}.`;
  } catch (error) {
    words.textContent = stop.signal.aborted ? 'CSV: cancelled.' : `CSV: broken off. ${error.message}`;
  }
  running.remove();
}

// CSV of a filter that names a person: the page asks by POST, shows how much has come, and hands the browser the file at the end.
// Loaded when somebody asks; every other filter the browser downloads by itself, with its own progress.
import { h, button } from './dom.js';
import { send } from './api.js';

export async function download(body, name, outcome) {
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
    const link = h('a', { href: URL.createObjectURL(new Blob(parts, { type: 'text/csv' })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    words.textContent = `CSV: complete, ${size()}.`;
  } catch (error) {
    words.textContent = stop.signal.aborted ? 'CSV: cancelled.' : `CSV: broken off. ${error.message}`;
  }
  running.remove();
}

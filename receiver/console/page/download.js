// CSV of the filter. Where the browser can write to a file as it comes, it does, and shows how much; else, unless the filter names
// a person, the browser downloads the address by itself; else the page collects the answer, and then saves it.
import { h, button } from './dom.js';
import { send, parameters } from './api.js';

const name = () => `messages-${new Date().toISOString().slice(0, 10)}.csv`;

export function csvButton(filter, outcome) {
  const { sort, ...members } = filter;
  const personal = members.recipient || members.text;
  const path = `/api/messages.csv?${parameters(members)}`;
  if (!personal && !window.showSaveFilePicker) {
    return h('a', { class: 'button', id: 'csv', href: path, download: name() }, 'Download CSV');
  }
  return button('Download CSV', () => download(personal ? '/api/messages.csv' : path, personal ? members : undefined, outcome), { symbol: 'download', id: 'csv' });
}

async function download(path, body, outcome) {
  const stop = new AbortController();
  const words = h('span', null, 'CSV: starting…');
  const say = (text) => { words.textContent = text; };
  const cancel = button('Cancel', () => stop.abort());
  const bar = h('progress', { 'aria-label': 'CSV download' });
  let file;
  try {
    file = await window.showSaveFilePicker?.({ suggestedName: name(), types: [{ accept: { 'text/csv': ['.csv'] } }] });
  } catch {
    return; // the viewer changed their mind
  }
  outcome.replaceChildren(h('div', { class: 'notice' }, bar, words, cancel));
  const target = await file?.createWritable();
  const kept = [];
  let bytes = 0;
  try {
    const response = await send(path, { body, signal: stop.signal });
    for (const reader = response.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.length;
      if (target) await target.write(value);
      else kept.push(value);
      say(`CSV: ${(bytes / 1e6).toFixed(1)} MB so far`);
    }
    await target?.close();
    if (!target) save(new Blob(kept, { type: 'text/csv' }));
    say(`CSV: complete, ${(bytes / 1e6).toFixed(1)} MB.`);
  } catch (error) {
    await target?.abort().catch(() => {});
    say(error.name === 'AbortError' ? 'CSV: cancelled.' : `CSV: broken off, not complete. ${error.message}`);
  }
  bar.remove();
  cancel.remove();
}

function save(blob) {
  const link = h('a', { href: URL.createObjectURL(blob), download: name() });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// Says things without taking the focus: short notices for eyes and screen readers, and a dialog for questions.
import { h, icon, button, foreign } from './dom.js';

const region = document.getElementById('notices');

// Shows a sentence for as long as it takes to read it; what failed stays until it is closed.
export function notify(sentence, failure = false) {
  const notice = h('div', { class: failure ? 'notice bad' : 'notice' }, icon(failure ? 'alert' : 'info'), foreign(sentence),
    button('Close', () => notice.remove(), { class: 'quiet' }));
  region.replaceChildren(notice);
  if (!failure) setTimeout(() => notice.remove(), 8000);
}

// Asks a question, and returns whether the answer is yes. The browser keeps the focus within the dialog, and gives it back.
export function confirmed(title, sentence, yes) {
  return new Promise((resolve) => {
    const dialog = h('dialog', { 'aria-labelledby': 'question', onclose: () => { dialog.remove(); resolve(dialog.returnValue === 'yes'); } },
      h('h2', { id: 'question' }, title), h('p', null, sentence),
      h('div', { class: 'tools' }, button('Cancel', () => dialog.close('no')),
        button(yes, () => dialog.close('yes'), { class: 'primary' })));
    document.body.append(dialog);
    dialog.showModal();
  });
}

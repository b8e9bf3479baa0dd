// Sign in. Where a session has ended, the form stands in place of the view, and the address stays.
import { h, icon } from './dom.js';
import { call } from './api.js';
import { forget } from './session.js';

let asking; // the sign-in that everything waits for

// Shows the form, and returns when somebody has signed in.
export function signIn(sentence) {
  asking ??= new Promise((resolve) => {
    const problem = h('p', { role: 'alert', class: 'problem', id: 'sign-in-problem' });
    const role = h('input', { id: 'role', name: 'role', autocomplete: 'username', required: true, autocapitalize: 'none', spellcheck: 'false' });
    const password = h('input', { id: 'password', name: 'password', type: 'password', autocomplete: 'current-password', required: true });
    const submit = h('button', { type: 'submit', class: 'primary', id: 'sign-in' }, 'Sign in');
    const form = h('form', {
      class: 'panel sign-in', 'aria-labelledby': 'sign-in-title',
      onsubmit: async (event) => {
        event.preventDefault();
        submit.disabled = true;
        problem.textContent = '';
        try {
          await call('/api/login', { body: { role: role.value, password: password.value }, signedOut: false });
          forget();
          asking = undefined;
          resolve();
        } catch (error) {
          problem.textContent = error.message;
          password.value = '';
          password.focus();
        }
        submit.disabled = false;
      },
    }, icon('checks'), h('h1', { id: 'sign-in-title', tabindex: -1 }, 'Sign in'), h('p', null, sentence),
    h('label', { for: 'role' }, 'PostgreSQL role'), role, h('label', { for: 'password' }, 'Password'), password, problem, submit);
    document.title = 'Sign in · msgstatus';
    const main = document.getElementById('main');
    main.removeAttribute('aria-busy');
    main.replaceChildren(form);
    role.focus();
  });
  return asking;
}

// Starts the page: the frame around every view, the table of addresses, and what happens when a session has ended.
import { h, icon, button, foreign } from './dom.js';
import { call, onSignedOut } from './api.js';
import { start, render, go } from './router.js';
import { whoami, forget } from './session.js';
import { watchAlerts, hideAlerts, showAlerts } from './alerts.js';
import { showLog } from './log.js';

// A view that few look at first is loaded when it is shown.
const later = (name) => async (context) => (await import(`./${name}.js`)).show(context);
const routes = [
  ['messages', 'Messages', /^\/(?:messages\/?|whatsapp_logs|sign-in)?$/, showLog],
  ['message', 'Message', /^\/messages\/(.+)$/, later('details')],
  ['campaigns', 'Campaigns', /^\/campaigns$/, later('campaigns')],
  ['rejected', 'Dead letters', /^\/rejected$/, later('rejected')],
  ['alerts', 'Alerts', /^\/alerts$/, showAlerts],
  ['attached', 'Attached tables', /^\/attached$/, later('attached')],
  ['health', 'Health', /^\/health$/, later('health')],
];
const links = [['messages', 'Messages', 'list'], ['campaigns', 'Campaigns', 'megaphone'], ['rejected', 'Dead letters', 'trash'],
  ['alerts', 'Alerts', 'bell'], ['attached', 'Attached tables', 'table'], ['health', 'Health', 'pulse']];

const pages = document.getElementById('pages');
const who = document.getElementById('who');

// Shows who is signed in, and where they can go.
async function frame() {
  // A role without any level may not even ask; it can sign out.
  const session = await whoami().catch((error) => { if (error.status !== 403) throw error; return { level: 'none' }; });
  pages.hidden = session.level === 'none';
  who.replaceChildren(h('span', { class: 'role', title: session.masked && 'Numbers and ids are masked for this role' },
    session.role && foreign(session.role), h('small', null, session.level === 'none' ? 'no level' : session.level, session.masked && ', masked')),
  button('Sign out', signOut, { symbol: 'out', class: 'quiet', id: 'sign-out' }));
  if (!pages.hidden) watchAlerts();
}

async function signOut() {
  await call('/api/logout', { body: {}, signedOut: false }).catch(() => {});
  forget();
  await signedOut('You are signed out.');
  render();
}

async function signedOut(sentence = 'Sign in to go on; you come back to this address.') {
  pages.hidden = true;
  who.replaceChildren();
  hideAlerts();
  await (await import('./sign_in.js')).signIn(sentence);
  if (location.pathname === '/sign-in') history.replaceState(null, '', '/messages');
  await frame();
}

pages.append(h('ul', null, links.map(([name, title, symbol]) => h('li', null, h('a', { href: `/${name}` }, icon(symbol), h('span', null, title))))));
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  document.getElementById('main').focus();
});
onSignedOut(signedOut);
frame().catch(() => {}); // the view says why
start(routes);

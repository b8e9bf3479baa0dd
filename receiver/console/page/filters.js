// The filters of the log. They stand in the address, but for those that name a person: these stay in the history of the tab.
import { h, button } from './dom.js';
import { states, phrase } from './words.js';
import { go } from './router.js';

const shared = ['type', 'provider', 'direction', 'campaign', 'from', 'to', 'sort'];

// Returns the filter of an address and of the personal members, with only what is given.
export function readFilter(query, personal = {}) {
  const filter = { state: query.getAll('state'), ...personal };
  for (const name of shared) filter[name] = query.get(name);
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value?.length));
}

export function isFiltered({ sort, ...filter }) { return Object.keys(filter).length > 0; }

// Goes to the log under a filter, at its first page.
export function apply({ recipient, text, ...filter }) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) for (const one of [value].flat()) if (one) query.append(name, one);
  const personal = { ...(recipient && { recipient }), ...(text && { text }) };
  return go(query.size ? `/messages?${query}` : '/messages', { personal });
}

// A datetime-local field knows the viewer's zone, the address UTC.
function toLocal(value) {
  const at = new Date(value ?? NaN);
  return isNaN(at) ? '' : new Date(at - at.getTimezoneOffset() * 60e3).toISOString().slice(0, 16);
}

const periods = [['', 'Choose…'], [1, 'Last hour'], [24, 'Last 24 hours'], [168, 'Last 7 days'], [720, 'Last 30 days']];

export function filterForm(filter, session) {
  const field = (label, control, hint) => h('div', { class: 'field' }, h('label', { for: control.id }, label), control,
    hint && h('small', { id: `${control.id}-hint` }, hint));
  const input = (name, attributes) => h('input', { id: `f-${name}`, name, autocomplete: 'off', ...attributes });
  const select = (name, options, chosen) => h('select', { id: `f-${name}`, name }, options.map(([value, label]) =>
    h('option', { value, selected: String(value) === String(chosen ?? '') }, label)));
  const listed = (name, all, known = []) => select(name,
    [['', all], ...[...new Set([...known, filter[name]])].filter(Boolean).map((one) => [one, one])], filter[name]);
  const chosen = filter.state ?? [];
  const from = input('from', { type: 'datetime-local', value: toLocal(filter.from) });
  const to = input('to', { type: 'datetime-local', value: toLocal(filter.to) });
  const period = select('period', periods);
  period.addEventListener('change', () => {
    if (!period.value) return;
    from.value = toLocal(Date.now() - period.value * 3600e3);
    to.value = '';
  });
  const masked = session.masked;
  const form = h('form', {
    id: 'filters', 'aria-label': 'Filters',
    onsubmit: (event) => {
      event.preventDefault();
      const given = new FormData(form);
      const next = { state: given.getAll('state'), sort: filter.sort };
      for (const name of ['type', 'provider', 'direction', 'campaign', 'recipient', 'text']) next[name] = given.get(name)?.trim();
      for (const name of ['from', 'to']) next[name] = given.get(name) && new Date(given.get(name)).toISOString();
      apply(next);
    },
  },
  h('details', { class: 'states' }, h('summary', { id: 'f-states' }, `State: ${chosen.map(phrase).join(', ') || 'all'}`),
    h('fieldset', null, h('legend', null, 'One or several states'), states.map((name) => h('label', null,
      h('input', { type: 'checkbox', name: 'state', value: name, id: `f-state-${name}`, checked: chosen.includes(name) }), phrase(name))))),
  field('Type', listed('type', 'All types', session.types)),
  field('Provider', listed('provider', 'All providers', session.providers)),
  field('Direction', select('direction', [['', 'Both'], ['outbound', 'Outbound'], ['inbound', 'Inbound']], filter.direction)),
  field('Recipient', input('recipient', { type: 'text', inputmode: 'tel', value: filter.recipient, placeholder: '+49…', maxlength: masked && 6,
    'aria-describedby': masked && 'f-recipient-hint' }), masked && 'its first 6 characters at most'),
  field('Campaign', input('campaign', { type: 'text', value: filter.campaign })),
  !masked && field('Text in metadata', input('text', { type: 'search', value: filter.text })),
  field('Period', period), field('From', from), field('To', to),
  h('div', { class: 'tools' }, h('button', { type: 'submit', class: 'primary', id: 'apply' }, 'Apply'),
    button('Clear', () => apply({ sort: filter.sort }), { id: 'clear', disabled: !isFiltered(filter) })));
  return form;
}

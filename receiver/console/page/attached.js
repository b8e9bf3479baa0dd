// Attached tables: which tables follow the statuses, and which of their rows could not be updated.
import { h, foreign, panel, heading } from './dom.js';
import { call } from './api.js';
import { phrase, value } from './words.js';
import { table } from './table.js';

// Returns a table of everything in the rows that is no object.
function anyTable(caption, rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => rows.some((row) => typeof row[name] !== 'object'));
  return table(caption, names.map((name, at) => ({ title: phrase(name), head: at === 0, wide: /message$|error|columns/.test(name),
    cell: (row) => row[name] == null ? foreign(null) : value(name, row[name]) })), rows);
}

export async function showAttached({ signal }) {
  const answer = await call('/api/attached', { signal });
  const rows = answer.attached ?? answer.tables ?? [];
  const nested = rows.filter((row) => Array.isArray(row.failures));
  const failures = answer.failures ?? nested.flatMap((row) => row.failures.map((failure) => ({ table: row.table ?? row.table_name ?? row.name, ...failure })));
  return h('div', null, heading('Attached tables'), rows.length ? anyTable('Tables that follow the statuses of messages', rows)
    : panel('table', 'No attached tables', 'A table appears here once attach_table() has attached it.'),
  failures.length > 0 && h('section', { 'aria-labelledby': 'failures' }, h('h2', { id: 'failures' }, 'Failures'), anyTable('Messages whose rows could not be updated', failures)));
}

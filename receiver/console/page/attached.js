// Attached tables: which tables follow the statuses, and which of their rows could not be updated.
import { h, panel, heading } from './dom.js';
import { call } from './api.js';
import { table, columnsOf } from './table.js';

export async function show({ signal }) {
  const { attached } = await call('/api/attached', { signal });
  const failures = attached.flatMap((row) => (row.failures ?? []).map((failure) => ({ table: row.table, ...failure })));
  const listed = (caption, rows) => table(caption, columnsOf(rows).map((column, at) => ({ ...column, head: !at })), rows);
  return h('div', null, heading('Attached tables'), attached.length ? listed('Tables that follow the statuses of messages', attached)
    : panel('table', 'No attached tables', 'A table appears here once attach_table() has attached it.'),
  failures.length > 0 && h('section', null, h('h2', null, 'Failures'), listed('Messages whose rows could not be updated', failures)));
}

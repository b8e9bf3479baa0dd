// Attached tables: which tables follow the statuses, and which of their rows could not be updated.
import { h, panel, heading } from './dom.js';
import { call } from './api.js';
import { table, columnsOf } from './table.js';

export async function show({ signal }) {
  const { attached } = await call('/api/attached', { signal });
  return h('div', null, heading('Attached tables'), attached.length ? table('Tables that follow the statuses of messages', columnsOf(attached), attached)
    : panel('table', 'No attached tables', 'A table appears here once attach_table() has attached it.'));
}

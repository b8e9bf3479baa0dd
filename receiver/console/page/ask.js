// The buttons that have statuses of messages fetched from their provider anew.
import { h, icon, button } from './dom.js';

const missing = () => h('span', { class: 'none', id: 'not-configured' }, icon('info'), 'Twilio client not configured');

// Returns the button for all pending messages under a filter, or what stands in its place; nothing for those who may not.
export function refreshPending(session, filter, since, outcome) {
  if (!session.can?.refresh) return null;
  if (!session.refresh_configured) return missing();
  return button('Refresh All Statuses', async () => {
    const [{ confirmed }, { ask }] = await Promise.all([import('./notices.js'), import('./progress.js')]);
    if (await confirmed('Refresh all statuses?', 'Every pending message under the present filter is asked for at its provider, as far as the provider has an API for it.',
      'Refresh')) await ask('/api/refresh-pending', filter, { since }, outcome);
  }, { symbol: 'refresh', id: 'refresh-all' });
}

export function refreshOne(session, message, outcome, onChange) {
  if (!session.can?.refresh || message.direction === 'inbound') return null;
  if (message.refreshable === false) {
    return h('span', { class: 'none' }, message.last_status_check_outcome === 'unknown' ? 'Its provider does not know it.'
      : message.provider === 'twilio' ? 'Its state is final.' : 'Its provider has no way to be asked for a status.');
  }
  if (!session.refresh_configured) return missing();
  const members = { message_ids: [message.message_id] };
  return button('Refresh Status', async () => {
    const { ask } = await import('./progress.js');
    const progress = await ask('/api/refresh', members, members, outcome);
    if (progress?.fetched || progress?.changed) onChange();
  }, { symbol: 'refresh', id: 'refresh' });
}

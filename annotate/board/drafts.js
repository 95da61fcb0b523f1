// Drafts survive a reload, a lost connection and a sign-out: they lie in the browser, under the lease.
import { comment, marked, own } from './board.js';

const PREFIX = 'rankloop:draft:';
// In ms. A task that nobody came back to for a week has long gone to somebody else.
const KEPT = 7 * 86400e3;

export function keepDraft(board) {
  const { lease, slots, seconds } = board.state;
  if (!lease) return;
  const draft = { slots, comment: comment(board).value, marked: marked(board).checked, seconds, at: Date.now() };
  if (own(board).value) draft.own = own(board).value;
  try { localStorage.setItem(PREFIX + lease, JSON.stringify(draft)); } catch { /* a full or forbidden storage */ }
}

export function draftOf(lease) {
  try { return JSON.parse(localStorage.getItem(PREFIX + lease)); } catch { return null; }
}

// Drop the draft of a stored ranking, and those that nobody came back to.
export function dropDrafts(lease) {
  const oldest = Date.now() - KEPT;
  try {
    for (const key of Object.keys(localStorage).filter((name) => name.startsWith(PREFIX))) {
      const old = (JSON.parse(localStorage.getItem(key))?.at ?? 0) < oldest;
      if (old || key === PREFIX + lease) localStorage.removeItem(key);
    }
  } catch { /* as above */ }
}

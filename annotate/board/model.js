// What the person has chosen so far. `slots[i]` is the rank slot of response i, or null; equal slots are a tie.
const LETTERS = 'ABCDEFGH';
const state = { view: null, lease: null, slots: [], picked: null, history: [], pending: null, panel: null, seconds: 0 };

function count() { return state.slots.length; }
function letter(i) { return LETTERS[i]; }
function unranked() { return state.slots.flatMap((slot, i) => (slot === null ? [i] : [])); }
function complete() { return count() > 0 && unranked().length === 0; }

// Ranks without gaps, in the order shown: slots 1, 3, 3 become levels 1, 2, 2.
function levels() {
  const used = [...new Set(state.slots)].sort((a, b) => a - b);
  return state.slots.map((slot) => used.indexOf(slot) + 1);
}

function tiedWith(i) {
  return state.slots.flatMap((slot, j) => (j !== i && slot !== null && slot === state.slots[i] ? [letter(j)] : []));
}

function pick(i) {
  state.picked = i;
  say(`${letter(i)} picked. ${describe(i)}`);
  refresh(true);
}

function place(i, slot) {
  state.picked = i;
  if (state.slots[i] !== slot) {
    state.history.push([...state.slots]);
    state.slots[i] = slot;
    keepDraft();
  }
  const left = unranked().length;
  say(`${letter(i)}: ${describe(i)}. ${left ? `${left} left.` : 'All ranked: Enter submits.'}`);
}

// The next response without a rank follows at once, so that A 1 2 2 3 ranks four.
function rank(slot) {
  const i = state.picked ?? unranked()[0];
  if (i === undefined) return;
  const fresh = state.slots[i] === null;
  place(i, slot);
  if (fresh && unranked().length) state.picked = unranked().find((j) => j > i) ?? unranked()[0];
  refresh(true);
}

function move(step) {
  const i = state.picked ?? unranked()[0] ?? 0;
  const from = state.slots[i];
  const to = from === null ? (step > 0 ? 0 : count() - 1) : Math.min(Math.max(from + step, 0), count() - 1);
  place(i, to);
  refresh(true);
}

function clear() {
  if (state.picked === null || state.slots[state.picked] === null) return;
  place(state.picked, null);
  refresh(true);
}

function undo() {
  const before = state.history.pop();
  if (!before) return say('Nothing to undo.');
  state.slots = before;
  keepDraft();
  say(`Undone. ${unranked().length} left.`);
  refresh(true);
}

function describe(i) {
  const slot = state.slots[i];
  if (slot === null) return 'not ranked';
  const others = tiedWith(i);
  return `rank ${slot + 1}` + (others.length ? `, tied with ${others.join(', ')}` : '');
}

// Drafts survive a reload, a lost connection and a sign-out: they lie in the browser, under the lease.
const DRAFT = 'rankloop:draft:';

function keepDraft() {
  if (!state.lease) return;
  const kept = { slots: state.slots, comment: comment().value, marked: marked().checked, seconds: state.seconds };
  const draft = { ...kept, at: Date.now() };
  try { localStorage.setItem(DRAFT + state.lease, JSON.stringify(draft)); } catch { /* a full or forbidden storage */ }
}

function draftOf(lease) {
  try { return JSON.parse(localStorage.getItem(DRAFT + lease)); } catch { return null; }
}

function dropDrafts(lease) {
  const week = Date.now() - 7 * 86400e3;
  try {
    for (const key of Object.keys(localStorage).filter((name) => name.startsWith(DRAFT))) {
      const old = (JSON.parse(localStorage.getItem(key))?.at ?? 0) < week;
      if (old || key === DRAFT + lease) localStorage.removeItem(key);
    }
  } catch { /* as above */ }
}

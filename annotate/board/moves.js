// What a person can do with the ranks. Each move changes the state, keeps the draft, says what happened and shows it.
import { say } from './board.js';
import { keepDraft } from './drafts.js';
import { letter } from './letters.js';
import { beside, describe, following, put, takeBack, unranked } from './model.js';
import { refresh } from './refresh.js';

export function pick(board, i) {
  board.state.picked = i;
  say(board, `${letter(i)} picked. ${describe(board.state, i)}`);
  refresh(board, true);
}

// Into a slot, or back into the tray with null. Shows nothing yet: what is dragged is not yet where it belongs.
export function place(board, i, slot) {
  if (put(board.state, i, slot)) keepDraft(board);
  const left = unranked(board.state).length;
  const rest = left ? `${left} left.` : 'All ranked: Enter submits.';
  say(board, `${letter(i)}: ${describe(board.state, i)}. ${rest}`);
}

// The next response without a rank follows at once, so that A 1 2 2 3 ranks four.
export function rank(board, slot) {
  const { state } = board;
  const i = state.picked ?? unranked(state)[0];
  if (i === undefined) return;
  const fresh = state.slots[i] === null;
  place(board, i, slot);
  if (fresh) state.picked = following(state, i) ?? i;
  refresh(board, true);
}

// One rank better with -1, worse with 1.
export function move(board, step) {
  const { state } = board;
  const i = state.picked ?? unranked(state)[0] ?? 0;
  place(board, i, beside(state, i, step));
  refresh(board, true);
}

export function clear(board) {
  const { picked, slots } = board.state;
  if (picked === null || slots[picked] === null) return;
  place(board, picked, null);
  refresh(board, true);
}

export function undo(board) {
  if (!takeBack(board.state)) {
    say(board, 'Nothing to undo.');
    return;
  }
  keepDraft(board);
  say(board, `Undone. ${unranked(board.state).length} left.`);
  refresh(board, true);
}

// Keyboard first. No key sends work away at once: S and F open a panel, Enter refuses until all is ranked.
import { own } from './board.js';
import { dropGhost } from './drag.js';
import { commandOf, digitOf, latin, letterOf } from './letters.js';
import { bring } from './long.js';
import { count } from './model.js';
import { clear, move, pick, rank, undo } from './moves.js';
import { sendOwn } from './own.js';
import { chooseReason, closePanel, confirmPanel, openPanel } from './panel.js';
import { openSheet, sheetOpen, singleKeys } from './sheet.js';
import { back, send, submit } from './talk.js';
import { showWritten } from './written.js';

const TYPING = 'textarea, input:not([type="checkbox"]), select, [contenteditable]';
const REASONS = 9; // as many as digits can choose
const MOVES = {
  ArrowLeft: (board) => move(board, -1), ArrowRight: (board) => move(board, 1), Backspace: clear, Delete: clear,
  Enter: submit, Escape: back,
};
// In either case; see letters.js for what comes first where such a letter names a response.
const COMMANDS = {
  S: (board) => openPanel(board, 'skip'), F: (board) => openPanel(board, 'flag'),
  P: (board) => send(board, 'previous'), W: showWritten,
};

export function onKey(board, event) {
  const { element, state } = board;
  if (!element.isConnected || event.isComposing || sheetOpen(board)) return;
  if (state.drag && event.key === 'Escape') {
    dropGhost(board);
    return;
  }
  const keys = !state.view?.task ? restKey : state.panel ? panelKey : boardKey;
  const doing = keys(board, event);
  if (!doing) return;
  event.preventDefault();
  doing(board);
}

// Letters, digits and signs, which can be switched off.
function single(event) { return event.key.length === 1 && event.key !== ' '; }

// What a key does where there is nothing to rank: a look at the ranking before, and at the keys.
function restKey(board, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !singleKeys() || event.target.closest?.(TYPING)) return null;
  if (event.key === '?') return openSheet;
  return board.state.view && commandOf(event, 0) === 'P' ? COMMANDS.P : null;
}

// What a key does while the ranks are shown: a function of the board, or nothing where the key is the browser's.
function boardKey(board, event) {
  const typing = event.target.closest?.(TYPING);
  if (event.ctrlKey || event.metaKey) {
    if (event.key === 'Enter') return typing && typing === own(board) ? sendOwn : submit;
    return latin(event) === 'Z' && !event.shiftKey && !typing ? undo : null;
  }
  if (event.altKey) return null;
  if (typing) return event.key === 'Escape' ? () => typing.blur() : null;
  const control = event.target.closest?.('button, a, summary');
  if (control?.dataset.chip && event.key === ' ') return () => choose(board, Number(control.dataset.chip));
  const presses = event.key === 'Enter' || event.key === ' ';
  if (control && !control.dataset.chip && presses) return null;
  return action(count(board.state), event);
}

function action(size, event) {
  if (single(event) && !singleKeys()) return null;
  if (event.key === '?') return openSheet;
  const picked = letterOf(event, size);
  if (picked >= 0) return (board) => choose(board, picked);
  const slot = digitOf(event, size);
  if (slot >= 0) return (board) => rank(board, slot);
  return MOVES[event.key] ?? COMMANDS[commandOf(event, size)];
}

function choose(board, i) {
  const again = board.state.picked === i;
  pick(board, i);
  bring(board, i, again);
}

// What a key does while the panel is open.
function panelKey(board, event) {
  if (event.key === 'Escape') return closePanel;
  const typing = event.target.closest?.('textarea');
  const control = event.target.closest?.('button');
  if (event.key === 'Enter' && !control && (!typing || event.ctrlKey || event.metaKey)) return confirmPanel;
  const place = singleKeys() ? digitOf(event, REASONS) + 1 : 0;
  return !typing && chooseReason(board, place) ? () => {} : null;
}

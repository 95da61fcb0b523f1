// Keyboard first. No key sends work away at once: S and F open a panel, Enter refuses until all is ranked.
import { own } from './board.js';
import { dropGhost } from './drag.js';
import { commandOf, digitOf, latin, letterOf } from './letters.js';
import { count } from './model.js';
import { clear, move, pick, rank, undo } from './moves.js';
import { sendOwn } from './own.js';
import { chooseReason, closePanel, confirmPanel, openPanel } from './panel.js';
import { back, send, submit } from './talk.js';
import { showWritten } from './written.js';

const TYPING = 'textarea, input:not([type="checkbox"]), select, [contenteditable]';
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
  if (!element.isConnected || event.isComposing || !state.view?.task) return;
  if (state.drag && event.key === 'Escape') {
    dropGhost(board);
    return;
  }
  const doing = state.panel ? panelKey(board, event) : boardKey(board, event);
  if (!doing) return;
  event.preventDefault();
  doing(board);
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
  const presses = event.key === 'Enter' || event.key === ' ';
  if (control && !control.dataset.chip && presses) return null;
  return action(count(board.state), event);
}

function action(size, event) {
  const picked = letterOf(event, size);
  if (picked >= 0) return (board) => pick(board, picked);
  const slot = digitOf(event, size);
  if (slot >= 0) return (board) => rank(board, slot);
  return MOVES[event.key] ?? COMMANDS[commandOf(event, size)];
}

// What a key does while the panel is open.
function panelKey(board, event) {
  if (event.key === 'Escape') return closePanel;
  const typing = event.target.closest?.('textarea');
  const control = event.target.closest?.('button');
  if (event.key === 'Enter' && !control && (!typing || event.ctrlKey || event.metaKey)) return confirmPanel;
  return !typing && chooseReason(board, Number(event.key)) ? () => {} : null;
}

// An answer of the person's own. It goes to the server by itself, which puts it above all that is shown; the task and
// the ranks stay as they are. What is written and not sent stays in the draft, whether it is shown or not.
import { own, say, tell } from './board.js';
import { keepDraft } from './drafts.js';
import { send } from './talk.js';

export function drawOwn(board) { board.find('.own').hidden = !board.state.view.write; }

// Where something was written already the field is open.
export function restoreOwn(board, text) {
  own(board).value = text;
  show(board, text !== '');
}

export function openOwn(board) {
  show(board, true);
  own(board).focus();
}

export function closeOwn(board) {
  show(board, false);
  board.find('[data-do="write"]').focus({ preventScroll: true });
}

export function sendOwn(board) {
  if (own(board).value.trim()) send(board, 'write', own(board).value);
  else tell(board, 'Your answer is empty: write something.');
}

// The server has it.
export function ownStored(board) {
  restoreOwn(board, '');
  keepDraft(board);
  say(board, 'Your answer is saved.');
}

function show(board, open) {
  board.find('.own .writing').hidden = !open;
  board.find('[data-do="write"]').hidden = open;
}

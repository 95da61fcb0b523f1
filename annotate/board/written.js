// The texts without any looks, as the characters that were written; it stays so from task to task.
import { say } from './board.js';

// Shown now if they were not, and the other way round.
export function showWritten(board) {
  const on = board.find('.board').classList.toggle('raw');
  board.find('[data-do="written"]').setAttribute('aria-pressed', String(on));
  say(board, on ? 'Texts as they were written.' : 'Texts as they are meant to look.');
}

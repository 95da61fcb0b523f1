// Clicks and taps. Each button says in `data-do` what it does; a click elsewhere is a tap on a card or a rank.
import { tap } from './drag.js';
import { turnFold } from './long.js';
import { undo } from './moves.js';
import { closeOwn, openOwn, sendOwn } from './own.js';
import { closePanel, confirmPanel, openPanel } from './panel.js';
import { closeReminder } from './session.js';
import { closeSheet, openSheet } from './sheet.js';
import { back, send, submit } from './talk.js';
import { showWritten } from './written.js';

const BUTTONS = {
  undo, submit, back, rested: closeReminder,
  skip: (board) => openPanel(board, 'skip'), flag: (board) => openPanel(board, 'flag'),
  write: openOwn, unwrite: closeOwn, keep: sendOwn,
  drop: (board) => send(board, 'skip', 'The page could not show this task'), written: showWritten, keys: openSheet, unkeys: closeSheet,
  more: (board, button) => turnFold(button.parentElement),
  close: closePanel, confirm: confirmPanel,
  next: (board) => send(board, 'next'), previous: (board) => send(board, 'previous'), earlier: (board) => send(board, 'previous'),
};

export function press(board, event) {
  const button = event.target.closest('[data-do]');
  if (button) BUTTONS[button.dataset.do](board, button);
  else tap(board, event);
}

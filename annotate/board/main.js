// The entry: gr.HTML's `js_on_load` calls `start` each time a board has come onto the page.
import { comment, marked, newBoard, own } from './board.js';
import { press } from './buttons.js';
import { startClock } from './clock.js';
import { keepDraft } from './drafts.js';
import { endDrag, moveDrag, startDrag } from './drag.js';
import { onKey } from './keys.js';
import { measure, openAround, watchBar } from './long.js';
import { receive } from './receive.js';
import { switchKeys } from './sheet.js';

export function start({ element, props, trigger, watch }) {
  const board = newBoard({ element, props, trigger });
  const keep = () => keepDraft(board);
  startClock(board);
  watchBar(board);
  element.addEventListener('click', (event) => press(board, event));
  element.addEventListener('pointerdown', (event) => startDrag(board, event));
  element.addEventListener('pointermove', (event) => moveDrag(board, event));
  element.addEventListener('pointerup', (event) => endDrag(board, event));
  element.addEventListener('pointercancel', (event) => endDrag(board, event));
  comment(board).addEventListener('input', keep);
  own(board).addEventListener('input', keep);
  marked(board).addEventListener('change', keep);
  element.addEventListener('focusin', openAround);
  board.find('.sheet input').addEventListener('change', (event) => switchKeys(event.target.checked));
  // These outlive the element; the clock ends them when it has left the page.
  addEventListener('pagehide', keep, { signal: board.left.signal });
  addEventListener('resize', () => measure(board), { signal: board.left.signal });
  document.addEventListener('keydown', (event) => onKey(board, event), { signal: board.left.signal });
  watch('value', () => receive(board));
  receive(board);
}

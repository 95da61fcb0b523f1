// Dragging by pointer events, so that mouse, pen and finger are one thing. A press without a move is a pick.
import { make } from './board.js';
import { ink, letter } from './letters.js';
import { bring } from './long.js';
import { pick, place, rank } from './moves.js';
import { refresh } from './refresh.js';

// In px. A hand that only presses shakes by less.
const FAR = 6;
// In px around a slot that still count as it: half the gap to the next one beside it; more above and below, because a
// finger hides what it points at. Where two slots are that near, the first counts.
const BESIDE = 4;
const ABOVE = 14;
const PRIMARY = 0; // the left button, a pen's tip, a finger

export function startDrag(board, event) {
  const piece = event.target.closest('[data-drag]');
  if (!piece || event.button !== PRIMARY || board.state.drag) return;
  board.state.drag = { i: Number(piece.dataset.drag), piece, x: event.clientX, y: event.clientY, ghost: null };
  piece.setPointerCapture(event.pointerId);
}

export function moveDrag(board, event) {
  const { drag } = board.state;
  if (!drag) return;
  const { clientX: x, clientY: y } = event;
  if (!drag.ghost && Math.hypot(x - drag.x, y - drag.y) < FAR) return;
  if (!drag.ghost) liftGhost(board);
  drag.ghost.style.left = `${x}px`;
  drag.ghost.style.top = `${y}px`;
  const over = slotAt(board, x, y);
  board.findAll('.over').forEach((box) => box.classList.toggle('over', box === over));
  over?.classList.add('over');
}

export function endDrag(board, event) {
  if (!board.state.drag) return;
  const { i, piece, ghost } = board.state.drag;
  const dropped = event.type === 'pointerup'; // else the browser took the pointer away
  const over = ghost && dropped ? slotAt(board, event.clientX, event.clientY) : null;
  dropGhost(board);
  if (!ghost && dropped) {
    pick(board, i);
    if (piece.dataset.chip) bring(board, i);
    return;
  }
  if (over) place(board, i, over.dataset.slot === undefined ? null : Number(over.dataset.slot));
  refresh(board, false);
}

// Without an end: what was lifted lies where it lay.
export function dropGhost(board) {
  const { drag } = board.state;
  drag.ghost?.remove();
  drag.piece.classList.remove('lifted');
  board.find('.board').classList.remove('dragging');
  board.findAll('.over').forEach((box) => box.classList.remove('over'));
  board.state.drag = null;
}

// Without dragging: tap a letter, then tap a rank. A tap on a card picks it, unless text is being selected.
export function tap(board, event) {
  const { state } = board;
  if (event.target.closest('[data-drag], a, button, textarea, label') || !state.view?.task) return;
  const slot = event.target.closest('.slot');
  if (slot && state.picked !== null) {
    rank(board, Number(slot.dataset.slot));
    return;
  }
  const face = event.target.closest('.card');
  if (face && !String(getSelection())) pick(board, Number(face.dataset.card));
}

function liftGhost(board) {
  const { drag } = board.state;
  drag.ghost = make('div', `ghost chip ${ink(drag.i)}`, letter(drag.i));
  board.find('.board').append(drag.ghost);
  board.find('.board').classList.add('dragging');
  drag.piece.classList.add('lifted');
}

// The slot or tray under a point, null where there is none.
function slotAt(board, x, y) {
  const near = ({ left, right, top, bottom }) =>
    x >= left - BESIDE && x <= right + BESIDE && y >= top - ABOVE && y <= bottom + ABOVE;
  return board.findAll('.slot, .tray').find((box) => near(box.getBoundingClientRect())) ?? null;
}
